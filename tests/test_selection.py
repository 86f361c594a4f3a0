"""MaxVol, grades and selection, against motep and brute force."""

import itertools

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from ase.data import atomic_numbers
from motep.grade.grader import GradeMode, Grader
from motep.grade.maxvol import MaxVol, MaxVolSetting
from motep.io.mlip.mtp import read_mtp
from random_potentials import random_potential, random_structures

from smallcell import selection
from smallcell.engine import graded_rows, rows
from smallcell.potential import write_potential
from smallcell.selection import (
    SWAP_THRESHOLD,
    active_set,
    distinct,
    grades,
    select,
)


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


@pytest.mark.parametrize("dearest", [None, 1, 100])
def test_selection_leaves_no_candidate_above_the_threshold(dearest):
    rng = np.random.default_rng(8)
    training, candidates = rng.normal(size=(40, 6)), 2 * rng.normal(size=(60, 6))
    before = grades(candidates, active_set(training))
    costs = None if dearest is None else rng.uniform(1, dearest, len(candidates))
    chosen = select(active_set(training), candidates, threshold=1.5, costs=costs)
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
    known = active_set(training_rows)
    few = select(known, candidate_rows, threshold=2.1, at_most=1)
    assert len(select(known, candidate_rows, threshold=2.1)) > 2
    assert few.tolist() == [np.argmax(before)]
    assert len(select(known, candidate_rows, threshold=2.1, at_most=2)) == 2
    assert len(select(known, candidate_rows, threshold=2.1, at_most=0)) == 0


def test_replaced_candidates_are_not_selected():
    # (-9, 1) comes first, grade 9; (-8, 7) second; then (-8, -4) replaces the first, since its
    # determinant with (-8, 7), 88, is 1.6 times that of (-9, 1), 55.
    candidates = np.array([[-8.0, 7], [-9, 1], [-8, -4], [0, -1]])
    assert select(np.eye(2), candidates, threshold=2.1).tolist() == [0, 1]
    assert select(np.eye(2), candidates, threshold=1.5).tolist() == [0, 2]


def test_equal_candidates_are_selected_once(training_rows, candidate_rows):
    once = select(active_set(training_rows), candidate_rows, threshold=2.1)
    tripled = np.vstack([candidate_rows] * 3)
    assert select(active_set(training_rows), tripled, threshold=2.1).tolist() == once.tolist()


def test_nothing_new_is_nothing_selected(training_rows):
    assert len(select(active_set(training_rows), training_rows[::2], threshold=2.1)) == 0
    assert len(select(active_set(training_rows), training_rows[:0], threshold=2.1)) == 0


def test_bad_input_is_refused(training_rows):
    broken = training_rows.copy()
    broken[7, 3] = np.nan
    with pytest.raises(ValueError, match="row 7 "):
        active_set(broken)
    with pytest.raises(ValueError, match="threshold is 1; it must be above 1"):
        select(training_rows[:1], training_rows, threshold=1)
    with pytest.raises(ValueError, match="costs must be above 0"):
        select(np.eye(2), np.ones((2, 2)), threshold=2, costs=np.array([1.0, 0.0]))


def test_grades_of_neighbourhoods_agree_with_motep(tmp_path):
    potential = random_potential(("K",), level=8, seed=1)
    structures = random_structures(("K",), 70, seed=2)
    known, candidates = structures[:50], structures[50:]
    write_potential(tmp_path / "a.mtp", potential)
    data = read_mtp(tmp_path / "a.mtp")
    data.species = [atomic_numbers["K"]]
    grader = Grader(
        data, 1, mode=GradeMode.NEIGHBORHOOD, maxvol_setting=MaxVolSetting(algorithm="mlip")
    )
    grader.update(known)
    expected = [atoms.calc.results["MV_grade"] for atoms in grader.grade(candidates)]
    chosen = active_set(graded_rows(potential, known, "neighbourhood")[0])
    by_atom, owners = graded_rows(potential, candidates, "neighbourhood")
    assert len(by_atom) > len(candidates)
    np.testing.assert_allclose(grades(by_atom, chosen, owners), expected, rtol=1e-6)


def test_a_structure_that_is_taken_brings_its_other_rows_with_it():
    # Structure 0 has the largest grade, 5; its other row, of grade 3, leaves nothing of structure
    # 1, which has the larger row of its kind and is taken too where labels do not count.
    rows = np.array([[5.0, 0, 0], [0, 3.0, 0], [0, 3.5, 0], [0, 0, 1]])
    owners = np.array([0, 0, 1, 1])
    assert select(np.eye(3), rows, 2.1, owners=owners).tolist() == [0, 1]
    assert select(np.eye(3), rows, 2.1, owners=owners, costs=np.ones(2)).tolist() == [0]


