"""Members fit the labels, differ where the labels leave it open, and foresee errors."""

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures, with_noise
from scipy.stats import spearmanr

from smallcell.ensemble import disagreement, members
from smallcell.errors import differences, errors
from smallcell.fitting import fit
from smallcell.loss import Weights
from smallcell.potential import potential_text

RIDGE = 1e-8


@pytest.fixture(scope="module")
def truth():
    return random_potential(("K",), level=6, seed=1)


@pytest.fixture(scope="module")
def noisy(truth):
    """Forty structures whose labels have noise on them."""
    return with_noise(labelled(random_structures(("K",), 40, seed=2), truth), seed=11)


@pytest.fixture(scope="module")
def potential(noisy, truth):
    return fit(noisy, [truth], ridges=[RIDGE]).potential


@pytest.fixture(scope="module")
def ensemble(noisy, potential):
    return members(noisy, potential, Weights(), RIDGE, 4, np.random.default_rng(1))


@pytest.fixture(scope="module")
def unseen(truth):
    """Structures from as they were fitted to ones that are far from all of these."""
    structures = random_structures(("K",), 60, seed=12)
    rng = np.random.default_rng(13)
    for atoms, width in zip(structures, np.linspace(0, 0.5, 60), strict=True):
        atoms.positions += rng.normal(0, width, atoms.positions.shape)
    return labelled(structures, truth)


def test_members_fit_the_labels_that_they_are_refits_of(noisy, potential, ensemble):
    for member in ensemble:
        assert errors(member, noisy).force < 1.3 * errors(potential, noisy).force


def test_disagreement_is_as_large_as_the_error_on_what_was_not_seen(unseen, potential, ensemble):
    found = disagreement(ensemble, unseen)
    like_seen = slice(30)
    errors_of = differences(potential, unseen)
    force = np.array([np.sqrt(np.mean(one[1] ** 2)) for one in errors_of])
    energy = np.array([abs(one[0][0]) for one in errors_of])
    for spread, error in ((found.force, force), (found.energy, energy)):
        ratio = np.sqrt(np.mean(error[like_seen] ** 2) / np.mean(spread[like_seen] ** 2))
        assert 1 / 3 < ratio < 3


def test_disagreement_puts_structures_in_the_order_of_their_errors(unseen, potential, ensemble):
    with_forces = [atoms for atoms in unseen if len(atoms) > 1]
    error = [np.sqrt(np.mean(one[1] ** 2)) for one in differences(potential, with_forces)]
    assert spearmanr(disagreement(ensemble, with_forces).force, error)[0] > 0.6


def test_disagreement_is_the_standard_deviation_over_the_members(unseen, ensemble):
    by_member = [labelled(unseen[2:4], member) for member in ensemble[:3]]
    found = disagreement(ensemble[:3], unseen[2:4])
    for place in (0, 1):
        forces = np.array([one[place].get_forces() for one in by_member])
        energies = [one[place].get_potential_energy() / len(one[place]) for one in by_member]
        variance = np.sum((forces - forces.mean(axis=0)) ** 2, axis=0) / 2
        assert found.force[place] == pytest.approx(np.sqrt(variance.mean()))
        assert found.energy[place] == pytest.approx(np.std(energies, ddof=1))


def test_forces_that_vanish_by_symmetry_leave_nothing_to_disagree_on(unseen, ensemble):
    assert len(unseen[0]) == 1
    assert disagreement(ensemble, unseen[:1]).force[0] < 1e-10


def test_members_of_labels_without_noise_agree(noisy, truth):
    # Ridge and searches that end early leave a thousandth of what noise does.
    exact = labelled(noisy, truth)
    found = members(exact, truth, Weights(), 1e-14, 3, np.random.default_rng(1))
    assert disagreement(found, exact).force.max() < 1e-3


def test_the_seed_decides_the_threads_do_not(noisy, potential, ensemble):
    def texts(seed, number, threads):
        rng = np.random.default_rng(seed)
        made = members(noisy, potential, Weights(), RIDGE, number, rng, threads)
        return [potential_text(member) for member in made]

    two = texts(5, 2, 1)
    assert texts(5, 2, 3) == two
    assert two[0] != two[1]
    assert texts(6, 1, 1)[0] not in two


def test_a_configuration_keeps_its_own_weight(noisy, potential):
    heavy = [atoms.copy() for atoms in noisy]
    for atoms, original in zip(heavy, noisy, strict=True):
        atoms.calc = original.calc
    heavy[7].info["weight"] = 1e4
    (with_weight,) = members(heavy, potential, Weights(), RIDGE, 1, np.random.default_rng(3))
    (without,) = members(noisy, potential, Weights(), RIDGE, 1, np.random.default_rng(3))
    # What noise has done to the sum of the forces, no potential can fit.
    assert errors(with_weight, heavy[7:8]).energy < 0.5 * errors(without, heavy[7:8]).energy
    assert errors(with_weight, heavy[7:8]).stress < 0.5 * errors(without, heavy[7:8]).stress
    assert "weight" not in noisy[7].info


def test_one_potential_does_not_disagree(unseen, ensemble):
    with pytest.raises(ValueError, match="an ensemble of 1 cannot disagree"):
        disagreement(ensemble[:1], unseen)


def test_nobody_disagrees_where_there_is_no_ensemble(unseen):
    nobody = disagreement([], unseen)
    assert not nobody.force.any() and not nobody.energy.any()
    assert len(nobody.force) == len(nobody.energy) == len(unseen)
