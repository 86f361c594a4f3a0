"""The eutectic of two metals: a crystal of one beside the liquid alloy, at constant temperature.

The crystal grows or dissolves until the liquid has the share at which both last, that of the
liquidus. Along the liquidus of either element its share is a line in the temperature, as far as
some ten kelvin go, and where the two lines meet is the eutectic: of the elements' own crystals,
whatever compounds the alloy may have.

Atoms have to diffuse through the liquid, which takes a nanosecond for 30 A: long runs, of which a
short one says no more than whether both phases are there.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from ase import Atoms

from smallcell.cells import atom_volume
from smallcell.coexistence import (
    COOLING,
    CRYSTALLINE,
    FRAMES_EVERY,
    MELTING,
    RELAXING,
    Conditions,
    Judgement,
    Outcome,
    column,
    lost,
    order_profile,
    slices_of,
    solid_share,
    vectors_in_plane,
)
from smallcell.mixtures import symbols_at_random
from smallcell.molecular_dynamics import (
    Matter,
    frames_every,
    isobaric,
    isochoric,
    part,
    simulate,
    velocities,
)
from smallcell.series import BLOCKS, Estimate, line, mean_of_series
from smallcell.thermal import ROOM
from smallcell.validation import TIMESTEP

SETTLED = 0.02
"""By how much the liquid's share may differ between the third and the last quarter of a run."""


def alloy_column(
    element: Mapping, liquid: Mapping, atoms: int, seed: int
) -> tuple[Atoms, int, int]:
    """Column of a crystal whose upper half is a mixture, with the room that this has as a melt.

    Parameters
    ----------
    element : Mapping
        Of the crystal.
    liquid : Mapping
        A `mixtures.mixture`.
    atoms : int
        At least.
    seed : int
        Of the places that the mixture's atoms have.

    Returns
    -------
    atoms : Atoms
        Those of the crystal come first.
    repeats : int
        See `coexistence.column`.
    crystalline : int
        How many atoms the crystal has.
    """
    start, repeats = column(element, atoms)
    upper = start.get_scaled_positions()[:, 2] >= 0.5 - 1e-9
    start = start[np.argsort(upper, kind="stable")]
    number = int((~upper).sum())
    middle = start.cell.lengths()[2] / 2
    room = ROOM * atom_volume(liquid | {"symbol": "X"}) / atom_volume(element)
    start.positions[number:, 2] = middle + room * (start.positions[number:, 2] - middle)
    start.cell[2, 2] = middle * (1 + room)
    rng = np.random.default_rng(seed)
    symbols = symbols_at_random(liquid["shares"], len(start) - number, rng)
    start.symbols[number:] = symbols
    return start, repeats, number


def liquidus_commands(conditions: Conditions, crystalline: int, seed: int) -> list[str]:
    """LAMMPS commands: the upper half is molten while the crystal is held; then both go on."""
    asked, pressure = conditions.temperature, conditions.pressure
    hot = max(asked, conditions.melt_at)
    shape = "aniso couple xy"
    return [
        f"group lower id <= {crystalline}",
        "group upper subtract all lower",
        velocities(hot, seed, "upper"),
        *part(isochoric(hot, hot, group="upper"), MELTING),
        *part(isochoric(hot, asked, group="upper"), COOLING),
        # Of the kinetic energy that a perfect crystal is given, the springs take half.
        velocities(2 * asked, seed + 1, "lower"),
        "velocity all zero linear",
        *part(isobaric(asked, asked, pressure, shape), RELAXING),
        *frames_every(FRAMES_EVERY),
        *part(isobaric(asked, asked, pressure, shape), conditions.duration),
    ]


def share_in_liquid(frame: Atoms, profile: np.ndarray, symbol: str) -> float:
    """Share of an element among the atoms of liquid slices that have liquid on both sides.

    Parameters
    ----------
    frame : Atoms
    profile : ndarray
        Its `coexistence.order_profile`.
    symbol : str

    Returns
    -------
    float
        Not a number if there is no such slice.
    """
    fluid = profile <= CRYSTALLINE
    inner = fluid & np.roll(fluid, 1) & np.roll(fluid, -1)
    within = frame.symbols[inner[slices_of(frame, len(profile))]]
    return float(np.mean(within == symbol)) if len(within) else np.nan


