"""Density and enthalpy at a temperature: molecular dynamics at constant pressure.

The solid is the element's own crystal. The liquid, of an element or a mixture, is a crystal that
is molten first, in a volume that leaves it room. Whether it is what it is meant to be, the distance
tells that atoms have gone: a crystal that melts, a melt that freezes or never was one, has no
values but a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from ase import Atoms
from ase.units import GPa

from smallcell.audit import displacements
from smallcell.cells import atom_volume
from smallcell.mixtures import shares_in, symbols_at_random
from smallcell.molecular_dynamics import (
    Matter,
    Simulation,
    frame_now,
    isobaric,
    isochoric,
    part,
    simulate,
    steps,
    velocities,
)
from smallcell.series import BLOCKS, Estimate, line, mean_of_series, settled
from smallcell.validation import large_crystal

STATES = ("solid", "liquid")

SETTLING = 20.0
"""Time after which the measurement begins (ps)."""

MELTING, COOLING = 10.0, 10.0
"""Time that a crystal is given to melt, and the melt to come to its temperature (ps)."""

ROOM = 1.1
"""Volume, in units of the crystal's, in which it melts."""

GONE = 0.5
"""Distance, in units of the cube root of an atom's volume, that atoms of a liquid have gone at
least, and those of a solid at most; nearest neighbours are at about 1."""

CUBIC = ("sc", "bcc", "fcc", "diamond")


@dataclass(frozen=True)
class Conditions:
    """What a run is asked for.

    Attributes
    ----------
    state : {"solid", "liquid"}
    temperature : float
        K.
    pressure : float
        GPa.
    atoms : int
        At least.
    duration : float
        Of the measurement (ps).
    melt_at : float
        Temperature at which crystals are molten for a liquid (K).
    """

    state: str
    temperature: float
    pressure: float
    atoms: int
    duration: float
    melt_at: float


def thermal_run(
    matter: Matter, element: Mapping, conditions: Conditions, seed: int
) -> tuple[dict, Atoms | None]:
    """Measure volume and enthalpy.

    Parameters
    ----------
    matter : Matter
    element : Mapping
        ``symbol``, ``lattice``, ``lattice_constant`` (A), a guess within a few per cent; or, of a
        liquid, a `mixtures.mixture`.
    conditions : Conditions
    seed : int
        Of the velocities, and of which atom of a mixture is where.

    Returns
    -------
    report : dict
        ``temperature`` (K), ``volume`` (A^3) and ``enthalpy`` (eV) of an atom as `Estimate`, None
        with a ``reason``; what was asked for, ``atoms``, the ``shares`` of elements among them,
        ``grade`` and ``seconds``.
    end : Atoms or None
        The last frame of a sound run, at the mean volume.
    """
    if conditions.state == "liquid":
        start = liquid_start(element, conditions.atoms, seed)
    else:
        start = solid_start(element, conditions.atoms)
    run = simulate(matter, start, thermal_commands(element["lattice"], conditions, seed))
    report = no_thermal_run(element, conditions.state, run.message or unlike(conditions, run)) | {
        "asked": asdict(conditions),
        "atoms": len(start),
        "shares": {
            symbol: number / len(start) for symbol, number in start.symbols.formula.count().items()
        },
        **run.account,
    }
    if report["reason"]:
        return report, None
    found = means(measured(run, conditions), len(start), conditions.pressure)
    end = run.frames[-1].copy()
    scale = np.cbrt(found["volume"].value * len(end) / end.get_volume())
    end.set_cell(end.cell * scale, scale_atoms=True)
    end.wrap()
    return report | {name: asdict(value) for name, value in found.items()}, end


def no_thermal_run(element: Mapping, state: str, reason: str) -> dict:
    """Report of `thermal_run` that has nothing but a reason."""
    return {
        "element": element["symbol"],
        "asked": {"state": state, "temperature": None},
        "reason": reason,
        "atoms": 0,
        "shares": shares_in(element),
        "temperature": None,
        "volume": None,
        "enthalpy": None,
        "grade": None,
        "seconds": 0.0,
    }


