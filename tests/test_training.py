"""Training sets are relative to isolated atoms and survive their files."""

import shutil

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.labels import Calculation
from smallcell.store import write_label
from smallcell.training import (
    labelled_batch,
    read_structures,
    relative_to_atoms,
    write_structures,
)


def labelled():
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.calc = SinglePointCalculator(
        atoms, energy=-100.0, forces=np.eye(3)[:2], stress=np.arange(6.0)
    )
    return atoms


def test_energies_are_relative_to_the_atoms():
    relative = relative_to_atoms(labelled(), {"Na": -40.0, "Cl": -50.0})
    assert relative.get_potential_energy() == -10.0
    assert np.array_equal(relative.get_forces(), np.eye(3)[:2])
    assert np.array_equal(relative.get_stress(), np.arange(6.0))


def test_structures_survive_their_file(tmp_path):
    path = tmp_path / "train.extxyz"
    write_structures(path, [labelled(), labelled()])
    first, _ = read_structures(path)
    assert first.get_potential_energy() == -100.0
    assert np.array_equal(first.get_stress(), np.arange(6.0))


def test_a_set_of_no_structures_has_a_file_too(tmp_path):
    path = tmp_path / "structures.extxyz"
    write_structures(path, [])
    assert read_structures(path) == []


def test_a_batch_is_what_became_a_label_and_is_still_in_the_store(tmp_path):
    calculation = Calculation({}, {}, (1, 1, 1), {})
    fates = [
        {"fate": "crashed", "batch": "a/000", "key": "none"},
        {
            "fate": "labelled",
            "batch": "a/000",
            "key": write_label(tmp_path, labelled(), calculation, 1.0, ""),
        },
    ]
    references = [{"element": "Na", "energy": -40.0}, {"element": "Cl", "energy": -50.0}]
    (found,) = labelled_batch(fates, tmp_path, references)
    assert found.get_potential_energy() == -10.0
    assert found.info["batch"] == "a/000"
    shutil.rmtree(tmp_path / fates[1]["key"][:2])
    with pytest.raises(ValueError, match="of a/000 has gone from the store .*; delete a/000/lab"):
        labelled_batch(fates, tmp_path, references)