def judge(solid: np.ndarray, shares: np.ndarray) -> Judgement:
    """Tell whether crystal and liquid lasted, and what the liquid's share was.

    Parameters
    ----------
    solid : ndarray, shape (n_frames,)
        Solid share of the column.
    shares : ndarray, shape (n_frames,)
        `share_in_liquid`.
    """
    if found := lost(solid, "; begin with a liquid that is nearer"):
        return found
    later = shares[len(shares) // 2 :]
    if not np.isfinite(later).all():
        return Judgement(Outcome.BOTH, "frames without a slice in the midst of the liquid", None)
    if len(later) < 2 * BLOCKS:
        return Judgement(Outcome.BOTH, f"{len(shares)} frames are too few", None)
    before, after = (half.mean() for half in np.array_split(later, 2))
    reason = ""
    if abs(after - before) > SETTLED:
        reason = f"the liquid still went from {before:.3f} to {after:.3f}"
    return Judgement(Outcome.BOTH, reason, mean_of_series(later))


def liquidus_run(
    matter: Matter,
    element: Mapping,
    liquid: Mapping,
    conditions: Conditions,
    symbol: str,
    seed: int,
) -> dict:
    """Let a crystal and a liquid alloy find the share at which both last.

    Parameters
    ----------
    matter : Matter
    element : Mapping
        Of the crystal: ``symbol``, ``lattice``, ``lattice_constant`` (A), within a few per cent.
    liquid : Mapping
        A `mixtures.mixture`, that the liquid begins as.
    conditions : Conditions
    symbol : str
        The element whose share is told.
    seed : int
        Of velocities and places.

    Returns
    -------
    report : dict
        What was asked for, ``element`` and ``liquid``; ``outcome``, ``reason`` and ``share``
        (`Judgement`); its ``course``, ``time`` (ps), ``share`` and ``solid`` share; ``atoms``,
        ``grade`` and ``seconds``.
    """
    start, repeats, crystalline = alloy_column(element, liquid, conditions.atoms, seed)
    run = simulate(matter, start, liquidus_commands(conditions, crystalline, seed))
    report = {
        "element": element["symbol"],
        "liquid": liquid["symbol"],
        "asked": asdict(conditions),
        "outcome": Outcome.FAILED,
        "reason": run.message,
        "share": None,
        "course": {"time": [], "share": [], "solid": []},
        "atoms": len(start),
        **run.account,
    }
    if run.message:
        return report
    vectors = vectors_in_plane(element["lattice"])
    profiles = [order_profile(frame, vectors, repeats) for frame in run.frames]
    solid = [solid_share(profile) for profile in profiles]
    shares = [
        share_in_liquid(frame, profile, symbol)
        for frame, profile in zip(run.frames, profiles, strict=True)
    ]
    found = judge(np.array(solid), np.array(shares))
    begin = run.frames[0].info["step"]
    return report | {
        "outcome": found.outcome,
        "reason": found.reason,
        "share": found.mean and asdict(found.mean),
        "course": {
            "time": [(frame.info["step"] - begin) * TIMESTEP for frame in run.frames],
            # What is no number is none in JSON either.
            "share": [None if np.isnan(share) else share for share in shares],
            "solid": solid,
        },
    }


def liquidus_in_words(report: Mapping) -> str:
    """Tell of a crystal beside a liquid alloy in a line."""
    where = (
        f"solid {report['element']} beside liquid {report['liquid']} at "
        f"{report['asked']['temperature']:g} K"
    )
    if not report["share"]:
        return f"{where}: {report['reason']}"
    found = Estimate(**report["share"])
    more = f" ({report['reason']})" if report["reason"] else ""
    return f"{where}: share {found.value:.3f} +- {found.error:.1g}{more}"


def meeting(
    one: Mapping[float, Estimate], other: Mapping[float, Estimate]
) -> tuple[Estimate, Estimate]:
    """Where two lines of shares against temperature meet.

    Parameters
    ----------
    one, other : Mapping
        Shares of the same element along either liquidus, by temperature (K), two or more of each.

    Returns
    -------
    temperature, share : Estimate

    Raises
    ------
    ValueError
        If there are fewer, or the lines do not come nearer as it becomes colder.
    """
    if min(len(one), len(other)) < 2:
        raise ValueError("shares at two temperatures along either liquidus are needed")
    centre = float(np.mean([*one, *other]))
    (slope, height), (other_slope, other_height) = (
        line([temperature - centre for temperature in shares], list(shares.values()))
        for shares in (one, other)
    )
    apart, closing = height.value - other_height.value, slope.value - other_slope.value
    if apart * closing <= 0:
        raise ValueError("the two lines do not come nearer as it becomes colder")
    shift = -apart / closing
    errors = [
        np.hypot(one_height.error, shift * one_slope.error)
        for one_slope, one_height in ((slope, height), (other_slope, other_height))
    ]
    temperature = Estimate(centre + shift, float(np.hypot(*errors) / abs(closing)))
    share = height.value + slope.value * shift
    # Each line moves the point along the other.
    moved = (errors[0] * other_slope.value, errors[1] * slope.value)
    return temperature, Estimate(float(share), float(np.hypot(*moved) / abs(closing)))
