"""Errors are those of the labels, their intervals hold what they say, groups do not overlap."""

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures, with_label

from smallcell.errors import (
    differences,
    energy_constants,
    errors,
    groups,
    held_out,
    summary,
)


@pytest.fixture(scope="module")
def truth():
    return random_potential(("K",), level=8, seed=1)


@pytest.fixture(scope="module")
def training_set(truth):
    return labelled(random_structures(("K",), 24, seed=2), truth)


def test_errors_are_those_of_the_labels(truth, training_set):
    exact = errors(truth, training_set)
    assert exact.energy < 1e-12
    assert exact.force_maximum < 1e-12
    assert (exact.configurations, exact.atoms) == (24, sum(map(len, training_set)))

    pair = training_set[1]
    moved = with_label(
        pair,
        energy=pair.get_potential_energy() + 0.02,
        forces=pair.get_forces() + [[0.6, 0, 0], [0, 0, 0]],
        stress=pair.get_stress() + [0.3, 0, 0, 0, 0, 0.6],
    )
    found = errors(truth, [moved])
    # Two atoms; six force components; of nine stress components one is off by 0.3, two by 0.6.
    assert found.energy == pytest.approx(0.01)
    assert found.force == pytest.approx(0.6 / np.sqrt(6))
    assert found.force_maximum == pytest.approx(0.6)
    assert found.stress == pytest.approx(np.sqrt((0.3**2 + 2 * 0.6**2) / 9))
    assert found.stress_maximum == pytest.approx(0.6)


def test_errors_of_nothing_are_not_numbers(truth):
    nothing = errors(truth, [])
    assert np.isnan([nothing.energy, nothing.force_maximum, nothing.stress]).all()
    assert nothing.configurations == 0


def test_held_out_structures_stay_held_out():
    structures = random_structures(("K",), 200, seed=10)
    chosen = held_out(structures, 0.2)
    # Binomial: 40 expected, standard deviation 5.7.
    assert 17 < chosen.sum() < 63
    assert np.array_equal(held_out(structures[:50], 0.2), chosen[:50])
    assert np.array_equal(held_out(structures[::-1], 0.2), chosen[::-1])
    assert held_out(structures, 0.3)[chosen].all()
    rounded = [atoms.copy() for atoms in structures]
    for atoms in rounded:
        atoms.positions += 1e-12
    assert np.array_equal(held_out(rounded, 0.2), chosen)
    assert not held_out(structures, 0).any()
    assert held_out([], 0.2).shape == (0,)


@pytest.mark.parametrize("share", [-0.1, 1, np.nan])
def test_held_out_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="held-out share is"):
        held_out([], share)


def test_intervals_hold_the_true_error_as_often_as_they_say():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        # Structures of errors of their own size, 1 on the average of the squares.
        sizes = np.sqrt(rng.choice([0.5, 1.5], 60))
        found = summary([(rng.normal(0, size, 1),) * 3 for size in sizes])
        low, high = found.force_interval
        inside += low < 1 < high
    # 190 expected; the bootstrap of 60 is a little too narrow. Binomial deviation 3 to 4.
    assert 175 < inside < 200


def test_groups_take_each_structure_once_wherever_it_stands():
    structures = random_structures(("K",), 50, seed=3)
    found = groups(structures, 7)
    assert sorted(np.concatenate(found)) == list(range(50))
    assert {len(group) for group in found} == {7, 8}
    turned = groups(structures[::-1], 7)
    assert [set(group) for group in found] == [set(49 - group) for group in turned]
    assert [len(group) for group in groups(structures[:3], 7)] == [1, 1, 1]


def test_a_constant_for_each_element_is_found_and_taken_off():
    species = ("Na", "K")
    truth = random_potential(species, level=6, seed=1)
    structures = labelled(random_structures(species, 9, seed=2), truth)
    offsets = {"K": 0.5, "Na": -1.25}
    moved = [
        with_label(
            atoms,
            energy=atoms.get_potential_energy() - sum(offsets[symbol] for symbol in atoms.symbols),
        )
        for atoms in structures
    ]
    plain = [energy.item() for energy, _, _ in differences(truth, moved)]
    assert energy_constants(plain, moved) == pytest.approx(offsets)
    left = summary(differences(truth, moved, up_to_constants=True))
    assert left.energy_maximum < 1e-9
    assert left.force_maximum < 1e-9


def test_constants_that_would_take_all_of_the_errors_are_no_numbers(truth, training_set):
    other = random_potential(("K",), level=8, seed=7)
    (one,) = differences(other, training_set[:1], up_to_constants=True)
    assert np.isnan(one[0]).all()
    assert np.isfinite(one[1]).all()
    two = differences(other, training_set[:2], up_to_constants=True)
    assert two[0][0] == pytest.approx(-two[1][0])
    assert energy_constants([], []) == {}
