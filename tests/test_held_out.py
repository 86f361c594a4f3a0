"""What is held out, for how long, and when its errors are tolerable."""

from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from smallcell.held_out import HELD_OUT, TRAINING, divide, draw, intolerable, of_stage, taken_in

TOLERANCES = {"least": 4, "force": 12.0}


def structure(batch):
    return Atoms("K", info={"batch": batch})


def report(configurations=9, force=10.0, highest=11.0):
    return {
        "configurations": configurations,
        "energy": 1.0,
        "energy_interval": [0.5, 1.5],
        "force": force,
        "force_interval": [9.0, highest],
        "stress": 0.1,
        "stress_interval": [0.05, 0.2],
    }


def alike(walkers, number, seed=0):
    """Draw samples that are all of one kind."""
    return draw(walkers, [0] * len(walkers), {}, number, np.random.default_rng(seed))


def test_samples_are_of_as_many_walkers_as_there_are():
    walkers = [0] * 50 + [1] * 50 + [2]
    for seed in range(20):
        drawn = alike(walkers, 3, seed)
        assert sorted(walkers[place] for place in drawn) == [0, 1, 2]
        assert len(set(alike(walkers, 7, seed))) == 7


def test_samples_do_not_lean_to_either_end_of_a_walk():
    draws = [alike([0] * 5, 1, seed)[0] for seed in range(500)]
    counts = np.bincount(draws, minlength=5)
    # Binomial: 100 of 500 with a standard deviation of 9.
    assert counts.min() > 60


def test_kinds_of_which_fewest_are_taken_come_first():
    kinds = [0] * 10 + [1] * 10 + [2] * 10
    for seed in range(10):
        drawn = draw(range(30), kinds, {0: 2, 1: 1}, 6, np.random.default_rng(seed))
        assert Counter(kinds[place] for place in drawn) == {0: 1, 1: 2, 2: 3}


def test_no_more_are_drawn_than_there_are():
    assert alike([3, 3], 5).tolist() == [0, 1]
    assert len(alike([], 2)) == 0


def test_structures_are_held_out_for_some_rounds_and_then_released():
    old = [structure("a/000"), structure("a/001"), structure("a/001")]
    new = [structure("a/002")]
    kept, released = divide(old, new, rounds=2)
    assert [atoms.info["batch"] for atoms in kept] == ["a/001", "a/001", "a/002"]
    assert [atoms.info["batch"] for atoms in released] == ["a/000"]
    assert divide([], [], rounds=2) == ([], [])


def test_a_round_without_held_out_structures_releases_none():
    old = [structure("a/000"), structure("a/001")]
    assert divide(old, [], rounds=2) == (old, [])


def test_of_a_stage_are_those_of_its_rounds_alone():
    found = of_stage([structure("two/000"), structure("two-atoms/000")], "two")
    assert [atoms.info["batch"] for atoms in found] == ["two/000"]


def test_an_error_is_tolerable_if_all_of_its_interval_is():
    assert intolerable(report(highest=11.9), TOLERANCES) == []
    (fault,) = intolerable(report(force=10.0, highest=12.1), TOLERANCES)
    assert fault == (
        "the held-out force error of 10 meV/A may be as high as 12.1; verdict.force allows 12"
    )


def test_too_few_structures_are_no_proof():
    (fault,) = intolerable(report(configurations=3), TOLERANCES)
    assert fault.startswith("3 held-out structures of the stage are too few")


@pytest.mark.parametrize("number", [0, 3, 9])
def test_without_tolerances_the_grade_alone_decides(number):
    assert intolerable(report(configurations=number, highest=999), {"least": 4}) == []


def test_a_batch_is_partly_learnt_and_partly_held_out():
    before = [structure("a/000")]
    judge, lesson = structure("a/001"), structure("a/001")
    judge.info["purpose"], lesson.info["purpose"] = HELD_OUT, TRAINING
    seed = structure("seeds")
    learnt, held_out = taken_in(before, [judge, lesson, seed], rounds=1)
    assert [id(atoms) for atoms in learnt] == [id(atoms) for atoms in (*before, lesson, seed)]
    assert [id(atoms) for atoms in held_out] == [id(judge)]
