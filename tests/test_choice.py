"""What a round labels."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from random_potentials import random_potential, random_structures

from smallcell.candidates import gather
from smallcell.choice import Outcome, choose, within_budget
from smallcell.composition import tenths_of
from smallcell.engine import with_active_set
from smallcell.held_out import HELD_OUT, TRAINING
from smallcell.learning import extending
from smallcell.selection import grades

SETTINGS = {"threshold": 2.1, "at_most": 4, "held_out": 2}


@pytest.fixture(scope="module")
def training():
    return random_structures(("K",), 60, seed=2)


@pytest.fixture(scope="module")
def potential(training):
    return with_active_set(random_potential(("K",), 6, seed=1), training, "configuration")


@pytest.fixture(scope="module")
def strange(potential):
    """Frames that the potential does not know."""
    structures = random_structures(("K",), 40, seed=3)
    for atoms in structures:
        atoms.set_cell(0.9 * atoms.cell, scale_atoms=True)
    return gather(potential, [structures], 0)


@pytest.fixture(scope="module")
def samples(potential, training):
    structures = [atoms.copy() for atoms in training[:20]]
    for place, atoms in enumerate(structures):
        atoms.info["walker"] = place // 4
    return gather(potential, [structures], 0)


@pytest.fixture
def nothing(potential):
    return gather(potential, [], 0)


def run(potential, frames, samples, faults=(), costs=None, disagreement=None, **changes):
    copies = [
        replace(found, structures=[atoms.copy() for atoms in found.structures])
        for found in (frames, samples)
    ]
    rng = np.random.default_rng(5)
    if disagreement is None:
        disagreement = np.zeros(len(samples.structures))
    settings = SETTINGS | changes
    chosen = extending("built-in", potential, [], frames, settings, costs)
    return choose(potential, *copies, chosen, settings, faults, disagreement, rng)


def test_what_is_new_is_labelled_and_some_samples_to_judge_by(potential, strange, samples):
    choice = run(potential, strange, samples)
    assert choice.outcome == Outcome.NEW
    assert (choice.number(TRAINING), choice.number(HELD_OUT)) == (4, 2)
    learnt = [atoms for atoms in choice.structures if atoms.info["purpose"] == TRAINING]
    known = grades(strange.rows, potential.active_set)
    assert {atoms.info["grade"] for atoms in learnt} <= set(known)
    assert min(atoms.info["grade"] for atoms in learnt) > 2.1
    judges = [atoms for atoms in choice.structures if atoms.info["purpose"] == HELD_OUT]
    assert len({atoms.info["walker"] for atoms in judges}) == 2
    assert max(atoms.info["grade"] for atoms in judges) < 1.01


@pytest.mark.parametrize("grade_mode", ["configuration", "neighbourhood"])
@pytest.mark.parametrize("labels", [5, 60])
def test_labels_that_are_too_few_for_grades_of_configurations_are_told(
    training, strange, grade_mode, labels
):
    potential = with_active_set(random_potential(("K",), 6, seed=1), training[:labels], grade_mode)
    frames = gather(potential, [strange.structures], 0)
    choice = run(potential, frames, gather(potential, [], 0))
    assert choice.number(TRAINING) == 4
    told = any("potential.grade" in reason for reason in choice.reasons)
    assert told == (grade_mode == "configuration" and labels == 5)


def test_a_stage_is_done_when_nothing_is_new_and_errors_are_tolerable(potential, nothing, samples):
    choice = run(potential, nothing, samples)
    assert (choice.outcome, choice.structures) == (Outcome.ENOUGH, [])


def test_intolerable_errors_have_samples_labelled_though_nothing_is_new(
    potential, nothing, samples
):
    choice = run(potential, nothing, samples, faults=["the held-out force error is too high"])
    assert choice.outcome == Outcome.INACCURATE
    assert choice.reasons == ["the held-out force error is too high"]
    assert (choice.number(TRAINING), choice.number(HELD_OUT)) == (4, 2)
    places = [atoms.positions.tobytes() for atoms in choice.structures]
    assert len(set(places)) == 6


def test_samples_on_which_an_ensemble_disagrees_come_first(potential, nothing, samples):
    doubtful = np.isin(np.arange(20), [2, 3, 11, 17]).astype(float)
    choice = run(potential, nothing, samples, faults=["too high"], disagreement=doubtful)
    learnt = [atoms for atoms in choice.structures if atoms.info["purpose"] == TRAINING]
    expected = {samples.structures[place].positions.tobytes() for place in (2, 3, 11, 17)}
    assert {atoms.positions.tobytes() for atoms in learnt} == expected


def test_without_an_ensemble_samples_are_drawn(potential, nothing, samples):
    choice = run(potential, nothing, samples, faults=["too high"])
    order = [atoms.positions.tobytes() for atoms in samples.structures]
    places = [order.index(atoms.positions.tobytes()) for atoms in choice.structures]
    assert max(places) > 6


def test_known_frames_are_not_new(potential, samples):
    assert run(potential, samples, samples).outcome == Outcome.ENOUGH


def test_where_no_walk_left_a_sample_there_is_nothing_to_judge_by(potential, strange, nothing):
    choice = run(potential, strange, nothing, held_out=2)
    assert (choice.number(TRAINING), choice.number(HELD_OUT)) == (4, 0)
    assert run(potential, nothing, nothing, faults=["too few"]).structures == []


def test_the_same_seed_gives_the_same_choice(potential, strange, samples):
    first, again = run(potential, strange, samples), run(potential, strange, samples)
    assert [atoms.positions.tolist() for atoms in first.structures] == [
        atoms.positions.tolist() for atoms in again.structures
    ]


def test_costs_count_where_they_are_given(potential, strange, samples):
    known = grades(strange.rows, potential.active_set)
    dear = np.where(known == known.max(), 1e6, 1.0)
    cheap = run(potential, strange, samples, costs=dear, at_most=1).structures[0]
    large = run(potential, strange, samples, at_most=1).structures[0]
    assert large.info["grade"] == known.max() > cheap.info["grade"]


@pytest.fixture(scope="module")
def alloy():
    """A potential of two elements, frames that it does not know, and samples that it does."""
    training = random_structures(("Na", "K"), 80, seed=2)
    potential = with_active_set(random_potential(("Na", "K"), 6, seed=1), training, "configuration")
    strange = random_structures(("Na", "K"), 200, seed=3)
    for atoms in strange:
        atoms.set_cell(0.8 * atoms.cell, scale_atoms=True)
    for place, atoms in enumerate(training):
        atoms.info["walker"] = place // 4
    return potential, gather(potential, [strange], 0), gather(potential, [training], 0)


def compositions(choice, purpose):
    return Counter(
        tenths_of(atoms, ("Na", "K"))
        for atoms in choice.structures
        if atoms.info["purpose"] == purpose
    )


def test_each_composition_of_an_alloy_has_its_share_of_the_labels(alloy):
    potential, frames, samples = alloy
    met = {tenths_of(atoms, potential.species) for atoms in frames.structures}
    choice = run(potential, frames, samples, at_most=2 * len(met), held_out=len(met))
    assert len(met) == 3
    assert compositions(choice, TRAINING) == dict.fromkeys(met, 2)
    assert compositions(choice, HELD_OUT) == dict.fromkeys(met, 1)


def test_what_is_held_out_makes_up_for_what_is_not_learnt(alloy):
    potential, frames, samples = alloy
    met = {tenths_of(atoms, potential.species) for atoms in frames.structures}
    choice = run(potential, frames, samples, at_most=2, held_out=len(met) - 2)
    learnt, judges = compositions(choice, TRAINING), compositions(choice, HELD_OUT)
    assert set(learnt.values()) == set(judges.values()) == {1}
    assert not set(learnt) & set(judges)


def test_intolerable_errors_of_an_alloy_are_spread_over_compositions(alloy):
    potential, _, samples = alloy
    nothing = gather(potential, [], 0)
    met = {tenths_of(atoms, potential.species) for atoms in samples.structures}
    choice = run(potential, nothing, samples, faults=["too high"], at_most=2 * len(met))
    assert compositions(choice, TRAINING) == dict.fromkeys(met, 2)


def test_what_the_budget_affords_is_labelled_first_of_it_what_is_learnt(
    potential, strange, samples
):
    choice = run(potential, strange, samples)
    hours = np.linspace(0.1, 0.6, len(choice.structures))
    assert within_budget(choice, hours, 0.6) is choice
    some = within_budget(choice, hours, hours[1])
    assert some.structures == choice.structures[:2] and some.outcome == Outcome.NEW
    assert {atoms.info["purpose"] for atoms in some.structures} == {TRAINING}
    none = within_budget(choice, hours, 0.09)
    assert none.outcome == Outcome.BUDGET and none.structures == []
    assert "0.09 core-hours left, of 0.60" in none.reasons[-1]
    assert "0.00 core-hours left" in within_budget(choice, hours, -0.01).reasons[-1]


def test_a_stage_that_is_done_is_not_ended_by_the_budget(potential, nothing, samples):
    choice = run(potential, nothing, samples)
    assert within_budget(choice, [], 0).outcome == Outcome.ENOUGH
