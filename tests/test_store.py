"""The label store: what is in it is whole, whoever wrote it and however."""

import gzip
import json
import multiprocessing
import os
import signal
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.canonical import canonical_form
from smallcell.labels import crystal_calculation
from smallcell.programs import Program
from smallcell.store import (
    DESCRIPTION,
    OUTPUT,
    PART,
    README,
    STRUCTURE,
    file_hash,
    find_label,
    label_key,
    read_label,
    write_label,
)

SETTINGS = {
    "ecutwfc": 30,
    "ecutrho": 180,
    "smearing": "gaussian",
    "degauss": 0.02,
    "conv_thr": 1e-8,
    "k_spacing": 0.3,
}


PW = Program("pw.x", "6.7MaX")


def printed(version="6.7MaX"):
    return f"     Program PWSCF v.{version} starts on 25Nov2026 at 12:00:00\n   JOB DONE.\n"


def structure(constant=5.3, energy=-3.0):
    atoms = canonical_form(bulk("K", "bcc", a=constant, cubic=True)).atoms()
    atoms.calc = SinglePointCalculator(
        atoms, energy=energy, forces=np.full((2, 3), 0.1), stress=np.arange(6) / 100
    )
    return atoms


def calculation(atoms, **changes):
    return crystal_calculation(atoms, SETTINGS | changes, {"K": "hash"})


def stored(store, atoms, version="6.7MaX"):
    return write_label(store, atoms, calculation(atoms), printed(version), 13.5, 12.5)


def test_a_label_is_read_as_it_was_written(tmp_path):
    atoms = structure()
    label = read_label(tmp_path, stored(tmp_path, atoms))
    assert label.core_seconds == 12.5
    found = label.atoms
    assert found.get_potential_energy() == atoms.get_potential_energy()
    assert np.allclose(found.get_forces(), atoms.get_forces(), atol=1e-8)
    assert np.allclose(found.get_stress(), atoms.get_stress(), atol=1e-8)


@pytest.mark.parametrize("name", [STRUCTURE, DESCRIPTION])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_file_cut_off_is_never_read_as_a_label(tmp_path, name, share):
    key = stored(tmp_path, structure())
    (entry,) = tmp_path.glob(f"*/{key}")
    content = (entry / name).read_bytes()
    (entry / name).write_bytes(content[: int(share * len(content))])
    assert read_label(tmp_path, key) is None


def test_a_changed_number_is_never_read_as_a_label(tmp_path):
    key = stored(tmp_path, structure())
    (entry,) = tmp_path.glob(f"*/{key}")
    (entry / STRUCTURE).write_text((entry / STRUCTURE).read_text().replace("0.1", "0.2"))
    assert read_label(tmp_path, key) is None


def test_a_damaged_entry_is_replaced_and_kept_aside(tmp_path):
    key = stored(tmp_path, structure())
    (entry,) = tmp_path.glob(f"*/{key}")
    (entry / STRUCTURE).write_text("")
    stored(tmp_path, structure())
    assert read_label(tmp_path, key) is not None
    assert len(list(tmp_path.glob(f".damaged-{key}-*"))) == 1


def test_a_label_that_is_there_is_not_written_over(tmp_path):
    key = stored(tmp_path, structure(energy=-3.0))
    stored(tmp_path, structure(energy=-4.0))
    assert read_label(tmp_path, key).atoms.get_potential_energy() == -3.0


def test_an_entry_describes_itself(tmp_path):
    key = stored(tmp_path, structure())
    (entry,) = tmp_path.glob(f"*/{key}")
    description = json.loads((entry / DESCRIPTION).read_text())
    assert description["calculation"]["system"]["ecutwfc"] == 30
    assert description["calculation"]["k_mesh"] == [4, 4, 4]
    assert description["format"] == 2
    assert description["program"] == {"name": "pw.x", "version": "6.7MaX"}
    assert gzip.decompress((entry / OUTPUT).read_bytes()).decode() == printed()
    assert "label.extxyz" in (tmp_path / README).read_text()


def test_the_key_knows_what_decides_a_label_and_nothing_else():
    atoms = structure()
    key = label_key(atoms, calculation(atoms), PW)
    for change in ({"ecutwfc": 31}, {"k_spacing": 0.2}, {"smearing": "m-p"}, {"conv_thr": 1e-7}):
        assert label_key(atoms, calculation(atoms, **change), PW) != key
    assert label_key(atoms, calculation(atoms, ecutwfc=30.0), PW) == key
    moved = atoms.copy()
    moved.positions[1, 0] += 1e-4
    assert label_key(moved, calculation(moved), PW) != key
    assert label_key(atoms, calculation(atoms), Program("pw.x", "7.3.1")) != key
    assert label_key(atoms, calculation(atoms), Program("pw.x", "6.4.1")) == key


@pytest.mark.parametrize("route", [{"mixing_beta": 0.2}, {"diagonalization": "cg"}])
def test_the_route_to_the_same_result_is_not_in_the_key(route):
    atoms = structure()
    usual = calculation(atoms)
    other = replace(usual, electrons=dict(usual.electrons) | route)
    assert label_key(atoms, other, PW) == label_key(atoms, usual, PW)


