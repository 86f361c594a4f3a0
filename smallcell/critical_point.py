"""The critical point, from slabs of liquid beside their vapour.

Below the critical temperature a slab of liquid in a long box fills the rest of it with vapour. The
densities of the two come together in a way that is the same for all simple fluids: their difference
goes as (1 - T / T_c)^beta with beta = 0.325, their mean as a straight line (the law of rectilinear
diameters).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from ase import Atoms
from ase.units import kg, m
from scipy.optimize import curve_fit

from smallcell.molecular_dynamics import (
    Matter,
    frames_every,
    isochoric,
    part,
    simulate,
    velocities,
)
from smallcell.series import Estimate, blocks, jackknife
from smallcell.thermal import liquid_start

SETTLING = 100.0
"""Time in which vapour fills the box, before the measurement begins (ps)."""

LONG = 3.0
"""Length of the box in units of its other edges; a third of it is liquid."""

FRAMES_EVERY = 500
"""Time steps between two frames."""

BINS = 150
"""Along the box."""

APART = 2.0
"""Widths of an interface by which each phase must reach beyond it, to be more than interface."""

ISING = 0.325
"""The exponent of the density difference, that of the Ising model in three dimensions."""

FREE = 5
"""Temperatures that it takes at least to find the exponent as well."""


def slab_start(element: Mapping, atoms: int, seed: int) -> Atoms:
    """Cube of a crystal that is about to melt, in the middle of a long box."""
    start = liquid_start(element, atoms, seed)
    lengths = start.cell.lengths() * (1, 1, LONG)
    start.set_cell(lengths)
    start.center()
    return start


def density_profile(frame: Atoms) -> np.ndarray:
    """Density in slices along the third edge of a box (kg/m3), its centre of mass in the middle.

    Returns
    -------
    ndarray, shape (BINS,)
    """
    fractions = frame.cell.scaled_positions(frame.positions)[:, 2]
    # The centre on a circle, as the box has no end.
    centre = np.angle(np.exp(2j * np.pi * fractions).mean()) / (2 * np.pi)
    counts, _ = np.histogram((fractions - centre + 0.5) % 1.0, BINS, (0, 1))
    mass = frame.get_masses()[0] * m**3 / kg
    return counts * mass * BINS / frame.get_volume()


def coexisting_densities(profile: np.ndarray, length: float) -> tuple[float, float]:
    """Densities of liquid and vapour from a profile with two interfaces.

    Parameters
    ----------
    profile : ndarray, shape (BINS,)
        With the liquid in the middle.
    length : float
        Of the box (A).

    Raises
    ------
    ValueError
        If it has no two phases that are thicker than their interfaces.
    """
    places = np.abs((np.arange(len(profile)) + 0.5) / len(profile) - 0.5) * length

    def shape(
        places: np.ndarray, liquid: float, vapour: float, half: float, width: float
    ) -> np.ndarray:
        return (liquid + vapour) / 2 - (liquid - vapour) / 2 * np.tanh((places - half) / width)

    # Where the densest and the thinnest third lie decides what is called liquid and vapour.
    order = np.sort(profile)
    third = len(profile) // 6
    start = (order[-third:].mean(), order[:third].mean(), length / (2 * LONG), 5.0)
    try:
        (liquid, vapour, half, width), _ = curve_fit(shape, places, profile, start)
    except RuntimeError as error:
        raise ValueError("there is no profile of two phases") from error
    width = abs(width)
    if liquid <= vapour or not APART * width < half < length / 2 - APART * width:
        raise ValueError("interfaces are as wide as what is between them")
    return float(liquid), float(vapour)


def slab_run(
    matter: Matter, element: Mapping, temperature: float, atoms: int, duration: float, seed: int
) -> dict:
    """Measure the densities of a liquid and its vapour.

    Parameters
    ----------
    matter : Matter
    element : Mapping
        ``symbol``, ``lattice``, ``lattice_constant`` (A).
    temperature : float
        K.
    atoms : int
        At least.
    duration : float
        ps.
    seed : int

    Returns
    -------
    report : dict
        ``liquid`` and ``vapour`` (`series.Estimate`, kg/m3), None with a ``reason``; ``profile``
        (kg/m3) and its ``length`` (A); ``temperature`` (K), ``atoms``, ``grade``, ``seconds``.
    """
    start = slab_start(element, atoms, seed)
    commands = [
        velocities(temperature, seed),
        *part(isochoric(temperature, temperature), SETTLING),
        *frames_every(FRAMES_EVERY),
        *part(isochoric(temperature, temperature), duration),
    ]
    run = simulate(matter, start, commands)
    length = float(start.cell.lengths()[2])
    report = {
        "temperature": temperature,
        "liquid": None,
        "vapour": None,
        "reason": run.message,
        "profile": [],
        "length": length,
        "atoms": len(start),
        **run.account,
    }
    if run.message:
        return report
    parts = blocks(np.array([density_profile(frame) for frame in run.frames])).mean(axis=1)
    report["profile"] = parts.mean(axis=0).tolist()
    try:
        for place, name in enumerate(("liquid", "vapour")):
            found = jackknife(
                parts, lambda mean, place=place: coexisting_densities(mean, length)[place]
            )
            report[name] = asdict(found)
    except ValueError as error:
        report |= {"liquid": None, "vapour": None, "reason": str(error)}
    return report


@dataclass(frozen=True)
class CriticalPoint:
    """A critical point.

    Attributes
    ----------
    temperature : Estimate
        K.
    density : Estimate
        kg/m3.
    exponent : Estimate
        Of the density difference; with an error of 0 if it was not fitted.
    """

    temperature: Estimate
    density: Estimate
    exponent: Estimate


def critical_point(
    temperatures: Sequence[float],
    liquid: Sequence[Estimate],
    vapour: Sequence[Estimate],
    free: bool,
) -> CriticalPoint:
    """Fit the scaling law and the law of rectilinear diameters at once.

    Parameters
    ----------
    temperatures : sequence of float
        K.
    liquid, vapour : sequence of Estimate
        Densities.
    free : bool
        Whether the exponent is fitted, or that of the Ising model.

    Raises
    ------
    ValueError
        If there are too few temperatures (three, or `FREE`), or the fit comes to no end.
    """
    least = FREE if free else 3
    if len(temperatures) < least:
        raise ValueError(f"{len(temperatures)} temperatures with two phases, {least} are needed")
    asked = np.array(temperatures)
    dense, thin = (np.array([one.value for one in phase]) for phase in (liquid, vapour))
    errors = np.array([one.error for one in (*liquid, *vapour)])

    def laws(_: np.ndarray, *parameters: float) -> np.ndarray:
        critical, density, slope, amplitude = parameters[:4]
        exponent = parameters[4] if free else ISING
        mean = density + slope * (critical - asked)
        half = amplitude / 2 * np.maximum(1 - asked / critical, 0) ** exponent
        return np.concatenate([mean + half, mean - half])

    # With the exponent given, the difference to its inverse is a straight line that ends at T_c.
    slope, height = np.polyfit(asked, (dense - thin) ** (1 / ISING), 1)
    critical = max(-height / slope, asked.max() * 1.01)
    slope, height = np.polyfit(asked, (dense + thin) / 2, 1)
    amplitude = (dense[0] - thin[0]) / (1 - asked[0] / critical) ** ISING
    start = [critical, height + slope * critical, -slope, amplitude, *([ISING] if free else [])]
    lowest = [asked.max(), 0, -np.inf, 0, *([0.05] if free else [])]
    highest = [np.inf, np.inf, np.inf, np.inf, *([1.0] if free else [])]
    values = np.concatenate([dense, thin])
    try:
        found, covariance = curve_fit(
            laws,
            np.zeros(len(values)),
            values,
            start,
            sigma=errors,
            absolute_sigma=True,
            bounds=(lowest, highest),
        )
    except RuntimeError as error:
        raise ValueError("the densities do not come together as those of a fluid") from error
    misfit = np.sum(((values - laws(values, *found)) / errors) ** 2) / (len(values) - len(found))
    spread = np.sqrt(np.diag(covariance) * max(1.0, misfit))
    return CriticalPoint(
        Estimate(float(found[0]), float(spread[0])),
        Estimate(float(found[1]), float(spread[1])),
        Estimate(float(found[4]), float(spread[4])) if free else Estimate(ISING, 0.0),
    )


def slab_in_words(report: Mapping) -> str:
    """Tell of a slab in a line."""
    where = f"slab at {report['temperature']:g} K"
    if report["reason"]:
        return f"{where}: {report['reason']}"
    return where + "".join(
        f", {phase} {report[phase]['value']:.1f} +- {report[phase]['error']:.1f} kg/m3"
        for phase in ("liquid", "vapour")
    )
