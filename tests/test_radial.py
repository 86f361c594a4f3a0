"""Other ways to write a potential: the same energies and forces, other coefficients."""

from dataclasses import replace

import numpy as np
import pytest
from random_potentials import random_potential, random_structures

from smallcell.engine import MTPCalculator
from smallcell.radial import RADIAL_SCALE, normalised, widened


@pytest.fixture
def potential():
    unscaled = random_potential(("Na", "K"), level=12, seed=4)
    return replace(unscaled, radial=unscaled.radial * np.array([3.0, 0.2, 1.7])[:, None])


def assert_same_energies_and_forces(potential, other):
    first, second = MTPCalculator(potential), MTPCalculator(other)
    for atoms in random_structures(("Na", "K"), 3, seed=5):
        energy, forces = first.get_potential_energy(atoms), first.get_forces(atoms)
        assert second.get_potential_energy(atoms) == pytest.approx(energy, rel=1e-10)
        np.testing.assert_allclose(
            second.get_forces(atoms), forces, atol=1e-10 * np.abs(forces).max()
        )


def test_widened_potential_is_the_same(potential):
    wide = widened(potential, 2.1)
    assert wide.closest == 2.1
    assert not np.allclose(wide.radial, potential.radial)
    assert_same_energies_and_forces(potential, wide)


def test_widened_keeps_the_number_of_coefficients_when_the_last_are_zero(potential):
    radial = potential.radial.copy()
    radial[0, 0, 0, 3:] = 0
    assert widened(replace(potential, radial=radial), 2.1).radial.shape == radial.shape


def test_normalised_potential_is_the_same(potential):
    assert_same_energies_and_forces(potential, normalised(potential))


def test_normalised_radial_functions_have_one_size(potential):
    one = normalised(potential)
    squares = np.sum((one.radial * (one.cutoff - one.closest) ** 2) ** 2, axis=-1)
    np.testing.assert_allclose(squares.mean(axis=(0, 1)), RADIAL_SCALE**2, rtol=1e-12)
    # Pairs of species keep their sizes relative to each other.
    relative = one.radial / potential.radial
    np.testing.assert_allclose(relative, relative[:1, :1, :, :1] * np.ones((2, 2, 1, 8)))


def test_normalised_leaves_a_vanishing_radial_function_alone(potential):
    radial = potential.radial.copy()
    radial[:, :, 1] = 0
    one = normalised(replace(potential, radial=radial))
    assert np.isfinite(one.radial).all()
    assert np.isfinite(one.linear).all()
    assert not one.radial[:, :, 1].any()
