"""Cross-validation against the refits that it stands for, and what it prefers."""

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures, with_noise

from smallcell.basis import generate_basis
from smallcell.cross_validation import log_mean, preferred, scores
from smallcell.fitting import fit, random_starts
from smallcell.least_squares import Problem
from smallcell.loss import Weights, labels, scales

RIDGE = 1e-6


@pytest.fixture(scope="module")
def truth():
    return random_potential(("K",), level=8, seed=1)


@pytest.fixture(scope="module")
def noisy(truth):
    """Sixty structures whose labels have noise on them."""
    return with_noise(labelled(random_structures(("K",), 60, seed=2), truth), seed=11)


@pytest.fixture(scope="module")
def result(noisy, truth):
    return fit(noisy, [truth], ridges=[RIDGE])


def test_scores_are_those_of_fits_that_have_not_seen_the_group(noisy, result):
    problem = Problem(noisy, result.potential, Weights())
    found = scores(problem, problem.point(result.potential, RIDGE))
    right = []
    for places in problem.places:
        rest = [atoms for place, atoms in enumerate(noisy) if place not in places]
        without = fit(rest, [result.potential], ridges=[RIDGE]).potential
        right.append(contribution(noisy, places, without))
    assert found.sum() > 1.05 * result.loss
    assert found.sum() == pytest.approx(sum(right), rel=0.1)
    assert np.corrcoef(np.log(found), np.log(right))[0, 1] > 0.95


def contribution(structures, places, potential):
    """What the structures at these places contribute to the loss of all."""
    right, scale = labels(structures), scales(structures, Weights())
    total = 0
    for place in places:
        values = labels(labelled([structures[place]], potential))[0]
        total += np.sum((scale[place] * (values - right[place])) ** 2)
    return total


def test_a_fit_keeps_the_ridge_that_scores_prefer(noisy, truth):
    exact = labelled(noisy[:20], truth)
    chosen = fit(exact, [truth], ridges=[1e-8, 1e-2])
    assert list(chosen.scores) == [1e-2, 1e-8]
    assert chosen.scores[1e-2] > 10 * chosen.scores[1e-8]
    assert chosen.ridge == 1e-8
    assert chosen.loss == pytest.approx(fit(exact, [truth], ridges=[1e-8]).loss, rel=1e-2)


def test_of_several_minima_the_one_is_kept_that_scores_best_not_the_lowest(noisy):
    few = noisy[:20]
    starts = [
        random_starts(few, ("K",), generate_basis(8), 7.0, 8, np.random.default_rng(seed), 1)[0]
        for seed in (0, 3, 4)
    ]
    minima = []
    for start in starts:
        one = fit(few, [start], ridges=[RIDGE])
        problem = Problem(few, one.potential, Weights())
        scored = log_mean(scores(problem, problem.point(one.potential, RIDGE)))
        minima.append((scored, one.loss))
    best, lowest = min(minima)[1], min(loss for _, loss in minima)
    assert best > 1.002 * lowest
    assert fit(few, starts, ridges=[RIDGE]).loss == pytest.approx(best, rel=5e-4)


def test_what_cannot_be_told_apart_goes_to_the_strongest():
    rng = np.random.default_rng(3)
    best = rng.uniform(1, 2, 20)
    alike = best * np.exp(rng.normal(0.001, 0.1, 20))
    assert preferred([2 * best, alike, best]) == 1
    assert preferred([2 * best, 1.5 * best, best]) == 2
    # One group unlike the others does not decide, though its sum is larger.
    outlier = best.copy()
    outlier[0] *= 20
    assert preferred([2 * best, outlier]) == 1
