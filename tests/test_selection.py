"""MaxVol, grades and selection, against motep and brute force."""

import itertools

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from motep.grade.maxvol import MaxVol
from random_potentials import random_potential, random_structures

from smallcell.engine import rows
from smallcell.selection import SWAP_THRESHOLD, active_set, grades, select


@pytest.fixture(scope="module")
def potential():
    return random_potential(("Na", "K"), level=6, seed=1)


@pytest.fixture(scope="module")
def training_rows(potential):
    return rows(potential, random_structures(("Na", "K"), 90, seed=2))


@pytest.fixture(scope="module")
def candidate_rows(potential):
    structures = random_structures(("Na", "K"), 40, seed=3)
    for atoms in structures:
        atoms.positions *= 0.95
        atoms.cell *= 0.95
    return rows(potential, structures)


@pytest.mark.parametrize("shape", [(30, 4), (200, 20)])
def test_active_set_of_random_rows_agrees_with_motep(shape):
    matrix = np.random.default_rng(4).normal(size=shape)
    reference = MaxVol(algorithm="mlip").run(matrix)
    assert reference.success
    np.testing.assert_array_equal(active_set(matrix), reference.submatrix)


def test_active_set_of_a_potential_agrees_with_motep():
    # One species: two have columns that are equal but for rounding, which breaks ties by chance.
    matrix = rows(random_potential(("K",), level=8, seed=1), random_structures(("K",), 60, seed=2))
    reference = MaxVol(algorithm="mlip").run(matrix)
    np.testing.assert_array_equal(active_set(matrix), reference.submatrix)
    np.testing.assert_allclose(grades(matrix[reference.indices], active_set(matrix)), 1, rtol=1e-6)


def test_no_swap_of_one_row_gains_volume():
    matrix = np.random.default_rng(5).normal(size=(15, 4))
    chosen = active_set(matrix)
    volume = abs(np.linalg.det(chosen))
    for place, row in itertools.product(range(4), matrix):
        swapped = chosen.copy()
        swapped[place] = row
        assert abs(np.linalg.det(swapped)) <= SWAP_THRESHOLD * volume * (1 + 1e-12)


def test_volume_is_near_the_largest_of_all():
    matrix = np.random.default_rng(6).normal(size=(12, 3))
    largest = max(
        abs(np.linalg.det(matrix[list(few)])) for few in itertools.combinations(range(12), 3)
    )
    # A local maximum is at worst n^(n/2) below the global one (Goreinov et al. 2010).
    assert abs(np.linalg.det(active_set(matrix))) >= largest / 3**1.5 / SWAP_THRESHOLD


def test_grade_is_the_factor_by_which_the_volume_grows():
    rng = np.random.default_rng(7)
    chosen, row = active_set(rng.normal(size=(15, 4))), 3 * rng.normal(size=4)
    volumes = []
    for place in range(4):
        swapped = chosen.copy()
        swapped[place] = row
        volumes.append(abs(np.linalg.det(swapped)))
    expected = max(volumes) / abs(np.linalg.det(chosen))
    assert grades(row[None], chosen)[0] == pytest.approx(expected, rel=1e-10)


def test_no_training_row_exceeds_the_swap_threshold(training_rows):
    # Rounding of some fifty rank-one updates on coefficients up to 1e6.
    assert grades(training_rows, active_set(training_rows)).max() <= SWAP_THRESHOLD + 1e-6


def test_two_descriptions_of_one_crystal_have_one_grade(potential, training_rows):
    primitive = bulk("K", "bcc", a=4.4)
    primitive.set_cell(primitive.cell.array @ np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 0.9]]), True)
    doubled = make_supercell(primitive, [[1, 0, 0], [0, 2, 0], [0, 1, 1]])
    assert len(doubled) == 2
    once, twice = grades(rows(potential, [primitive, doubled]), active_set(training_rows))
    assert once > 1
    # The active set's condition number, about 1e8, times the rounding of a row.
    assert twice == pytest.approx(once, rel=1e-6)


def test_selection_leaves_no_candidate_above_the_threshold():
    rng = np.random.default_rng(8)
    training, candidates = rng.normal(size=(40, 6)), 2 * rng.normal(size=(60, 6))
    before = grades(candidates, active_set(training))
    chosen = select(training, candidates, threshold=1.5)
    assert np.sum(before > 1.5) > len(chosen) > 0
    # The selection ends with an active set of some training rows and all chosen ones.
    known = np.vstack([active_set(training), candidates[chosen]])
    remaining = len(known) - 6
    ends = [
        np.vstack([known[list(kept)], candidates[chosen]])
        for kept in itertools.combinations(range(6), 6 - remaining)
    ]
    assert min(grades(candidates, end).max() for end in ends) <= 1.5


def test_selection_takes_the_largest_grades_first(training_rows, candidate_rows):
    before = grades(candidate_rows, active_set(training_rows))
    all_of_them = select(training_rows, candidate_rows, threshold=2.1)
    few = select(training_rows, candidate_rows, threshold=2.1, at_most=1)
    assert len(all_of_them) > 2
    assert few.tolist() == [np.argmax(before)]
    assert len(select(training_rows, candidate_rows, threshold=2.1, at_most=2)) == 2
    assert len(select(training_rows, candidate_rows, threshold=2.1, at_most=0)) == 0


def test_replaced_candidates_are_not_selected():
    # (-9, 1) comes first, grade 9; (-8, 7) second; then (-8, -4) replaces the first, since its
    # determinant with (-8, 7), 88, is 1.6 times that of (-9, 1), 55.
    candidates = np.array([[-8.0, 7], [-9, 1], [-8, -4], [0, -1]])
    assert select(np.eye(2), candidates, threshold=2.1).tolist() == [0, 1]
    assert select(np.eye(2), candidates, threshold=1.5).tolist() == [0, 2]


def test_equal_candidates_are_selected_once(training_rows, candidate_rows):
    once = select(training_rows, candidate_rows, threshold=2.1)
    tripled = np.vstack([candidate_rows] * 3)
    assert select(training_rows, tripled, threshold=2.1).tolist() == once.tolist()


def test_nothing_new_is_nothing_selected(training_rows):
    assert len(select(training_rows, training_rows[::2], threshold=2.1)) == 0
    assert len(select(training_rows, training_rows[:0], threshold=2.1)) == 0


def test_bad_input_is_refused(training_rows):
    broken = training_rows.copy()
    broken[7, 3] = np.nan
    with pytest.raises(ValueError, match="row 7 "):
        active_set(broken)
    with pytest.raises(ValueError, match="threshold is 1; it must be above 1"):
        select(training_rows, training_rows, threshold=1)
