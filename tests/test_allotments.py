"""Time and memory that jobs ask for, against labels that have been computed."""

import json
import math
from pathlib import Path

import ase.io
import pytest
import yaml
from conftest import REPOSITORY

from smallcell.allotments import (
    BRIEF,
    LONG,
    SHARED,
    SHORT,
    USUAL_RATE,
    label_group,
    label_minutes,
    label_seconds,
    more,
    numbers,
    spans,
    walk_minutes,
)
from smallcell.cost import expected_cost
from smallcell.labels import Calculation

KEPT = Path(__file__).parent.parent / "benchmarks/labels"


@pytest.fixture(scope="module")
def labels() -> list[tuple[float, float]]:
    """What each label that is kept in the repository ought to have cost, and what it did."""
    found = []
    for path in sorted(KEPT.glob("*/*/label.json")):
        report = json.loads(path.read_text())
        calculation = Calculation(**report["calculation"])
        if "nspin" not in calculation.system:
            atoms = ase.io.read(path.with_name("label.extxyz"))
            expected = expected_cost(atoms, calculation)
            found.append((expected, report["cost"]["core_seconds"]))
    return found


def test_before_there_is_a_label_the_usual_rate_tells_short_ones_from_long_ones(labels):
    foreseen = [label_seconds(expected, 0, cores=1) for expected, _ in labels]
    for seconds, (_, took) in zip(foreseen, labels, strict=True):
        assert took / 5 < seconds < 5 * took
    short = [took < LONG for _, took in labels]
    assert sum(short) > len(short) - 3


def test_earlier_labels_tell_better():
    assert label_seconds(2e5, 5e-4, cores=1) == pytest.approx(100)
    assert label_seconds(2e5, 5e-4, cores=4) == pytest.approx(25)


def test_a_first_attempt_asks_for_what_it_should_take_and_a_second_for_all_it_may_take(labels):
    limit = 3600
    for _, took in labels:
        assert took / 60 < label_minutes(took, limit, attempt=1) < 2 * limit / 60
    assert label_minutes(10, limit, attempt=2) == label_minutes(10, limit, attempt=3) == 125
    assert label_minutes(math.inf, limit, attempt=1) == 125
    assert walk_minutes(2, 50_000, attempt=1) == 6
    assert walk_minutes(2, 50_000, attempt=2) == walk_minutes(math.inf, 1, attempt=1) == 35


def test_memory_grows_with_attempts():
    assert [more(1001, attempt) for attempt in (1, 2, 3)] == [1001, 1502, 2002]


def seconds(*each: float) -> list[float]:
    """Costs of labels that are foreseen to take so long."""
    return [one / USUAL_RATE for one in each]


def test_labels_of_a_moment_share_a_job_and_others_have_one_each():
    assert spans(seconds(1, 0.5, 30, 1, 400, 400, 1)) == ["0-1", "2", "3", "4", "5", "6"]
    assert spans(seconds(*[SHORT + 0.1] * 3)) == ["0", "1", "2"]
    assert spans([]) == []


def test_a_job_that_labels_share_is_a_short_one_too():
    each = seconds(*[0.9] * 100)
    jobs = spans(each)
    assert [number for job in jobs for number in numbers(job)] == list(range(100))
    assert [len(numbers(job)) for job in jobs[:-1]] == [int(SHARED / 0.9)] * (len(jobs) - 1)
    # The same jobs for the structures that come first, however many are left out at the end.
    assert spans(each[:50])[:-1] == jobs[: len(spans(each[:50])) - 1]


@pytest.mark.parametrize(
    ("seconds", "batch", "group"),
    [
        (0.0, "seeds", "labels"),
        (0.99 * BRIEF, "one-atom/000", "labels"),
        (BRIEF, "one-atom/000", "slow_labels"),
        (0.99 * LONG, "seeds", "slow_labels"),
        (LONG, "seeds", None),
        (1.0, "gate", "gate_labels"),
        (0.99 * LONG, "gate", "gate_labels"),
        (LONG, "gate", None),
    ],
)
def test_the_longer_a_label_the_fewer_share_its_job(seconds, batch, group):
    assert label_group(seconds, batch) == group


def test_the_profile_has_a_number_for_each_group_and_keeps_jobs_below_three_quarters_of_an_hour():
    profile = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
    numbers = dict(words.split("=") for words in profile["group-components"])
    longest = {"labels": BRIEF, "slow_labels": LONG}
    for group, seconds in longest.items():
        assert 1 < int(numbers[group]) * seconds <= 45 * 60
    assert set(numbers) == {*longest, "gate_labels", "walkers"}
