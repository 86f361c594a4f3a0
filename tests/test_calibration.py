"""Grade and disagreement are compared by what they foresaw, as far as the structures tell."""

from functools import cache

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures
from scipy.stats import spearmanr

from smallcell.calibration import (
    FEWEST,
    calibration,
    calibration_table,
    conclusion,
    rank_correlations,
)


@cache
def with_forces(number):
    """Structures of two and four atoms with labels."""
    structures = random_structures(("K",), 2 * number, seed=2)
    pairs = [atoms for atoms in structures if len(atoms) > 1][:number]
    return labelled(pairs, random_potential(("K",), level=6, seed=1))


def held_out(number, grade_noise, disagreement_noise, seed=0):
    """Structures with forces and errors, and what foresaw the errors, more or less."""
    rng = np.random.default_rng(seed)
    structures, errors = [], []
    for original in with_forces(number):
        atoms = original.copy()
        atoms.calc = original.calc
        size = np.exp(rng.normal(-4, 1))
        noise = np.exp(rng.normal(0, [grade_noise, disagreement_noise]))
        atoms.info |= {"batch": "pairs/001", "grade": 100 * size * noise[0]}
        atoms.info["disagreement"] = size * noise[1] / 2
        force = rng.choice([-1, 1], 3 * len(atoms)) * size
        structures.append(atoms)
        errors.append((np.array([-size / 10]), force, np.zeros(9)))
    return structures, errors


def test_the_table_has_what_was_foreseen_and_how_wrong_it_was():
    structures, errors = held_out(12, 1, 0)
    table = calibration_table(structures, errors)
    size = np.array([abs(energy[0]) for energy, _, _ in errors]) * 10
    assert table["force error meV/A"].to_numpy() == pytest.approx(1000 * size)
    assert table["energy error meV/atom"].to_numpy() == pytest.approx(100 * size)
    assert table["disagreement meV/A"].to_numpy() == pytest.approx(500 * size)
    assert list(table["atoms"]) == [len(atoms) for atoms in structures]
    assert table["with forces"].all()


def test_what_foresees_better_is_found_with_the_factor_to_its_error():
    table = calibration_table(*held_out(60, 2, 0.1))
    found = calibration(table)
    by_force = found.correlations["force error meV/A"]
    right = spearmanr(table["grade"], table["force error meV/A"])[0]
    assert by_force["grade"].value == pytest.approx(right)
    assert by_force["grade"].low < right < by_force["grade"].high
    assert by_force["disagreement"].value > 0.95
    assert found.factor.low < 2 < found.factor.high
    words = conclusion(table, found)
    assert words.startswith("the disagreement foresees the error better than the grade (rank corr")
    assert "60 structures" in words
    assert words.endswith("times the disagreement")

    table = calibration_table(*held_out(60, 0.1, 2))
    words = conclusion(table, calibration(table))
    assert words.startswith("the grade foresees the error better than the disagreement (rank corr")


def test_intervals_hold_what_they_say():
    # Of many sets whose predictors are equally good, one in twenty finds a better one.
    claims = 0
    for seed in range(40):
        table = calibration_table(*held_out(30, 1, 1, seed))
        lead = calibration(table).lead["force error meV/A"]
        claims += not lead.low <= 0 <= lead.high
    # Binomial, 2 expected, standard deviation 1.4.
    assert claims <= 6


def test_what_is_alike_is_said_to_be():
    table = calibration_table(*held_out(30, 0.5, 0.5, seed=3))
    assert "foresees the error no better than" in conclusion(table, calibration(table))
    table = calibration_table(*held_out(12, 60, 60, seed=1))
    assert conclusion(table, calibration(table)).startswith("neither ")


def test_few_structures_are_said_to_be_too_few():
    table = calibration_table(*held_out(FEWEST - 1, 0, 0))
    assert calibration(table) is None
    assert f"{FEWEST - 1} held-out structures with forces are too few" in conclusion(table, None)
    nothing = calibration_table([], [])
    assert calibration(nothing) is None
    assert conclusion(nothing, None).startswith("0 held-out structures")


def test_forces_that_vanish_by_symmetry_do_not_count():
    structures, errors = held_out(12, 0, 0)
    single = random_structures(("K",), 1, seed=4)[0]
    (single,) = labelled([single], random_potential(("K",), level=6, seed=1))
    single.info |= structures[0].info | {"disagreement": 0.0}
    table = calibration_table([*structures, single], [*errors, (*errors[0][:1], np.zeros(3), 0)])
    assert list(table["with forces"]) == 12 * [True] + [False]
    assert calibration(table).structures == 12


def test_a_structure_without_its_grade_is_named():
    structures, errors = held_out(3, 0, 0)
    del structures[1].info["grade"]
    with pytest.raises(ValueError, match="structure 1 .* does not tell its grade"):
        calibration_table(structures, errors)


def test_rank_correlations_are_those_of_scipy_ties_included():
    rng = np.random.default_rng(1)
    ones, others = rng.integers(0, 6, (2, 5, 20))
    right = [spearmanr(one, other)[0] for one, other in zip(ones, others, strict=True)]
    assert rank_correlations(ones, others) == pytest.approx(right)
    assert rank_correlations(np.ones((1, 5)), np.arange(5.0)[None])[0] == 0
