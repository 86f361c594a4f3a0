"""The melting point: boxes of which half is known to be solid, and argon that melts in LAMMPS."""

import numpy as np
import pytest
from lennard_jones import ARGON, ARGON_MELTS, argon

from smallcell.coexistence import (
    ATTEMPTS,
    Conditions,
    Outcome,
    coexistence_in_words,
    coexistence_run,
    column,
    judge,
    melting_point,
    not_begun,
    order_profile,
    search,
    solid_share,
    vectors_in_plane,
)


@pytest.mark.parametrize("lattice", ["sc", "bcc", "fcc", "hcp", "diamond"])
def test_the_solid_share_of_a_box_is_what_was_left_of_the_crystal(lattice):
    element = {"symbol": "K", "lattice": lattice, "lattice_constant": 5.3}
    frame, repeats = column(element, 1500)
    lengths = frame.cell.lengths()
    assert lengths[2] > 3 * lengths[0]
    rng = np.random.default_rng(1)
    vectors = vectors_in_plane(lattice)
    assert order_profile(frame, vectors, repeats) == pytest.approx(1)
    # Wherever the crystal is, how warm, and how the box has grown.
    frame.positions += rng.normal(0, 0.25, frame.positions.shape) + [1.0, 2.0, 0.1]
    frame.set_cell(frame.cell * 1.03, scale_atoms=True)
    assert solid_share(order_profile(frame, vectors, repeats)) == 1
    fractions = frame.get_scaled_positions()
    liquid = fractions[:, 2] > 0.4
    fractions[liquid, :2] = rng.uniform(size=(liquid.sum(), 2))
    frame.set_scaled_positions(fractions)
    assert solid_share(order_profile(frame, vectors, repeats)) == pytest.approx(0.4, abs=0.1)


def settling(begin: float, end: float) -> np.ndarray:
    """Temperatures that go from one to another within a tenth of a run, with noise."""
    times = np.linspace(0, 10, 4000)
    noise = np.random.default_rng(1).normal(0, 6, 4000)
    return end + (begin - end) * np.exp(-times) + noise


def test_the_melting_point_is_where_the_temperature_settles_while_both_phases_last():
    found = judge(np.linspace(0.5, 0.35, 200), settling(350, 337))
    assert (found.outcome, found.reason) == (Outcome.BOTH, "")
    assert found.mean.value == pytest.approx(337, abs=0.5)
    assert found.mean.error < 0.5


@pytest.mark.parametrize(
    ("shares", "temperatures", "outcome", "reason"),
    [
        (np.linspace(0.5, 0.0, 200), settling(400, 360), Outcome.MELTED, "all of it melted, at 3"),
        (np.linspace(0.5, 1.0, 200), settling(280, 310), Outcome.FROZEN, "all of it froze, at "),
        (np.full(200, 0.1), settling(300, 300), Outcome.MELTED, "10% solid to begin with"),
        (np.full(200, 0.9), settling(300, 300), Outcome.FROZEN, "90% solid to begin with"),
        (
            np.full(200, 0.5),
            np.linspace(300, 400, 4000),
            Outcome.BOTH,
            "still went from 363 to 388 K",
        ),
    ],
)
def test_what_is_no_melting_point_is_told_with_its_reason(shares, temperatures, outcome, reason):
    found = judge(shares, temperatures)
    assert found.outcome == outcome
    assert reason in found.reason


def matter_that_melts_at(point: float, lasts: float):
    """Reports as of matter in which both phases last within some kelvin of its melting point."""

    def attempt(begin: float) -> dict:
        outcome = Outcome.FROZEN if begin < point else Outcome.MELTED
        if abs(begin - point) < lasts:
            outcome = Outcome.BOTH
        return {
            "outcome": outcome,
            "temperature": {"value": (begin + point) / 2, "error": 1.0},
            "reason": "",
            "seconds": 2.0,
        }

    return attempt


def test_a_range_is_halved_until_both_phases_last():
    found = search(matter_that_melts_at(337, 30), (100, 800))
    begins = [one["begin"] for one in found["attempts"]]
    assert begins == [450, 275, 362.5]
    assert found["temperature"] == pytest.approx((362.5 + 337) / 2)
    assert (found["reason"], found["seconds"]) == ("", 6.0)


def test_a_search_that_finds_nothing_says_where_it_has_been():
    found = search(matter_that_melts_at(337, 0), (100, 800))
    assert found["temperature"] is None
    assert len(found["attempts"]) == ATTEMPTS
    assert found["reason"].startswith("no start between 100 and 800 K in 8 left solid and liquid")
    found = search(lambda begin: not_begun(ARGON, "ERROR: Lost atoms"), (100, 800))
    assert found["reason"] == "from 450 K: ERROR: Lost atoms"


def test_the_error_of_the_melting_point_is_the_larger_of_spread_and_own_errors():
    def runs(*pairs):
        return [
            {"reason": "", "temperature": {"value": value, "error": error}}
            for value, error in pairs
        ]

    point, reason = melting_point(runs((336, 0.1), (340, 0.1)))
    assert (point.value, point.error, reason) == (338, pytest.approx(2), "")
    point, _ = melting_point(runs((338, 3.0), (338.1, 4.0)))
    assert point.error == pytest.approx(2.5)
    point, _ = melting_point(runs((338, 3.0)))
    assert (point.value, point.error) == (338, 3.0)
    failed = not_begun(ARGON, "all of it froze")
    point, reason = melting_point([*runs((336, 0.1)), failed])
    assert (point, reason) == (None, "1 of 2 runs: all of it froze")
    assert coexistence_in_words(failed) == "Ar, solid and liquid: all of it froze"


def test_half_of_a_crystal_of_argon_melts_and_both_halves_last():
    conditions = Conditions(ARGON_MELTS, 0.0, 400, 4.0, 3 * ARGON_MELTS)
    report = coexistence_run(argon(2.5), ARGON, conditions, seed=1)
    assert report["atoms"] == 432
    course = report["course"]
    assert course["time"] == pytest.approx([0, 2, 4])
    assert 0.25 <= course["solid"][0] <= 0.75
    assert report["outcome"] == Outcome.BOTH
    assert report["temperature"]["value"] == pytest.approx(ARGON_MELTS, rel=0.1)
