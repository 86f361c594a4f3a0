"""The kernel's door to Python: against motep, finite differences and LAMMPS-independent cases."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.data import atomic_numbers
from motep.calculator import make_calculator
from motep.io.mlip.mtp import read_mtp
from random_potentials import random_potential, random_structures

from smallcell.engine import Engine, MTPCalculator, rows
from smallcell.potential import write_potential
from smallcell.selection import grades

VOIGT = [0, 4, 8, 5, 2, 1]
"""Places of xx, yy, zz, yz, xz, xy in a flattened 3 x 3 tensor."""


def observables(potential, structures):
    """Energies, forces and volume times stress."""
    values = Engine(potential, structures).values(potential)
    return np.concatenate([[sum(e), *forces.flat, *virial] for e, forces, virial in values])


def motep_engine(potential, atoms, path, mode):
    """Motep's engine after it has evaluated a structure."""
    write_potential(path, replace(potential, active_set=None))
    data = read_mtp(path)
    data.species = [atomic_numbers[symbol] for symbol in potential.species]
    evaluator = make_calculator(data, engine="cext", mode=mode)
    evaluator.calculate(atoms)
    return evaluator


@pytest.fixture(scope="module")
def potential():
    return random_potential(("Na", "K"), level=8, seed=1)


@pytest.fixture(scope="module")
def structures():
    isolated = Atoms("NaK2", [[0, 0, 0], [3.5, 0, 0], [15, 15, 15]], cell=[30] * 3, pbc=True)
    return [*random_structures(("Na", "K"), 3, seed=2), isolated]


@pytest.mark.parametrize("level", [2, 8, 16])
def test_values_agree_with_motep(structures, level, tmp_path):
    potential = random_potential(("Na", "K"), level, seed=4)
    engine = MTPCalculator(potential)
    for atoms in structures:
        right = motep_engine(potential, atoms, tmp_path / "a.mtp", "run").results
        for name in ("energy", "energies", "forces", "stress"):
            scale = 1e-12 * max(np.abs(right[name]).max(), np.abs(right["energies"]).max())
            found = engine.get_property(name, atoms)
            np.testing.assert_allclose(found, right[name], rtol=0, atol=scale, err_msg=name)


@pytest.mark.parametrize("level", [2, 8, 12])
def test_derivatives_agree_with_motep(structures, level, tmp_path):
    potential = random_potential(("Na", "K"), level, seed=5)
    for atoms in structures:
        moments = motep_engine(potential, atoms, tmp_path / "a.mtp", "train").engine.mbd
        found = Engine(potential, [atoms]).derivatives(potential)
        for ours, energies, gradients, stresses in (
            (found.radial, moments.dvdcs, moments.dgdcs, moments.dsdcs),
            (found.linear[:, 2:], moments.vatoms, moments.dbdris, moments.dbdeps),
        ):
            n = ours.shape[1]
            right = np.vstack(
                [
                    energies.sum(axis=-1).ravel(),
                    -gradients.reshape(n, -1).T,
                    atoms.cell.volume * stresses.reshape(n, 9)[:, VOIGT].T,
                ]
            )
            np.testing.assert_allclose(ours, right, rtol=0, atol=1e-12 * np.abs(right).max())


def test_threads_do_not_matter(potential, structures):
    many = [*structures] * 5
    one, three = (Engine(potential, many, threads) for threads in (1, 3))
    for name in ("radial", "linear"):
        found = [getattr(engine.derivatives(potential), name) for engine in (one, three)]
        np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(rows(potential, many, 1), rows(potential, many, 3))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("with_radial", [True, False])