def test_without_a_version_the_newest_label_is_found(tmp_path):
    atoms = structure()
    key = label_key(atoms, calculation(atoms), Program("pw.x", None))
    assert find_label(tmp_path, key) is None
    for version in ("7.3.1", "10.0", "6.7MaX"):
        stored(tmp_path, atoms, version)
    assert find_label(tmp_path, key).description["program"]["version"] == "10.0"
    assert find_label(tmp_path, f"{key}-7").description["program"]["version"] == "7.3.1"
    assert find_label(tmp_path, f"{key}-8") is None


def test_only_canonical_crystals_and_output_of_pw_are_stored(tmp_path):
    atoms = structure()
    with pytest.raises(ValueError, match="does not name its version"):
        write_label(tmp_path, atoms, calculation(atoms), "JOB DONE.", 1.0, 1.0)
    atoms.positions += 0.1
    with pytest.raises(ValueError, match="canonical form"):
        stored(tmp_path, atoms)
    assert not list(tmp_path.glob("??/*"))


def triclinic(number):
    """One of many labelled crystals without symmetry, whose canonical form is soon found."""
    cell = [[5, 0, 0], [0.3, 5.1, 0], [0.2, 0.4, 5.3 + number / 1000]]
    atoms = canonical_form(Atoms("K", cell=cell, pbc=True)).atoms()
    atoms.calc = SinglePointCalculator(
        atoms, energy=-3.0 - number, forces=np.zeros((1, 3)), stress=np.arange(6) / 100
    )
    return atoms


def is_whole(entry):
    """Whether an entry has its three files as they were written."""
    label = read_label(entry.parent.parent, entry.name)
    return label is not None and all(
        file_hash(entry / name) == digest for name, digest in label.description["sha256"].items()
    )


def _write_shared_and_own(store, barrier, number):
    barrier.wait()
    stored(store, triclinic(1000))
    stored(store, triclinic(number))


def test_a_hundred_writers_at_once_leave_each_label_once(tmp_path):
    barrier = multiprocessing.Barrier(100)
    writers = [
        multiprocessing.Process(target=_write_shared_and_own, args=(tmp_path, barrier, number))
        for number in range(100)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 100
    entries = list(tmp_path.glob("??/*"))
    assert len(entries) == 101
    assert all(is_whole(entry) for entry in entries)
    assert {place.name for place in tmp_path.iterdir() if len(place.name) > 2} == {README}


def _write_and_report(store, first, reports):
    for number in range(first, first + 1000):
        os.write(reports, f"{stored(store, triclinic(number))}\n".encode())


def test_fifty_kills_break_no_entry_and_lose_none_that_was_reported(tmp_path):
    rng = np.random.default_rng(1)
    finished = []
    for kill in range(50):
        reading, writing = os.pipe()
        writer = multiprocessing.Process(
            target=_write_and_report, args=(tmp_path, 1000 * kill, writing)
        )
        writer.start()
        # Not before the first label is there, so that no moment is lost to the start.
        with os.fdopen(reading) as reports:
            finished.append(reports.readline().strip())
            time.sleep(rng.uniform(0, 0.05))
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
            os.close(writing)
            finished += reports.read().split()
    entries = list(tmp_path.glob("??/*"))
    assert all(is_whole(entry) for entry in entries)
    assert len(finished) == len(set(finished)) >= 50
    assert set(finished) <= {entry.name for entry in entries}
    # Some were killed in the midst of an entry, or this test would show nothing.
    assert list(tmp_path.glob(f"{PART}*"))


def test_a_full_disk_is_told_and_leaves_the_store_intact(small_disk):
    store, filler = small_disk / "labels", small_disk / "filler"
    first = stored(store, triclinic(0))
    page = os.sysconf("SC_PAGE_SIZE")
    # The disk gets full at each of the files of an entry in turn, up to where one fits in.
    for pages in range(4):
        filler.write_bytes(bytes(page))
        space = os.statvfs(small_disk).f_bavail
        filler.write_bytes(bytes((space + 1 - pages) * page))
        if pages < 3:
            with pytest.raises(OSError, match=f"{store}: the disk is full; make room"):
                stored(store, triclinic(1))
        else:
            second = stored(store, triclinic(1))
        assert not list(store.glob(f"{PART}*"))
        assert read_label(store, first)
        assert all(is_whole(entry) for entry in store.glob("??/*"))
    assert read_label(store, second)


def test_a_disk_full_from_the_start_is_told_too(small_disk):
    page = os.sysconf("SC_PAGE_SIZE")
    (small_disk / "filler").write_bytes(bytes(os.statvfs(small_disk).f_bavail * page))
    store = small_disk / "labels"
    with pytest.raises(OSError, match=f"{store}: the disk is full"):
        stored(store, triclinic(1))
    (small_disk / "filler").unlink()
    assert read_label(store, stored(store, triclinic(1)))
    assert "label.extxyz" in (store / README).read_text()


def test_a_store_that_cannot_be_written_can_be_read(small_disk):
    key = stored(small_disk, triclinic(0))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert find_label(small_disk, key)
    with pytest.raises(OSError, match=f"{small_disk}: it cannot be written \\(Read-only"):
        stored(small_disk, triclinic(1))
