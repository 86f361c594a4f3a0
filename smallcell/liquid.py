"""Structure and transport of a liquid: molecular dynamics in the volume that it has of its own.

The run begins with the end of one at constant pressure (`smallcell.thermal`). One run serves the
radial distribution function and diffusion with the viscosity that its correction takes; in a
mixture, of each pair of elements and of each element by itself too.
"""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import product

import numpy as np
from ase import Atoms

from smallcell.diffusion import (
    CENTIMETRES,
    corrected_for_size,
    diffusion_coefficients,
    viscosity,
)
from smallcell.molecular_dynamics import (
    STRESS_EVERY,
    Matter,
    frames_every,
    isochoric,
    part,
    simulate,
    steps,
    stresses,
    velocities,
)
from smallcell.radial_distribution import LiquidStructure, liquid_structure
from smallcell.series import Estimate, estimate, mean_of_series
from smallcell.validation import TIMESTEP

SETTLING = 10.0
"""Time after which the measurement begins (ps)."""

DAMPING = 1.0
"""Damping time of the thermostat (ps): so slow a one, of the whole, leaves diffusion and viscosity
as they are (J. E. Basconi and M. R. Shirts, J. Chem. Theory Comput. 9, 2887 (2013))."""

FRAMES_EVERY = 100
"""Time steps between two frames for the diffusion."""

STRUCTURE_EVERY = 10
"""Frames between two of which pairs are counted."""

NO_SHELL = "no first maximum and minimum, as in a gas"

NO_PARTIAL = {"distribution": [], "shell": {}}
"""Of a pair of elements, where there is no run."""


def liquid_run(
    matter: Matter, start: Atoms | None, thermal: Mapping, duration: float, seed: int
) -> dict:
    """Measure structure and diffusion of a liquid.

    Parameters
    ----------
    matter : Matter
    start : Atoms or None
        End of the run at constant pressure, a cube; None if that has none.
    thermal : Mapping
        Report of that run.
    duration : float
        ps.
    seed : int
        Of the velocities.

    Returns
    -------
    report : dict
        ``asked`` temperature (K), ``temperature`` (an `series.Estimate`, as all that follow);
        ``distances`` (A) and ``distribution``, lists; ``shell``, see `radial_distribution.Shell`;
        ``diffusion``, see `diffusion.Diffusion`; a ``reason`` for each of the two that is empty,
        ``grade`` and ``seconds``. Of a mixture ``partial`` has ``distribution`` and ``shell`` by
        pairs such as Na-K, neighbours K of Na, and ``by_element`` diffusion.
    """
    asked = thermal["asked"]["temperature"]
    report = {
        "element": thermal["element"],
        "asked": {"temperature": asked, "duration": duration},
        "temperature": None,
        "distances": [],
        "distribution": [],
        "shell": {},
        "diffusion": None,
        "grade": None,
        "seconds": 0.0,
    }
    shares = thermal.get("shares", {})
    mixed = list(shares) if len(shares) > 1 else []
    report["partial"] = {f"{one}-{other}": NO_PARTIAL for one, other in product(mixed, repeat=2)}
    report["by_element"] = dict.fromkeys(mixed)
    if start is None:
        return report | {"reason": {name: thermal["reason"] for name in ("shell", "diffusion")}}
    commands = [
        velocities(asked, seed),
        *part(isochoric(asked, asked), SETTLING),
        *frames_every(FRAMES_EVERY),
        stresses(),
        *part(isochoric(asked, asked, DAMPING), duration),
    ]
    run = simulate(matter, start, commands)
    report |= run.account
    if run.message:
        return report | {"reason": {name: run.message for name in ("shell", "diffusion")}}
    temperature = mean_of_series(run.since(steps(SETTLING))["temperature K"])
    structure = liquid_structure(run.frames[::STRUCTURE_EVERY])
    reason = {
        "shell": "" if structure.shell else NO_SHELL,
        "diffusion": "",
    }
    partial = {
        f"{one}-{other}": liquid_structure(run.frames[::STRUCTURE_EVERY], (one, other))
        for one, other in product(mixed, repeat=2)
    }
    diffusion, by_element = None, report["by_element"]
    try:
        positions = np.array([frame.positions for frame in run.frames])
        chosen = {"": slice(None)} | {symbol: start.symbols == symbol for symbol in mixed}
        coefficients = {
            name: estimate(diffusion_coefficients(positions[:, atoms], FRAMES_EVERY * TIMESTEP))
            for name, atoms in chosen.items()
        }
        friction = viscosity(
            run.stress, STRESS_EVERY * TIMESTEP, start.get_volume(), temperature.value
        )
        edge = start.cell.lengths()[0]
        found = {
            name: asdict(corrected_for_size(one, friction, edge, temperature.value))
            for name, one in coefficients.items()
        }
        diffusion, by_element = found.pop(""), found
    except ValueError as error:
        reason["diffusion"] = str(error)
    return report | {
        "temperature": asdict(temperature),
        "distances": structure.distances.tolist(),
        "distribution": structure.distribution.tolist(),
        "shell": _shell(structure),
        "partial": {
            name: {"distribution": found.distribution.tolist(), "shell": _shell(found)}
            for name, found in partial.items()
        },
        "diffusion": diffusion,
        "by_element": by_element,
        "reason": reason,
    }


def _shell(structure: LiquidStructure) -> dict[str, dict]:
    return {name: asdict(value) for name, value in structure.shell.items()}


def liquid_in_words(report: Mapping) -> str:
    """Tell of a liquid in a line."""
    where = f"liquid {report['element']} at {report['asked']['temperature']:.4g} K"
    if not report["diffusion"]:
        return f"{where}: {report['reason']['diffusion']}"
    found = Estimate(**report["diffusion"]["corrected"]).times(CENTIMETRES)
    return f"{where}: D {found.value:.3f} +- {found.error:.1g} 1e-5 cm2/s"
