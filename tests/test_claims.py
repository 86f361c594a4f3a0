"""Claims: one process at a time computes a label, and no claim outlives its maker for long."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from smallcell.claims import Maker, claimed
from smallcell.jobs import label_once
from smallcell.programs import ask_pw
from smallcell.store import CLAIMS, read_label

KEY = "0a1b2c-pw.x-6"
HOLD = """
import sys, time
from pathlib import Path
from smallcell.claims import claimed
with claimed(Path(sys.argv[1]), sys.argv[2], beat=0.2):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@contextmanager
def held_by_another(store: Path, seconds: float):
    """A process that holds the claim for some seconds."""
    command = [sys.executable, "-c", HOLD, str(store), KEY, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def seconds_to_claim(store: Path, patience: float = 60.0) -> float:
    """How long it takes to get the claim."""
    began = time.monotonic()
    with claimed(store, KEY, patience=patience):
        return time.monotonic() - began


def left_by_a_lost_node(store: Path, **changes) -> Path:
    """A claim of a process of this number on another machine, which nobody renews."""
    claim = store / CLAIMS / f"{KEY}.0"
    claim.parent.mkdir(parents=True)
    claim.write_text(json.dumps(asdict(replace(Maker.myself(), machine="another", **changes))))
    return claim


def test_a_claim_leaves_nothing_behind(tmp_path):
    assert seconds_to_claim(tmp_path) < 0.5
    assert not list((tmp_path / CLAIMS).iterdir())


def test_a_second_process_waits_for_the_first(tmp_path, capfd):
    with held_by_another(tmp_path, seconds=2) as other:
        assert seconds_to_claim(tmp_path) > 1
        assert other.wait() == 0
    assert f"process {other.pid} computes it; waiting" in capfd.readouterr().err


def test_the_claim_of_a_killed_process_of_this_machine_is_void_at_once(tmp_path):
    with held_by_another(tmp_path, seconds=60) as other:
        os.kill(other.pid, signal.SIGKILL)
        # Nobody has waited for it yet: its entry in the table of processes is still there.
        assert seconds_to_claim(tmp_path) < 2


def test_a_process_that_got_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path):
    claim = left_by_a_lost_node(tmp_path)
    maker = replace(Maker.myself(), began="1")
    claim.write_text(json.dumps(asdict(maker)))
    assert seconds_to_claim(tmp_path) < 1


@pytest.mark.parametrize("shift", [-86400, 86400], ids=["set back", "set ahead"])
def test_the_claim_of_a_lost_node_is_void_after_a_while_whatever_its_clock_said(tmp_path, shift):
    claim = left_by_a_lost_node(tmp_path)
    there = time.time() + shift
    os.utime(claim, (there, there))
    assert 1 < seconds_to_claim(tmp_path, patience=1) < 4
    assert not list((tmp_path / CLAIMS).iterdir())


def test_a_claim_that_was_being_written_when_its_maker_died_is_void_after_a_while(tmp_path):
    left_by_a_lost_node(tmp_path).write_text("")
    assert 1 < seconds_to_claim(tmp_path, patience=1) < 4


def test_a_node_that_renews_its_claim_is_waited_for(tmp_path):
    claim = left_by_a_lost_node(tmp_path)
    until = time.monotonic() + 4

    def renew():
        while time.monotonic() < until:
            # Its clock goes backwards.
            moment = claim.stat().st_mtime - 3600
            os.utime(claim, (moment, moment))
            time.sleep(0.2)
        claim.unlink()

    node = threading.Thread(target=renew)
    node.start()
    assert seconds_to_claim(tmp_path, patience=2) > 3
    node.join()


def test_of_many_that_wait_for_a_void_claim_one_at_a_time_gets_it(tmp_path):
    left_by_a_lost_node(tmp_path)
    inside, most, counting = 0, 0, threading.Lock()

    def work():
        nonlocal inside, most
        with claimed(tmp_path, KEY, patience=1):
            with counting:
                inside += 1
                most = max(most, inside)
            time.sleep(0.2)
            with counting:
                inside -= 1

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == 1


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "labels").write_text("a file")
    with (
        pytest.raises(OSError, match="label store .*labels: it cannot be written"),
        claimed(tmp_path / "labels", KEY),
    ):
        pass


def test_two_jobs_of_one_label_compute_it_once(labelled_store, tmp_path):
    settings = labelled_store.settings | {"labels": {"store": str(tmp_path), "closest": 0.4}}
    crystal, program = labelled_store.crystal, ask_pw("pw.x")
    calculation = labelled_store.crystal_calculation(crystal)
    reports = []

    def work():
        report, _ = label_once(crystal, calculation, program, settings, [str(labelled_store.upf)])
        reports.append(report)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(report["fate"] for report in reports) == ["from store", "labelled"]
    assert min(report["core_seconds"] for report in reports) == 0
    assert read_label(tmp_path, reports[0]["key"])
