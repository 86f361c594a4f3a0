"""Training sets are relative to isolated atoms and survive their files."""

import numpy as np
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.training import read_structures, relative_to_atoms, write_structures


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
