"""Leverage: by its definition, and what is chosen by it."""

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures

from smallcell.engine import rows
from smallcell.leverage import RIDGE, least_known, least_known_walkers, leverages


@pytest.fixture(scope="module")
def training_set():
    potential = random_potential(("K",), level=6, seed=2)
    structures = labelled(random_structures(["K"], 30, seed=3), potential)
    return structures, rows(potential, structures)


def test_leverage_is_how_much_a_ridge_regression_moves_with_a_structures_own_label(training_set):
    _, matrix = training_set
    scaled = matrix / np.linalg.norm(matrix, axis=0)
    labels = np.random.default_rng(1).normal(size=len(matrix))

    def fitted(labels):
        extended = np.vstack([scaled, np.sqrt(RIDGE) * np.eye(scaled.shape[1])])
        padded = np.concatenate([labels, np.zeros(scaled.shape[1])])
        return scaled @ np.linalg.lstsq(extended, padded, rcond=None)[0]

    found = leverages(matrix)
    for number in (0, 7, 29):
        moved = labels.copy()
        moved[number] += 1
        response = fitted(moved)[number] - fitted(labels)[number]
        assert found[number] == pytest.approx(response, rel=1e-6)


def test_what_is_there_many_times_is_known_and_what_stands_alone_is_not():
    rng = np.random.default_rng(1)
    usual, odd = rng.normal(size=(2, 5))
    found = leverages(np.array([usual] * 10 + [odd]))
    assert np.allclose(found[:10], 1 / 10, atol=1e-4)
    assert found[10] == pytest.approx(1, abs=1e-4)


def test_a_parameter_that_no_structure_reaches_changes_nothing(training_set):
    _, matrix = training_set
    more = np.column_stack([matrix, np.zeros(len(matrix))])
    assert np.allclose(leverages(more), leverages(matrix))


def test_the_least_known_structures_of_the_right_size_are_chosen_without_labels(training_set):
    structures, matrix = training_set
    structures[2].info["batch"] = "seeds"
    chosen = least_known(structures, matrix, {1, 4}, 5)
    found = leverages(matrix)
    eligible = [place for place, atoms in enumerate(structures) if len(atoms) in (1, 4)]
    expected = sorted(eligible, key=lambda place: -found[place])[:5]
    assert [atoms.info["place"] for atoms in chosen] == expected
    assert all(atoms.calc is None for atoms in chosen)
    assert [atoms.info["leverage"] for atoms in chosen] == pytest.approx(found[expected])
    assert len(least_known(structures, matrix, {2}, 99)) == 10
    assert least_known(structures, matrix, {3}, 5) == []


@pytest.mark.parametrize(
    ("walkers", "share", "expected"),
    [(8, 0.25, [6, 7]), (3, 0.25, [2]), (4, 0, []), (2, 1, [0, 1])],
)
def test_the_last_walkers_of_a_round_start_from_them(walkers, share, expected):
    assert list(least_known_walkers({"walkers": walkers, "least_known": share})) == expected
