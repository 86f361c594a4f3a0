"""The door to motep: derivatives against finite differences, odd structures, reuse."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from random_potentials import random_potential, random_structures

from smallcell.engine import Engine, calculator, rows


def observables(potential, structures):
    """Energies, forces and volume times stress from motep's other code path, its run mode."""
    values = []
    for atoms in structures:
        engine = calculator(potential)
        engine.calculate(atoms)
        virial = engine.results["stress"] * atoms.cell.volume
        values.append([engine.results["energy"], *engine.results["forces"].flat, *virial])
    return np.concatenate(values)


@pytest.fixture(scope="module")
def potential():
    return random_potential(("Na", "K"), level=8, seed=1)


@pytest.fixture(scope="module")
def structures():
    isolated = Atoms("NaK2", [[0, 0, 0], [3.5, 0, 0], [15, 15, 15]], cell=[30] * 3, pbc=True)
    return [*random_structures(("Na", "K"), 3, seed=2), isolated]


@pytest.mark.parametrize("kind", ["radial", "shifts", "linear"])
def test_derivatives_agree_with_finite_differences(potential, structures, kind):
    derivatives = Engine(potential, structures).derivatives(potential)
    linear = np.split(derivatives.linear, [len(potential.shifts)], axis=1)
    analytic = {"radial": derivatives.radial, "shifts": linear[0], "linear": linear[1]}[kind]
    coefficients = getattr(potential, kind)
    # The observables are polynomials of degree four at most in each coefficient. A step h of 1e-4
    # of the largest leaves a relative truncation error of order h^2 = 1e-8 and a rounding error
    # of order 1e-16 / h = 1e-12.
    h = 1e-4 * np.abs(coefficients).max()
    numeric = np.empty_like(analytic)
    for place in range(coefficients.size):
        moved = [coefficients.copy(), coefficients.copy()]
        moved[0].flat[place] += h
        moved[1].flat[place] -= h
        plus, minus = (observables(replace(potential, **{kind: c}), structures) for c in moved)
        numeric[:, place] = (plus - minus) / (2 * h)
    assert np.abs(analytic).max(axis=0).min() > 0
    np.testing.assert_allclose(analytic, numeric, atol=1e-6 * np.abs(analytic).max())


def test_observables_are_linear_in_shifts_and_linear_coefficients(potential, structures):
    derivatives = Engine(potential, structures).derivatives(potential)
    values = derivatives.linear @ np.concatenate([potential.shifts, potential.linear])
    np.testing.assert_allclose(values, observables(potential, structures), rtol=0, atol=1e-12)


def test_engine_serves_other_potentials_of_the_same_basis(potential, structures):
    other = random_potential(("Na", "K"), level=8, seed=3)
    engine = Engine(potential, structures)
    engine.derivatives(potential)
    np.testing.assert_array_equal(
        engine.derivatives(other).radial, Engine(other, structures).derivatives(other).radial
    )


def test_rows_are_energy_derivatives_by_atom(potential, structures):
    derivatives = Engine(potential, structures).derivatives(potential)
    sizes = np.array([len(atoms) for atoms in structures])
    energies = np.cumsum([0, *(7 + 3 * sizes[:-1])])
    expected = np.hstack([derivatives.radial, derivatives.linear])[energies] / sizes[:, None]
    np.testing.assert_allclose(rows(potential, structures), expected, rtol=1e-14)


def test_isolated_atom_has_its_shift(potential):
    atom = Atoms("K", cell=[30] * 3, pbc=True)
    engine = calculator(potential)
    assert engine.get_potential_energy(atom) == potential.shifts[1]
    assert not engine.get_forces(atom).any()
    row = rows(potential, [atom])[0]
    assert row[potential.radial.size + 1] == 1
    assert np.count_nonzero(row) == 1


def test_calculator_takes_any_number_of_atoms_in_turn(potential, structures):
    engine = calculator(potential)
    for atoms in [*structures, *reversed(structures)]:
        fresh = calculator(potential)
        assert engine.get_potential_energy(atoms) == fresh.get_potential_energy(atoms)
        np.testing.assert_array_equal(engine.get_forces(atoms), fresh.get_forces(atoms))
        np.testing.assert_array_equal(engine.get_stress(atoms), fresh.get_stress(atoms))
