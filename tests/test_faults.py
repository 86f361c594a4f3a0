"""Faults at the borders, of real causes: each ends with a name or a line that says what to do.

What happens to the store is in test_store.py, failures of pw.x by itself are in test_ladder.py.
"""

import errno
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from conftest import REPOSITORY
from processes import program, wait_until, working_in

from smallcell import labels, sampling
from smallcell.jobs import label_once
from smallcell.labels import OUTPUT, Fate, judge, run_pw
from smallcell.programs import ask_pw, killed
from smallcell.results import results_faults
from smallcell.store import find_label

ENDLESS_PW = {"conv_thr": 1e-30, "electron_maxstep": 10_000}
ENDLESS_LAMMPS = """\
units lj
lattice fcc 0.8
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 1
pair_style lj/cut 2.5
pair_coeff 1 1 1 1
fix dynamics all nve
thermo 1000
run 2000000000
"""


def said(file):
    """What is in a file that need not be there."""
    return file.read_text(errors="replace") if file.exists() else ""


def crystal_of(labelled_store, **electrons):
    """The store's crystal and its calculation, with other entries of pw.x's namelist electrons."""
    described = labelled_store.crystal_calculation(labelled_store.crystal)
    return labelled_store.crystal, replace(described, electrons=described.electrons | electrons)


def start(labelled_store, folder, limit=100.0, command="pw.x", **electrons):
    """Run pw.x as a label does."""
    atoms, calculation = crystal_of(labelled_store, **electrons)
    return run_pw(atoms, calculation, command, labelled_store.upf.parent, limit, folder)


def during(folder, do):
    """Do something to pw.x as soon as it iterates in a folder."""

    def wait_and_do():
        wait_until(lambda: "iteration #" in said(folder / OUTPUT))
        do(program(folder, "pw.x"))

    thread = Thread(target=wait_and_do)
    thread.start()
    return thread


def test_a_pw_that_hangs_is_ended_at_its_time_limit(labelled_store, tmp_path, monkeypatch):
    monkeypatch.setattr(labels, "PATIENCE", 1)
    stopping = during(tmp_path, lambda process: os.kill(process, signal.SIGSTOP))
    outcome = start(labelled_store, tmp_path, limit=4, **ENDLESS_PW)
    stopping.join()
    assert (outcome.fate, outcome.atoms) == (Fate.TIMED_OUT, None)
    # A process that is stopped is not heard of, and would stay for ever. The daemon that Open MPI
    # starts for it ends by itself.
    assert wait_until(lambda: not working_in(tmp_path), 5), working_in(tmp_path)


def test_a_pw_that_is_killed_has_run_out_of_memory_for_all_that_is_known(labelled_store, tmp_path):
    killing = during(tmp_path, lambda process: os.kill(process, signal.SIGKILL))
    outcome = start(labelled_store, tmp_path, **ENDLESS_PW)
    killing.join()
    assert (outcome.fate, outcome.atoms) == (Fate.OUT_OF_MEMORY, None)
    assert "was killed" in outcome.message


def test_a_pw_that_comes_to_an_orderly_end_without_an_energy_is_no_label(labelled_store, tmp_path):
    # pw.x stops by itself where it finds this file.
    stop = tmp_path / labels.SCRATCH / "pwscf.EXIT"
    stopping = during(tmp_path, lambda process: stop.touch())
    outcome = start(labelled_store, tmp_path, **ENDLESS_PW)
    stopping.join()
    printed = (tmp_path / OUTPUT).read_text()
    assert "JOB DONE." in printed
    assert (outcome.fate, outcome.atoms) == (Fate.CRASHED, None)
    # Its status tells. Were it 0, what it printed would tell.
    assert judge(printed, 0)[0] == Fate.NOT_CONVERGED


