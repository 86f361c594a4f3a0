"""Training sets are relative to isolated atoms and survive their files."""

import shutil

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.store import read_label
from smallcell.training import (
    labelled_batch,
    read_structures,
    relative_to_atoms,
    write_structures,
)

REFERENCES = [{"element": "K", "energy": -40.0, "missing_virial": 0.0}]


def labelled():
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.calc = SinglePointCalculator(
        atoms, energy=-100.0, forces=np.eye(3)[:2], stress=np.arange(6.0)
    )
    return atoms


def test_energies_are_relative_to_the_atoms():
    relative = relative_to_atoms(labelled(), {"Na": -40.0, "Cl": -50.0}, {})
    assert relative.get_potential_energy() == -10.0
    assert np.array_equal(relative.get_forces(), np.eye(3)[:2])
    assert np.array_equal(relative.get_stress(), np.arange(6.0))


def test_stresses_have_what_the_basis_leaves_out():
    bare = labelled()
    relative = relative_to_atoms(bare, {"Na": 0.0, "Cl": 0.0}, {"Na": -0.03, "Cl": -0.01})
    change = relative.get_stress() - bare.get_stress()
    assert change * bare.get_volume() == pytest.approx([-0.04] * 3 + [0] * 3)
    assert np.array_equal(bare.get_stress(), np.arange(6.0))


def test_structures_survive_their_file(tmp_path):
    path = tmp_path / "train.extxyz"
    write_structures(path, [labelled(), labelled()])
    first, _ = read_structures(path)
    assert first.get_potential_energy() == -100.0
    assert np.array_equal(first.get_stress(), np.arange(6.0))


def test_some_structures_of_many_are_read_alone(tmp_path):
    path = tmp_path / "structures.extxyz"
    rows = [bulk("K", "bcc", a=5 + number / 10) * (1 + number % 3, 1, 1) for number in range(9)]
    write_structures(path, rows)
    assert read_structures(path, range(3, 7)) == rows[3:7]
    assert read_structures(path, range(7, 12)) == rows[7:]
    assert read_structures(path, range(0)) == []


def test_a_set_of_no_structures_has_a_file_too(tmp_path):
    path = tmp_path / "structures.extxyz"
    write_structures(path, [])
    assert read_structures(path) == []


def test_a_batch_is_what_became_a_label_and_is_still_in_the_store(labelled_store, tmp_path):
    store = tmp_path / "labels"
    shutil.copytree(labelled_store.folder, store)
    fates = [
        {"fate": "crashed", "batch": "a/000", "key": "none"},
        labelled_store.reports["crystal"] | {"batch": "a/000"},
    ]
    total = read_label(store, fates[1]["key"]).atoms.get_potential_energy()
    (found,) = labelled_batch(fates, store, REFERENCES)
    assert found.get_potential_energy() == pytest.approx(total + 80)
    assert found.info["batch"] == "a/000"
    shutil.rmtree(store / fates[1]["key"][:2])
    with pytest.raises(ValueError, match="of a/000 has gone from the store .*; delete a/000/lab"):
        labelled_batch(fates, store, REFERENCES)