def test_a_limit_counts_structures_and_not_their_rows():
    rows = np.array([[5.0, 0, 0], [0, 4, 0], [0, 0, 3]])
    for owners, costs in itertools.product(([0, 0, 1], [0, 1, 1]), (None, np.ones(2))):
        chosen = select(np.eye(3), rows, 2.1, at_most=1, owners=np.array(owners), costs=costs)
        assert chosen.tolist() == [0]
        chosen = select(np.eye(3), rows, 2.1, at_most=2, owners=np.array(owners), costs=costs)
        assert chosen.tolist() == [0, 1]


def test_labels_of_equal_cost_are_selected_as_if_they_had_none(training_rows, candidate_rows):
    rng = np.random.default_rng(9)
    known = active_set(training_rows)
    for cost in (1.0, 37.0):
        assert np.array_equal(
            select(known, candidate_rows, 2.1),
            select(known, candidate_rows, 2.1, costs=np.full(len(candidate_rows), cost)),
        )
        for _ in range(10):
            known_few, candidates = np.eye(6), 2 * rng.normal(size=(60, 6))
            costs = np.full(len(candidates), cost)
            few = select(known_few, candidates, 1.5)
            assert few.tolist() == select(known_few, candidates, 1.5, costs=costs).tolist()


def test_the_first_choice_adds_most_to_the_determinant_for_its_cost():
    rng = np.random.default_rng(10)
    firsts = set()
    for _ in range(20):
        known, candidates = np.eye(4), 2 * rng.normal(size=(15, 4))
        costs = rng.uniform(1, 5, len(candidates))
        gains = []
        for row in candidates:
            swapped = [known.copy() for _ in known]
            for place, one in enumerate(swapped):
                one[place] = row
            volume = max(abs(np.linalg.det(one)) for one in swapped)
            gains.append(np.log(volume) if volume > 1.5 else -np.inf)
        (first,) = select(known, candidates, 1.5, at_most=1, costs=costs)
        assert first == np.argmax(gains / costs)
        firsts.add(first == np.argmax(gains))
    assert firsts == {True, False}


def test_of_equally_informative_structures_the_cheapest_is_selected():
    # A row and its opposite tell the same.
    rows = np.array([[4.0, 1], [-4, -1], [4, 1], [0, 1]])
    costs = np.array([3.0, 2, 1, 1])
    assert select(np.eye(2), rows, 2.1, costs=costs).tolist() == [2]
    assert select(np.eye(2), rows, 2.1).tolist() == [0]


def test_rows_are_worked_on_in_blocks_of_any_size(monkeypatch, training_rows, candidate_rows):
    known = active_set(training_rows)
    whole = select(known, candidate_rows, 2.1)
    monkeypatch.setattr(selection, "BLOCK", 7)
    assert np.array_equal(active_set(training_rows), known)
    assert select(known, candidate_rows, 2.1).tolist() == whole.tolist()


def test_frames_like_the_last_one_kept_are_left_out():
    rows = np.array([[3.0, 0], [3.2, 0.3], [3.4, 0], [3.4, 0.9], [3.0, 0]])
    # Each is compared with the last one kept: 0.2 and 0.3 away, then 0.4, 0.9, and back.
    one_each = np.arange(5)
    assert distinct(rows, one_each, np.eye(2), 0.35).tolist() == [0, 2, 3, 4]
    assert distinct(rows, one_each, np.eye(2), 0.5).tolist() == [0, 3, 4]
    # In units of the active set.
    assert distinct(rows, one_each, 2 * np.eye(2), 0.35).tolist() == [0, 3, 4]
    assert distinct(rows[:0], one_each[:0], np.eye(2), 0.5).tolist() == []


def test_frames_are_alike_if_all_their_atoms_are():
    first, second = [[3.0, 0], [1, 1]], [[3.0, 0], [1, 1.6]]
    rows, owners = np.array([*first, *second, *second]), np.repeat([0, 1, 2], 2)
    assert distinct(rows, owners, np.eye(2), 0.5).tolist() == [0, 1]
    assert distinct(rows, owners, np.eye(2), 0.7).tolist() == [0]


def test_of_like_frames_one_leaves_the_others_known():
    rng = np.random.default_rng(12)
    for tolerance in (0.2, 1.05):
        largest = 0
        for _ in range(200):
            frame = 4 * rng.normal(size=8)
            like = frame + rng.uniform(-tolerance, tolerance, (50, 8))
            taken = np.eye(8)
            place = np.argmax(np.abs(frame))
            taken[place] = frame
            largest = max(largest, grades(like, taken).max())
        assert 1 < largest <= max(1 + tolerance, 2 * tolerance) * (1 + 1e-12)