def test_derivatives_by_parts_are_the_same(potential, structures, with_radial, threads):
    engine = Engine(potential, structures, threads)
    whole = engine.derivatives(potential)
    parts = [slice(0, 1), slice(1, 3), slice(3, len(structures))]
    found = engine.by_parts(potential, parts, lambda *arguments: arguments, with_radial)
    assert [part for part, _, _ in found] == parts
    np.testing.assert_array_equal(np.vstack([linear for _, _, linear in found]), whole.linear)
    radial = np.vstack([radial for _, radial, _ in found])
    np.testing.assert_array_equal(radial, whole.radial if with_radial else radial[:, :0])


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
    engine = MTPCalculator(potential)
    assert engine.get_potential_energy(atom) == potential.shifts[1]
    assert not engine.get_forces(atom).any()
    row = rows(potential, [atom])[0]
    assert row[potential.radial.size + 1] == 1
    assert np.count_nonzero(row) == 1


def test_calculator_takes_any_number_of_atoms_in_turn(potential, structures):
    engine = MTPCalculator(potential)
    for atoms in [*structures, *reversed(structures)]:
        fresh = MTPCalculator(potential)
        assert engine.get_potential_energy(atoms) == fresh.get_potential_energy(atoms)
        np.testing.assert_array_equal(engine.get_forces(atoms), fresh.get_forces(atoms))
        np.testing.assert_array_equal(engine.get_stress(atoms), fresh.get_stress(atoms))


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False), (False, False, False)])
def test_a_large_structure_is_the_sum_of_its_parts(pbc):
    """A crystal of many atoms, whose neighbours are found in slices, has the small one's energy."""
    potential = random_potential(("K",), level=6, seed=6)
    small = bulk("K", "bcc", a=5.3)
    small.rattle(0.05, seed=1)
    small.pbc = pbc
    large = small.repeat([9 if periodic else 1 for periodic in pbc])
    large.rattle(0)
    large.positions += 3 * large.cell[0] - 2 * large.cell[1]  # out of the cell
    ratio = len(large) / len(small)
    engine = MTPCalculator(potential)
    energy = engine.get_potential_energy(small)
    assert engine.get_potential_energy(large) == pytest.approx(ratio * energy, rel=1e-12)


def test_a_molecule_in_no_cell_has_no_stress(potential):
    molecule = Atoms("NaK", [[0, 0, 0], [3.5, 0.2, 0]])
    boxed = Atoms("NaK", molecule.positions, cell=[50] * 3, pbc=True)
    engine = MTPCalculator(potential)
    assert engine.get_potential_energy(molecule) == engine.get_potential_energy(boxed)
    with pytest.raises(PropertyNotImplementedError):
        engine.get_stress(molecule)


def test_grades_of_configurations_and_atoms(potential, structures):
    active_set = np.random.default_rng(7).normal(size=(potential.n_parameters,) * 2)
    by_configuration = MTPCalculator(replace(potential, active_set=active_set))
    by_atom = MTPCalculator(replace(potential, active_set=active_set, grade_mode="neighbourhood"))
    for atoms in structures:
        found = by_configuration.get_property("grade", atoms)
        assert found == pytest.approx(grades(rows(potential, [atoms]), active_set)[0])
        (atomic,) = Engine(potential, [atoms]).rows_by_atom(potential)
        right = grades(atomic, active_set)
        np.testing.assert_allclose(by_atom.get_property("grades", atoms), right)
        assert by_atom.get_property("grade", atoms) == pytest.approx(right.max())
    with pytest.raises(PropertyNotImplementedError, match="no active set"):
        MTPCalculator(potential).get_property("grade", structures[0])


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms("Li", cell=[5] * 3, pbc=True), "atoms of Li; the potential is one of Na, K"),
        (Atoms("K", [[0, np.nan, 0]], cell=[5] * 3, pbc=True), "not finite"),
        (Atoms("K", cell=[5, 5, np.inf], pbc=True), "not finite"),
        (Atoms("K", cell=[1e-3] * 3, pbc=True), "too small for a cut-off"),
        (Atoms("K", cell=[[5, 0, 0], [0, 5, 0], [5, 5, 0]], pbc=True), "no volume"),
    ],
)
def test_impossible_structures_are_refused(potential, atoms, message):
    with pytest.raises(ValueError, match=message):
        Engine(potential, [atoms])