def test_garbage_in_place_of_output_is_no_label(labelled_store, tmp_path):
    garbage = tmp_path / "garbage"
    garbage.write_text("#!/bin/sh\nhead -c 20000 /dev/urandom\n")
    garbage.chmod(0o755)
    outcome = start(labelled_store, tmp_path / "run", command=str(garbage))
    assert (outcome.fate, outcome.atoms) == (Fate.CRASHED, None)
    assert outcome.message == "pw.x ended with status 0 in mid-run"
    with pytest.raises(ValueError, match="does not start pw.x; it said: "):
        ask_pw(str(garbage))


def test_a_path_that_no_namelist_takes_is_no_hindrance(labelled_store, tmp_path):
    odd = tmp_path / 'it\'s a "földer" of $HOME' / ("long" * 60)
    odd.mkdir(parents=True)
    shutil.copy(labelled_store.upf, odd / "K.UPF")
    atoms, calculation = crystal_of(labelled_store)
    outcome = run_pw(atoms, calculation, "pw.x", odd, 100, odd / "run")
    assert outcome.fate == Fate.LABELLED


@pytest.fixture
def empty_store(labelled_store, tmp_path):
    """Settings of the labelled store's calculations, with a store that has nothing."""
    return labelled_store.settings | {
        "labels": labelled_store.settings["labels"] | {"store": str(tmp_path / "labels")}
    }


def label(labelled_store, settings, upf=None):
    atoms, calculation = crystal_of(labelled_store)
    files = [str(upf or labelled_store.upf)]
    return label_once(atoms, calculation, ask_pw("pw.x"), settings, files)


def test_a_full_scratch_disk_is_no_fate_of_the_structure(
    labelled_store, empty_store, small_disk, monkeypatch
):
    filler = small_disk / "filler"
    page = os.sysconf("SC_PAGE_SIZE")
    filler.write_bytes(bytes((os.statvfs(small_disk).f_bavail - 2) * page))
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with pytest.raises(OSError, match="the disk is full; make room .*TMPDIR") as raised:
        label(labelled_store, empty_store)
    assert raised.value.errno == errno.ENOSPC
    assert os.listdir(small_disk) == ["filler"]
    assert not list(Path(empty_store["labels"]["store"]).glob("??/*"))
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    report, _ = label(labelled_store, empty_store)
    assert report["fate"] == "labelled"


def test_a_walk_on_a_full_disk_is_no_walk(small_disk):
    (small_disk / "in.walk").write_text(ENDLESS_LAMMPS.replace("2000000000", "1"))
    with pytest.raises(OSError, match="the disk is full"):
        sampling.run_lammps(small_disk, "in.walk")


REPORT = """
import sys
from smallcell.files import write_report
from smallcell.progress import log_to

log_to(sys.argv[1])
write_report(sys.argv[2], ["so many words"] * 1000)
"""


