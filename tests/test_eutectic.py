"""The eutectic: columns of which the liquid's share is known, lines that meet, and real runs."""

import numpy as np
import pytest
from lennard_jones import ARGON, ARGON_MELTS, argon

from smallcell.coexistence import Conditions, Outcome, order_profile, solid_share, vectors_in_plane
from smallcell.dynamic import eutectic
from smallcell.eutectic import (
    alloy_column,
    judge,
    liquidus_in_words,
    liquidus_run,
    meeting,
    share_in_liquid,
)
from smallcell.mixtures import mixture
from smallcell.molecular_dynamics import Matter
from smallcell.series import Estimate

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}


@pytest.mark.parametrize("element", [POTASSIUM, SODIUM])
def test_the_upper_half_of_a_column_is_the_mixture_and_has_its_room(element):
    liquid = mixture({"Na": 0.25, "K": 0.75}, [SODIUM, POTASSIUM])
    start, repeats, crystalline = alloy_column(element, liquid, 500, seed=1)
    assert len(start) == 2 * crystalline
    assert set(start.symbols[:crystalline]) == {element["symbol"]}
    upper = start.symbols[crystalline:]
    assert (upper == "K").mean() == pytest.approx(0.75, abs=1 / crystalline)
    assert start.positions[:crystalline, 2].max() < start.positions[crystalline:, 2].min()
    volume = start.get_volume() - crystalline * element["lattice_constant"] ** 3 / 2
    assert volume == pytest.approx(1.1 * crystalline * liquid["lattice_constant"] ** 3 / 2)
    lengths = start.cell.lengths()
    assert lengths[0] == pytest.approx(repeats * element["lattice_constant"])


def test_the_liquids_share_is_that_of_its_inner_slices():
    liquid = mixture({"Na": 0.5, "K": 0.5}, [SODIUM, POTASSIUM])
    frame, repeats, crystalline = alloy_column(POTASSIUM, liquid, 2000, seed=1)
    rng = np.random.default_rng(1)
    molten = np.arange(len(frame)) >= crystalline
    places = frame.get_scaled_positions()
    places[molten, :2] = rng.uniform(size=(molten.sum(), 2))
    frame.set_scaled_positions(places)
    profile = order_profile(frame, vectors_in_plane("bcc"), repeats)
    room = 1.1 * liquid["lattice_constant"] ** 3 / POTASSIUM["lattice_constant"] ** 3
    assert solid_share(profile) == pytest.approx(1 / (1 + room), abs=0.05)
    assert share_in_liquid(frame, profile, "K") == pytest.approx(0.5, abs=0.05)
    # What dissolves at the interface is not yet in the liquid.
    height = places[:, 2]
    frame.symbols[molten & (height > height[molten].max() - 0.02)] = "Na"
    assert share_in_liquid(frame, profile, "K") == pytest.approx(0.5, abs=0.05)
    assert np.isnan(share_in_liquid(frame, np.ones_like(profile), "K"))


@pytest.mark.parametrize(
    ("solid", "shares", "outcome", "reason"),
    [
        (np.full(80, 0.5), np.full(80, 0.8), Outcome.BOTH, ""),
        (np.full(80, 0.5), np.linspace(0.7, 0.9, 80), Outcome.BOTH, "the liquid still went from"),
        (np.linspace(0.5, 0, 80), np.full(80, 0.8), Outcome.MELTED, "all of it melted; begin with"),
        (np.linspace(0.5, 1, 80), np.full(80, np.nan), Outcome.FROZEN, "all of it froze; begin"),
        (np.full(80, 0.1), np.full(80, 0.8), Outcome.MELTED, "10% solid to begin with"),
        (np.full(8, 0.5), np.full(8, 0.8), Outcome.BOTH, "8 frames are too few"),
    ],
)
def test_a_share_is_one_of_the_liquidus_while_the_crystal_lasts(solid, shares, outcome, reason):
    shares = shares + np.random.default_rng(1).normal(0, 0.002, len(shares))
    found = judge(solid, shares)
    assert found.outcome == outcome
    assert found.reason.startswith(reason)
    if not reason:
        assert found.reason == ""
        assert found.mean.value == pytest.approx(0.8, abs=0.002)


def test_two_liquidus_lines_meet_in_the_eutectic_with_its_error():
    def shares(slope: float, noise: np.random.Generator | None = None) -> dict:
        return {
            t: Estimate(0.67 + slope * (t - 260) + (noise.normal(0, 0.004) if noise else 0), 0.004)
            for t in (275.0, 290.0, 305.0)
        }

    temperature, share = meeting(shares(0.004), shares(-0.005))
    assert temperature.value == pytest.approx(260)
    assert share.value == pytest.approx(0.67)
    rng = np.random.default_rng(1)
    spread = [meeting(shares(0.004, rng), shares(-0.005, rng)) for _ in range(300)]
    for place, one in enumerate((temperature, share)):
        scattered = np.std([found[place].value for found in spread])
        assert one.error == pytest.approx(scattered, rel=0.2)
    with pytest.raises(ValueError, match="do not come nearer"):
        meeting(shares(0.004), {t: Estimate(0.5 + 0.01 * (t - 275), 0.1) for t in (275.0, 290.0)})


def beside(symbol: str, temperature: float, share: float | None) -> dict:
    """Report of a run; without a share, of one that melted."""
    return {
        "element": symbol,
        "asked": {"temperature": temperature},
        "reason": "" if share else "all of it melted",
        "share": share and {"value": share, "error": 0.01},
    }


def test_the_eutectic_takes_two_temperatures_along_either_liquidus():
    runs = [beside("K", 280, 0.75), beside("K", 300, 0.85), beside("Na", 280, 0.6)]
    found = {one.quantity: one for one in eutectic([*runs, beside("Na", 300, None)], "K")}
    assert found["liquidus of K, 300 K"].estimate.value == 0.85
    assert found["liquidus of Na, 300 K"].reason == "all of it melted"
    assert found["eutectic temperature"].estimate is None
    assert "two temperatures" in found["eutectic temperature"].reason
    found = {one.quantity: one for one in eutectic([*runs, beside("Na", 300, 0.5)], "K")}
    assert found["eutectic temperature"].estimate.value == pytest.approx(265)
    assert found["eutectic liquid"].estimate.value == pytest.approx(0.675)


def test_a_crystal_of_argon_lasts_beside_argon_of_two_names():
    names = ("Ar", "Kr")
    alike = Matter(names, argon(2.5).interaction)
    liquid = mixture({"Ar": 0.5, "Kr": 0.5}, [ARGON | {"symbol": name} for name in names])
    conditions = Conditions(ARGON_MELTS, 0.0, 400, 4.0, 3 * ARGON_MELTS)
    report = liquidus_run(alike, ARGON, liquid, conditions, "Kr", seed=1)
    assert report["atoms"] == 432
    assert report["outcome"] == Outcome.BOTH
    assert report["reason"] == "3 frames are too few"
    course = report["course"]
    assert course["time"] == pytest.approx([0, 2, 4])
    assert 0.25 <= course["solid"][0] <= 0.75
    # Little has dissolved in so short a time.
    assert course["share"][0] == pytest.approx(0.5, abs=0.1)
    assert liquidus_in_words(report).startswith("solid Ar beside liquid Ar0.5Kr0.5 at ")
