"""Smaller bases: the same energies without what is gone, and what is worth least goes first."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motep.calculator import make_calculator
from motep.io.mlip.mtp import read_mtp
from random_potentials import labelled, random_potential, random_structures

from benchmarks.pruning import cheaper_by
from smallcell.engine import MTPCalculator, rows
from smallcell.errors import errors
from smallcell.least_squares import Problem
from smallcell.loss import Weights
from smallcell.potential import read_potential, write_potential
from smallcell.pruning import Cost, cheaper, needed_moments, prune, with_scalars
from smallcell.selection import active_set
from smallcell.training import write_structures

RIDGE = 1e-8
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
COMMAND = [sys.executable, "-m", "smallcell.prune", "train.extxyz", "whole.mtp", "pruned"]


@pytest.fixture(scope="module")
def potential():
    return random_potential(("Na", "K"), level=12, seed=4)


@pytest.fixture(scope="module")
def kept(potential):
    """Every third scalar, so that the highest radial function is among what goes."""
    some = np.arange(len(potential.linear)) % 3 == 1
    highest = np.flatnonzero(potential.basis.basic[:, 0] == 2)
    return some & ~needed_moments(potential.basis)[:, highest].any(axis=1)


@pytest.fixture(scope="module")
def training_set():
    """Labels of a level that the bases pruned here have not got whole."""
    return labelled(random_structures(("K",), 40, seed=2), random_potential(("K",), 14, seed=3))


def fitted(structures, level):
    """Best linear coefficients at random radial functions."""
    start = random_potential(("K",), level, seed=6)
    return Problem(structures, start, Weights()).point(start, RIDGE)


def test_what_stays_of_a_potential_has_the_energies_that_it_had(potential, kept):
    without = replace(potential, linear=np.where(kept, potential.linear, 0))
    pruned = with_scalars(potential, kept)
    assert pruned.basis.n_radial_functions < potential.basis.n_radial_functions
    assert pruned.radial.shape[2] == pruned.basis.n_radial_functions
    assert len(pruned.basis.products) < len(potential.basis.products)
    whole, part = MTPCalculator(without), MTPCalculator(pruned)
    for atoms in random_structures(("Na", "K"), 4, seed=5):
        energy, forces = whole.get_potential_energy(atoms), whole.get_forces(atoms)
        assert part.get_potential_energy(atoms) == pytest.approx(energy, rel=1e-12)
        np.testing.assert_allclose(
            part.get_forces(atoms), forces, atol=1e-12 * np.abs(forces).max()
        )


def test_every_moment_of_a_pruned_basis_is_needed(potential, kept):
    basis = with_scalars(potential, kept).basis
    needs = needed_moments(basis)
    assert needs.shape == (kept.sum(), basis.n_moments)
    assert needs.any(axis=0).all()


def test_pruned_potential_and_active_set_survive_their_files(potential, kept, tmp_path):
    structures = random_structures(("Na", "K"), 6, seed=5)
    pruned = with_scalars(potential, kept)
    pruned = replace(pruned, active_set=active_set(rows(pruned, structures)))
    write_potential(tmp_path / "a.almtp", pruned)
    again = read_potential(tmp_path / "a.almtp")
    for name in ("basic", "products", "scalars"):
        np.testing.assert_array_equal(getattr(again.basis, name), getattr(pruned.basis, name))
    grades = [MTPCalculator(one).get_property("grade", structures[0]) for one in (pruned, again)]
    assert grades[0] == pytest.approx(grades[1], rel=1e-8)


def test_motep_evaluates_a_pruned_potential_the_same(potential, kept, tmp_path):
    pruned = with_scalars(potential, kept)
    write_potential(tmp_path / "a.mtp", pruned)
    data = read_mtp(tmp_path / "a.mtp")
    data.species = [11, 19]
    for atoms in random_structures(("Na", "K"), 3, seed=7):
        # Motep's calculator is for one number of atoms.
        theirs = make_calculator(data, engine="cext", mode="run")
        ours = MTPCalculator(pruned)
        assert ours.get_potential_energy(atoms) == pytest.approx(
            theirs.get_potential_energy(atoms), rel=1e-10
        )
        np.testing.assert_allclose(ours.get_forces(atoms), theirs.get_forces(atoms), atol=1e-9)


def test_potential_without_scalars_is_refused(potential, kept):
    with pytest.raises(ValueError, match="at least one"):
        with_scalars(potential, np.zeros_like(kept))


def test_first_goes_what_raises_the_objective_least_for_its_cost(training_set):
    """Each set that may go is taken out and the rest solved for anew."""
    point = fitted(training_set, level=8)
    basis, cost = point.potential.basis, Cost()
    needs = needed_moments(basis)
    prices = {}
    for candidate in [*np.eye(len(needs), dtype=bool), *needs.T]:
        if candidate.all():
            continue
        pruned = with_scalars(point.potential, ~candidate)
        saved = cost.of(basis) - cost.of(pruned.basis)
        if saved > 0:
            rest = Problem(training_set, pruned, Weights()).point(pruned, RIDGE)
            price = (rest.objective - point.objective) / saved
            prices[price] = pruned.basis
    cheapest, second = sorted(prices)[:2]
    assert second > 1.01 * cheapest
    kept = cheaper(point, cost.of(basis) * 0.9999, cost)
    chosen = with_scalars(point.potential, kept).basis
    np.testing.assert_array_equal(chosen.scalars, prices[cheapest].scalars)
    np.testing.assert_array_equal(chosen.products, prices[cheapest].products)


def test_what_the_labels_do_not_need_goes_first():
    """Labels from a few scalars; the fit begins with all of the level, the others at zero."""
    level_12 = random_potential(("K",), level=12, seed=8)
    needed = np.isin(np.arange(len(level_12.linear)), [0, 2, 5, 9])
    truth = with_scalars(level_12, needed)
    structures = labelled(random_structures(("K",), 60, seed=9), truth)
    cost = Cost()
    point = Problem(structures, level_12, Weights()).point(level_12, 1e-12)
    kept = cheaper(point, cost.of(truth.basis), cost)
    assert kept[needed].all()
    assert not kept.all()
    pruned = with_scalars(point.potential, kept)
    assert cost.of(pruned.basis) == pytest.approx(cost.of(truth.basis))
    again = Problem(structures, pruned, Weights()).point(pruned, 1e-12)
    assert errors(again.potential, structures).force_maximum < 1e-5


def test_each_part_saves_a_fifth_of_what_the_basis_costs(training_set):
    whole = fitted(training_set, level=8).potential
    parts = [one.potential for one in prune(training_set, whole, Weights(), RIDGE, limit=3)]
    costs = np.array([Cost().of(one.basis) - Cost().step for one in (whole, *parts)])
    assert len(parts) > 1
    # A single scalar, at the end, cannot cost less than it does.
    assert (costs[1:-1] <= 0.8 * costs[:-2]).all()
    assert costs[-1] < costs[-2]
    assert len(parts[-1].linear) <= 2


def test_command_writes_a_cheaper_potential_that_is_as_accurate(tmp_path):
    """The labels are of a part of the level, so that cross-validation can tell."""
    level_8 = random_potential(("K",), level=8, seed=8)
    truth = with_scalars(level_8, np.arange(len(level_8.linear)) < 4)
    structures = labelled(random_structures(("K",), 30, seed=9), truth)
    write_structures(tmp_path / "train.extxyz", structures)
    write_potential(tmp_path / "whole.mtp", level_8)
    subprocess.run([*COMMAND, "--force", "0.1"], cwd=tmp_path, env=ENVIRONMENT, check=True)
    pruned = read_potential(tmp_path / "pruned.almtp")
    assert Cost().of(pruned.basis) < Cost().of(level_8.basis)
    assert errors(pruned, structures).force_maximum < 1e-3
    # No structure of the training set extrapolates.
    grades = [MTPCalculator(pruned).get_property("grade", atoms) for atoms in structures]
    assert max(grades) < 1.01
    np.testing.assert_array_equal(read_potential(tmp_path / "pruned.mtp").linear, pruned.linear)


def test_command_names_the_file_that_is_wrong(tmp_path):
    (tmp_path / "whole.mtp").write_text("nothing of the kind")
    run = subprocess.run(
        COMMAND, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("prune: whole.mtp, line 1: found nothing of the kind")
    assert len(run.stderr.splitlines()) == 1


def test_gain_is_against_the_cost_that_plain_levels_have_at_the_same_error():
    """The second level costs as much as needed to halve the error; the third is a waste."""
    levels, parts = ([1.0, 4.0, 5.0], [8.0, 4.0, 6.0]), ([1.0, 1.0, 1.0, 2.0], [3.0, 6.0, 9.0, 4.0])
    costs, errors_found = (np.array([*levels[k], *parts[k]]) for k in range(2))
    gains = cheaper_by(errors_found, costs, len(levels[0]))
    np.testing.assert_allclose(gains[3:], [np.inf, 2, 0, 2])
