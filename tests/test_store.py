"""The label store: what is in it is whole, whoever wrote it and however."""

import json
import multiprocessing

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.labels import crystal_calculation
from smallcell.store import DESCRIPTION, OUTPUT, STRUCTURE, label_key, read_label, write_label

SETTINGS = {
    "ecutwfc": 30,
    "ecutrho": 180,
    "smearing": "gaussian",
    "degauss": 0.02,
    "conv_thr": 1e-8,
    "k_spacing": 0.3,
}


def structure(constant=5.3, energy=-3.0):
    atoms = bulk("K", "bcc", a=constant, cubic=True)
    atoms.calc = SinglePointCalculator(
        atoms, energy=energy, forces=np.full((2, 3), 0.1), stress=np.arange(6) / 100
    )
    return atoms


def calculation(atoms, **changes):
    return crystal_calculation(atoms, SETTINGS | changes, {"K": "hash"})


def stored(store, atoms):
    return write_label(store, atoms, calculation(atoms), 12.5, "JOB DONE.")


def test_a_label_is_read_as_it_was_written(tmp_path):
    atoms = structure()
    found, seconds = read_label(tmp_path, stored(tmp_path, atoms))
    assert seconds == 12.5
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
    assert read_label(tmp_path, key)[0].get_potential_energy() == -3.0


def test_an_entry_describes_itself(tmp_path):
    key = stored(tmp_path, structure())
    (entry,) = tmp_path.glob(f"*/{key}")
    description = json.loads((entry / DESCRIPTION).read_text())
    assert description["calculation"]["system"]["ecutwfc"] == 30
    assert description["calculation"]["k_mesh"] == [4, 4, 4]
    assert (entry / OUTPUT).exists()


def test_the_key_knows_what_decides_a_label_and_nothing_else():
    atoms = structure()
    key = label_key(atoms, calculation(atoms))
    wrapped = atoms.copy()
    wrapped.positions[1] += atoms.cell[0] - 2 * atoms.cell[2]
    assert label_key(wrapped, calculation(wrapped)) == key
    noise = atoms.copy()
    noise.positions += [[-1e-13, 1e-13, 0], [0, -1e-13, 1e-13]]
    assert label_key(noise, calculation(noise)) == key
    for change in ({"ecutwfc": 31}, {"k_spacing": 0.2}, {"smearing": "m-p"}, {"conv_thr": 1e-7}):
        assert label_key(atoms, calculation(atoms, **change)) != key
    moved = atoms.copy()
    moved.positions[1, 0] += 1e-4
    assert label_key(moved, calculation(moved)) != key


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