def test_full_results_are_told_on_the_terminal_and_leave_no_half_file(small_disk):
    page = os.sysconf("SC_PAGE_SIZE")
    report = small_disk / "report.json"
    report.write_text("[]")
    (small_disk / "filler").write_bytes(bytes(os.statvfs(small_disk).f_bavail * page))
    run = subprocess.run(
        [sys.executable, "-c", REPORT, small_disk / "log", report],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert f"{report}: the disk is full; make room and run the same command again" in run.stdout
    assert report.read_text() == "[]"
    assert sorted(os.listdir(small_disk)) == ["filler", "log", "report.json"]


def test_results_that_cannot_be_written_are_named_before_any_job(small_disk):
    run = small_disk / "results/potassium"
    assert results_faults(run) == []
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert results_faults(run) == [
        f"{small_disk}: cannot be written, and the results are to be in {run}"
    ]


@pytest.mark.parametrize("damage", ["cut off", "flipped", "without its hash"])
def test_a_damaged_pseudopotential_labels_nothing(labelled_store, empty_store, tmp_path, damage):
    upf = tmp_path / "K.UPF"
    for file in (upf, Path(f"{upf}.sha256")):
        shutil.copy(labelled_store.upf.with_name(file.name), file)
    content = bytearray(upf.read_bytes())
    if damage == "cut off":
        upf.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 0x80
        upf.write_bytes(content)
    else:
        Path(f"{upf}.sha256").unlink()
    with pytest.raises(
        ValueError, match=f"pseudopotential {upf}: not as it was written.*delete it"
    ):
        label(labelled_store, empty_store, upf)
    assert not Path(empty_store["labels"]["store"]).exists()


def _label_at_once(labelled_store, settings, barrier, energies):
    barrier.wait()
    report, labelled = label(labelled_store, settings)
    energies.put((report["key"], labelled.get_potential_energy()))


def test_two_campaigns_at_once_read_the_same_numbers_from_one_store(labelled_store, empty_store):
    barrier, energies = multiprocessing.Barrier(2), multiprocessing.Queue()
    campaigns = [
        multiprocessing.Process(
            target=_label_at_once, args=(labelled_store, empty_store, barrier, energies)
        )
        for _ in range(2)
    ]
    for campaign in campaigns:
        campaign.start()
    (key, energy), other = energies.get(), energies.get()
    assert (key, energy) == other
    for campaign in campaigns:
        campaign.join()
    store = Path(empty_store["labels"]["store"])
    assert [place.name for place in store.glob("??/*")] == [key]
    assert find_label(store, key).atoms.get_potential_energy() == energy


JOB = """
import signal
import sys
from pathlib import Path
from smallcell.labels import run_pw
from smallcell.sampling import run_lammps

# A shell without job control lets what it starts in the background ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = Path(sys.argv[1])
if sys.argv[2] == "lmp":
    run_lammps(folder, "in.walk")
else:
    from ase.build import bulk
    from smallcell.labels import crystal_calculation
    atoms = bulk("K", "bcc", a=5.0)
    dft = {
        "ecutwfc": 20, "ecutrho": 120, "smearing": "gaussian", "degauss": 0.05,
        "conv_thr": 1e-30, "k_spacing": 3.0,
    }
    calculation = crystal_calculation(atoms, dft, {"K": ""})
    calculation.electrons["electron_maxstep"] = 10_000
    run_pw(atoms, calculation, "pw.x", Path(sys.argv[3]), 1000, folder)
"""


@pytest.mark.parametrize("name", ["pw.x", "lmp"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_a_job_has_started_ends_with_it(soft_potassium, tmp_path, name, end):
    (tmp_path / "in.walk").write_text(ENDLESS_LAMMPS)
    job = subprocess.Popen(
        [sys.executable, "-c", JOB, tmp_path, name, soft_potassium.parent],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: program(tmp_path, name))
    job.send_signal(end)
    job.wait()
    assert wait_until(lambda: not working_in(tmp_path), 5), working_in(tmp_path)


def test_a_lammps_that_is_killed_has_walked_no_walk(tmp_path):
    (tmp_path / "in.walk").write_text(ENDLESS_LAMMPS)

    def kill():
        wait_until(lambda: "Step" in said(tmp_path / "log.lammps"))
        os.kill(program(tmp_path, "lmp"), signal.SIGKILL)

    killing = Thread(target=kill)
    killing.start()
    with pytest.raises(RuntimeError, match="LAMMPS was killed"):
        sampling.run_lammps(tmp_path, "in.walk")
    killing.join()


def test_all_ways_to_tell_of_a_kill_are_known():
    for code in ("import os; os.kill(os.getpid(), 9)", "import sys; sys.exit(-9)"):
        assert killed(subprocess.run([sys.executable, "-c", code], check=False).returncode)
    assert killed(subprocess.run("sh -c 'kill -9 $$'; exit $?", shell=True, check=False).returncode)
    assert not any(map(killed, (0, 1, 2, 124, 127, -signal.SIGSEGV)))


def test_all_rules_are_scripts():
    """Which end with Snakemake: of a rule in shell, only the first command would be started."""
    for file in (REPOSITORY / "rules").glob("*.smk"):
        assert not re.search(r"^\s+(shell|run):", file.read_text(), re.MULTILINE), file
