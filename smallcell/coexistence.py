"""The melting point: a crystal beside its melt, at constant enthalpy.

Half of an elongated crystal is molten while the other half is held. Then all atoms go on without
a thermostat, at constant pressure: where it is too hot the crystal melts and takes up heat, where
it is too cold the melt freezes and gives it off, until both are at rest at the melting point (J. R.
Morris, C. Z. Wang, K. M. Ho and C. T. Chan, Phys. Rev. B 49, 3109 (1994), there at constant
volume). Half of the latent heat of a metal is worth some 40 K. If the start is farther off, one of
the two is gone before that, and the next start is on the other side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import count, product

import numpy as np
from ase import Atoms

from smallcell.cells import crystal
from smallcell.molecular_dynamics import (
    RECORD_EVERY,
    Matter,
    frames_every,
    isenthalpic,
    isobaric,
    isochoric,
    part,
    simulate,
    velocities,
)
from smallcell.series import Estimate, estimate, mean_of_series
from smallcell.thermal import ROOM
from smallcell.validation import TIMESTEP

LONG = 4
"""Length of the column in units of its width. Where it is short, the two interfaces meet before the
latent heat has brought the temperature to the melting point, and one phase is gone at once: columns
of 1372 atoms, twice as long as wide, were lost that way 15 K from it on either side."""

WARMING, MELTING, COOLING, RELAXING = 10.0, 10.0, 6.0, 6.0
"""Time for the whole crystal to become warm, for its half to melt, for the melt to come to the
temperature, and for both to come to the pressure (ps)."""

FRAMES_EVERY = 1000
"""Time steps between two frames."""

CRYSTALLINE = 0.25
"""Order of a slice, see `order_profile`, above which it is solid. Just below their melting point
slices of crystals have 0.5 and more, those of a melt the inverse number of their atoms."""

HALF = (0.25, 0.75)
"""Solid share at the beginning of what counts as half molten: a start that is far off melts or
freezes while it is made."""

BOTH = (0.15, 0.85)
"""Solid share within which there are two phases: less is no more than the interfaces."""

DRIFT = 0.03
"""Share of the temperature by which its means over the third and the last quarter of a run differ
at most. It wanders by some kelvin, for as long as the interfaces take to move: errors of blocks,
which are shorter, say too little here, and the spread of runs says more."""

ATTEMPTS = 8
"""Starts at most until both phases last."""

IN_PHASE = 0.99
"""Structure factor of a perfect crystal, divided by the number of atoms, if all its layers scatter
in phase: then the order of a slice does not depend on which of them it has."""


class Outcome(StrEnum):
    """How a run ended, FAILED if LAMMPS gave up."""

    BOTH = "solid and liquid"
    FROZEN = "all of it froze"
    MELTED = "all of it melted"
    FAILED = "failed"


@dataclass(frozen=True)
class Conditions:
    """What a run is asked for.

    Attributes
    ----------
    temperature : float
        At which it begins (K).
    pressure : float
        GPa.
    atoms : int
        At least.
    duration : float
        ps.
    melt_at : float
        Temperature at which a half is molten (K).
    """

    temperature: float
    pressure: float
    atoms: int
    duration: float
    melt_at: float


def column(element: Mapping, atoms: int) -> tuple[Atoms, int]:
    """Crystal that is `LONG` times as long as it is wide, of so many atoms at least.

    Returns
    -------
    atoms : Atoms
    repeats : int
        Conventional cells along each short edge.
    """
    in_cell = len(crystal(element, "conventional", (1, 1, 1)))
    repeats = next(n for n in count(1) if LONG * n**3 * in_cell >= atoms)
    return crystal(element, "conventional", (repeats, repeats, LONG * repeats)), repeats


def vectors_in_plane(lattice: str) -> np.ndarray:
    """Shortest reciprocal vectors of a crystal parallel to its first two edges.

    Returns
    -------
    ndarray of int, shape (n, 2)
        In terms of the conventional cell's reciprocal lattice.
    """
    element = {"symbol": "X", "lattice": lattice, "lattice_constant": 1.0}
    unit = crystal(element, "conventional", (1, 1, 1))
    points = np.array([point for point in product(range(-2, 3), repeat=2) if any(point)])
    phases = 2j * np.pi * unit.get_scaled_positions()[:, :2] @ points.T
    scatters = np.abs(np.exp(phases).mean(axis=0)) ** 2 > IN_PHASE
    lengths = np.linalg.norm(points @ unit.cell.reciprocal().array[:2], axis=1)
    lengths[~scatters] = np.inf
    return points[np.isclose(lengths, lengths.min())]


def slices_of(frame: Atoms, number: int) -> np.ndarray:
    """Which of so many slices along the third edge of a frame each atom is in."""
    heights = frame.cell.scaled_positions(frame.positions)[:, 2]
    # Layers of a perfect crystal are not where slices end.
    return ((heights * number + 0.25) % number).astype(int) % number


def order_profile(frame: Atoms, vectors: np.ndarray, repeats: int) -> np.ndarray:
    """How crystalline each slice of a frame is, along its third edge.

    It is the structure factor, by the number of atoms, of the atoms of the slice at `vectors` in
    its plane: 1 in a perfect crystal wherever it is, the inverse number of atoms in a melt.

    Parameters
    ----------
    frame : Atoms
    vectors : ndarray, shape (n, 2)
        Of `vectors_in_plane`.
    repeats : int
        Conventional cells along each short edge.

    Returns
    -------
    ndarray, shape (LONG * repeats,)
    """
    fractions = frame.cell.scaled_positions(frame.positions)
    number = LONG * repeats
    slices = slices_of(frame, number)
    waves = np.exp(2j * np.pi * repeats * fractions[:, :2] @ vectors.T)
    sums = np.zeros((number, len(vectors)), dtype=complex)
    np.add.at(sums, slices, waves)
    atoms = np.maximum(np.bincount(slices, minlength=number), 1)
    return (np.abs(sums / atoms[:, None]) ** 2).mean(axis=1)


def solid_share(profile: np.ndarray) -> float:
    """Share of the slices of a profile that are crystalline."""
    return float(np.mean(profile > CRYSTALLINE))


@dataclass(frozen=True)
class Judgement:
    """What a run says of solid and liquid side by side.

    Attributes
    ----------
    outcome : Outcome
    reason : str
        Why the mean is not that of equilibrium; empty if it is.
    mean : Estimate or None
        Of what they determine, over the second half of the run; None unless there are both.
    """

    outcome: Outcome
    reason: str
    mean: Estimate | None


def lost(solid: np.ndarray, words: str) -> Judgement | None:
    """Tell of a run in which one phase did not last, None if both did.

    Parameters
    ----------
    solid : ndarray
        Solid share in frames, from the beginning to the end.
    words : str
        What to add where all of it froze or melted.
    """
    if not HALF[0] <= solid[0] <= HALF[1]:
        outcome = Outcome.FROZEN if solid[0] > HALF[1] else Outcome.MELTED
        return Judgement(outcome, f"{solid[0]:.0%} solid to begin with, and not half", None)
    last = solid[3 * len(solid) // 4 :].mean()
    if not BOTH[0] <= last <= BOTH[1]:
        outcome = Outcome.FROZEN if last > BOTH[1] else Outcome.MELTED
        return Judgement(outcome, f"{outcome}{words}", None)
    return None


def judge(solid: np.ndarray, temperatures: np.ndarray) -> Judgement:
    """Tell whether both phases were there to the end, and at what temperature (K).

    Parameters
    ----------
    solid : ndarray
        As in `lost`.
    temperatures : ndarray
        Of the same time, at smaller intervals (K).
    """
    later = temperatures[len(temperatures) // 2 :]
    if found := lost(solid, f", at {later[-1]:.0f} K in the end"):
        return found
    mean = mean_of_series(later)
    before, after = (half.mean() for half in np.array_split(later, 2))
    drifts = abs(after - before) > DRIFT * mean.value
    reason = f"still went from {before:.0f} to {after:.0f} K" if drifts else ""
    return Judgement(Outcome.BOTH, reason, mean)


def coexistence_run(matter: Matter, element: Mapping, conditions: Conditions, seed: int) -> dict:
    """Let a crystal and its melt find their temperature.

    Parameters
    ----------
    matter : Matter
    element : Mapping
        ``symbol``, ``lattice``, ``lattice_constant`` (A), a guess within a few per cent.
    conditions : Conditions
    seed : int
        Of the velocities.

    Returns
    -------
    report : dict
        What was asked for, ``outcome``, ``reason``, ``temperature`` (K; see `Judgement`), its
        ``course`` (``time`` in ps, ``temperature`` in K, ``solid`` share) for a figure, mean
        ``pressure`` (GPa), ``atoms``, ``grade`` and ``seconds``.
    """
    start, repeats = column(element, conditions.atoms)
    run = simulate(matter, start, coexistence_commands(conditions, seed))
    report = not_begun(element, run.message) | {
        "asked": asdict(conditions),
        "atoms": len(start),
        **run.account,
    }
    if run.message:
        return report
    vectors = vectors_in_plane(element["lattice"])
    shares = [solid_share(order_profile(frame, vectors, repeats)) for frame in run.frames]
    begin = run.frames[0].info["step"]
    records = run.since(begin)
    judgement = judge(np.array(shares), records["temperature K"].to_numpy())
    frame_steps = np.array([frame.info["step"] for frame in run.frames])
    # Of the fluctuations of a finite cell a figure shows enough if it shows the means.
    smooth = records["temperature K"].rolling(FRAMES_EVERY // RECORD_EVERY, min_periods=1).mean()
    return report | {
        "outcome": judgement.outcome,
        "reason": judgement.reason,
        "temperature": judgement.mean and asdict(judgement.mean),
        "course": {
            "time": ((frame_steps - begin) * TIMESTEP).tolist(),
            "temperature": np.interp(frame_steps, records["step"], smooth).tolist(),
            "solid": shares,
        },
        "pressure": float(records["pressure GPa"].mean()),
    }


def not_begun(element: Mapping, reason: str) -> dict:
    """Report of `coexistence_run` that has nothing but a reason."""
    return {
        "element": element["symbol"],
        "asked": {"temperature": None},
        "outcome": Outcome.FAILED,
        "reason": reason,
        "temperature": None,
        "course": {"time": [], "temperature": [], "solid": []},
        "pressure": None,
        "atoms": 0,
        "grade": None,
        "seconds": 0.0,
    }


def coexistence_in_words(report: Mapping) -> str:
    """Tell of a crystal beside its melt in a line."""
    begin = report["asked"]["temperature"]
    where = f"{report['element']}, solid and liquid" + (f" from {begin:.1f} K" if begin else "")
    if report["reason"]:
        return f"{where}: {report['reason']}"
    found = report["temperature"]
    return f"{where}: {found['value']:.1f} +- {found['error']:.1f} K"


def coexistence_commands(conditions: Conditions, seed: int) -> list[str]:
    """LAMMPS commands: a warm crystal, half of it molten, both at constant enthalpy."""
    asked, pressure = conditions.temperature, conditions.pressure
    hot = max(asked, conditions.melt_at)
    # The short edges stay alike, so that the crystal stays what it is.
    shape = "aniso couple xy"
    return [
        velocities(2 * asked, seed),
        *part(isobaric(asked, asked, pressure, shape), WARMING),
        "variable middle equal zlo+lz/2",
        "region upper block INF INF INF INF ${middle} INF",
        "group upper region upper",
        # Atoms stay where they are: the melt has so much more room above it.
        f"variable gap equal {(ROOM - 1) / 2}*lz",
        "change_box all z delta 0 ${gap} units box",
        velocities(hot, seed + 1, "upper"),
        *part(isochoric(hot, hot, group="upper"), MELTING),
        *part(isochoric(hot, asked, group="upper"), COOLING),
        "velocity all zero linear",
        *part(isobaric(asked, asked, pressure, shape), RELAXING),
        *frames_every(FRAMES_EVERY),
        *part(isenthalpic(pressure, shape), conditions.duration),
    ]


def search(attempt: Callable[[float], Mapping], between: Sequence[float]) -> dict:
    """Look for a temperature at which both phases last, by halving a range.

    Parameters
    ----------
    attempt : callable
        Of a temperature (K), the report of a `coexistence_run` that begins there.
    between : sequence of float
        Lowest and highest temperature (K).

    Returns
    -------
    dict
        ``temperature`` (K) to which the last attempt came, None with a ``reason``; ``attempts``,
        ``begin`` (K) and ``outcome`` of each; ``seconds``.
    """
    low, high = between
    found = {"temperature": None, "reason": "", "attempts": [], "seconds": 0.0}
    for _ in range(ATTEMPTS):
        begin = (low + high) / 2
        report = attempt(begin)
        found["attempts"].append({"begin": begin, "outcome": str(report["outcome"])})
        found["seconds"] += report["seconds"]
        match report["outcome"]:
            case Outcome.BOTH:
                return found | {"temperature": report["temperature"]["value"]}
            case Outcome.FROZEN:
                low = begin
            case Outcome.MELTED:
                high = begin
            case _:
                return found | {"reason": f"from {begin:.0f} K: {report['reason']}"}
    return found | {
        "reason": f"no start between {between[0]:g} and {between[1]:g} K in {ATTEMPTS} left solid "
        f"and liquid side by side; at {low:.0f} K it froze, at {high:.0f} K it melted"
    }


def search_in_words(symbol: str, found: Mapping) -> str:
    """Tell of a search in a line."""
    tried = ", ".join(f"{one['begin']:.0f} K {one['outcome']}" for one in found["attempts"])
    return f"{symbol}, where solid and liquid last: {tried}"


def melting_point(reports: Sequence[Mapping]) -> tuple[Estimate | None, str]:
    """Melting point (K) from runs that differ in their seeds.

    Parameters
    ----------
    reports : sequence of Mapping
        Of `coexistence_run`.

    Returns
    -------
    temperature : Estimate or None
        The error is that of the mean of all, by their spread or by their own errors, whichever
        is larger. None unless all runs found one.
    reason : str
        Why there is none.
    """
    failed = [report["reason"] for report in reports if report["reason"]]
    if failed:
        return None, f"{len(failed)} of {len(reports)} runs: {failed[0]}"
    found = [Estimate(**report["temperature"]) for report in reports]
    own = np.sqrt(np.sum([one.error**2 for one in found])) / len(found)
    if len(found) == 1:
        return found[0], ""
    spread = estimate([one.value for one in found])
    return Estimate(spread.value, float(max(spread.error, own))), ""