def thermal_in_words(report: Mapping) -> str:
    """Tell of a run at constant pressure in a line."""
    state, asked = report["asked"]["state"], report["asked"]["temperature"]
    where = f"{state} {report['element']}" + (f" at {asked:.4g} K" if asked else "")
    if report["reason"]:
        return f"{where}: {report['reason']}"
    volume = report["volume"]
    return f"{where}: {volume['value']:.3f} +- {volume['error']:.1g} A^3/atom"


def solid_start(element: Mapping, atoms: int) -> Atoms:
    """Block of the element's own crystal, of so many atoms at least."""
    start, _ = large_crystal([element], atoms, np.random.default_rng())
    return start


def liquid_start(element: Mapping, atoms: int, seed: int) -> Atoms:
    """Cube of a crystal with `ROOM` to melt, whatever the element's own crystal is.

    Atoms of a mixture have places at random. No name of one is known to ASE, hence the X.
    """
    edge = np.cbrt(2 * ROOM * atom_volume(element | {"symbol": "X"}))
    start = solid_start({"symbol": "X", "lattice": "bcc", "lattice_constant": edge}, atoms)
    rng = np.random.default_rng(seed)
    start.symbols = symbols_at_random(shares_in(element), len(start), rng)
    return start


def thermal_commands(lattice: str, conditions: Conditions, seed: int) -> list[str]:
    """LAMMPS commands: what leads to the state, time to settle, the measurement."""
    asked, pressure = conditions.temperature, conditions.pressure
    # Of the kinetic energy that a perfect crystal is given, the springs take half.
    lead, shape = [velocities(2 * asked, seed)], "iso" if lattice in CUBIC else "aniso"
    if conditions.state == "liquid":
        hot, shape = max(asked, conditions.melt_at), "iso"
        lead = [
            velocities(2 * hot, seed),
            *part(isochoric(hot, hot), MELTING),
            *part(isochoric(hot, asked), COOLING),
        ]
    return [
        *lead,
        *part(isobaric(asked, asked, pressure, shape), SETTLING),
        frame_now(),
        *part(isobaric(asked, asked, pressure, shape), conditions.duration),
        frame_now(),
    ]


def measured(run: Simulation, conditions: Conditions) -> pd.DataFrame:
    """Return the records of the measurement alone."""
    last = run.records["step"].iloc[-1]
    return run.since(last - steps(conditions.duration))


def means(records: pd.DataFrame, atoms: int, pressure: float) -> dict[str, Estimate]:
    """Mean temperature (K), and volume (A^3) and enthalpy (eV) of an atom.

    Parameters
    ----------
    records : DataFrame
        Of `molecular_dynamics.Simulation`.
    atoms : int
    pressure : float
        GPa; of the one that was asked for the work against it is taken, its fluctuations do none.
    """
    enthalpy = records["energy eV"] + pressure * GPa * records["volume A^3"]
    return {
        "temperature": mean_of_series(records["temperature K"]),
        "volume": mean_of_series(records["volume A^3"]).times(1 / atoms),
        "enthalpy": mean_of_series(enthalpy).times(1 / atoms),
    }


def unlike(conditions: Conditions, run: Simulation) -> str:
    """Why a run that came to its end is not what was asked for; empty if it is."""
    records = measured(run, conditions)
    if len(records) < 2 * BLOCKS:
        return f"{conditions.duration:g} ps are too short for {2 * BLOCKS} records"
    distance = displacements([run.frames[0], run.frames[-1]])[-1]
    edge = np.cbrt(records["volume A^3"].mean() / len(run.frames[0]))
    if conditions.state == "solid" and distance > GONE * edge:
        return f"not solid: atoms went {distance:.1f} A in {conditions.duration:g} ps"
    if conditions.state == "liquid" and distance < GONE * edge:
        return f"not liquid: atoms went {distance:.1f} A in {conditions.duration:g} ps"
    if not settled(records["volume A^3"]):
        return f"the volume has not settled in {conditions.duration:g} ps"
    return ""


def thermal_expansion(temperatures: Sequence[float], volumes: Sequence[Estimate]) -> Estimate:
    """Coefficient of thermal expansion of the volume (1/K): the slope of its logarithm."""
    logarithms = [Estimate(np.log(one.value), one.error / one.value) for one in volumes]
    slope, _ = line(temperatures, logarithms)
    return slope
