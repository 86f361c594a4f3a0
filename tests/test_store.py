"""The label store: what is in it is whole, whoever wrote it and however."""

import gzip
import json
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.canonical import canonical_form
from smallcell.labels import crystal_calculation
from smallcell.programs import Program
from smallcell.store import (
    DESCRIPTION,
    OUTPUT,
    README,
    STRUCTURE,
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


def _write_many(store):
    for number in range(20):
        stored(store, structure(5.0 + number / 100))


def test_two_writers_of_the_same_labels_leave_each_once(tmp_path):
    writers = [multiprocessing.Process(target=_write_many, args=(tmp_path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    entries = list(tmp_path.glob("??/*"))
    assert len(entries) == 20
    assert all(read_label(tmp_path, entry.name) for entry in entries)
    assert not list(tmp_path.glob(".part-*"))
