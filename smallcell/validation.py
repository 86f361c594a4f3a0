"""First proofs of a potential: its equation of state, and molecular dynamics of a large cell.

The same molecular dynamics serves the validation, the survival (`smallcell.survival`) and, heated
and cooled, the audit (`smallcell.audit`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.eos import EquationOfState
from ase.units import GPa, bar

from smallcell.cells import atom_volume, crystal
from smallcell.sampling import (
    BAROSTAT_TIME,
    THERMOSTAT_TIME,
    complaint,
    guard,
    run_lammps,
    system,
    thermo_rows,
    write_start,
)
from smallcell.wall import Wall

EOS_STRAIN = 0.1
"""Relative change of the lattice constant from the minimum within which points are fitted."""

TIMESTEP = 0.002
"""Of the large cell's molecular dynamics (ps)."""

RECORDS = 250
"""How often, at least, a run of a large cell records its state on each of its ramps."""


@dataclass(frozen=True)
class EquationOfStateFit:
    """Birch-Murnaghan fit.

    Attributes
    ----------
    volume : float
        Of an atom at the minimum of the energy (A^3).
    bulk_modulus : float
        There (GPa).
    energy : float
        There, of an atom (eV).
    """

    volume: float
    bulk_modulus: float
    energy: float


def fit_equation_of_state(volumes: np.ndarray, energies: np.ndarray) -> EquationOfStateFit:
    """Fit Birch and Murnaghan's equation of state to the points near the minimum.

    Parameters
    ----------
    volumes, energies : ndarray, shape (n_points,)
        Of an atom (A^3, eV).

    Raises
    ------
    ValueError
        If the lowest energy is at an end or too few points are near it.
    """
    order = np.argsort(volumes)
    volumes, energies = np.asarray(volumes)[order], np.asarray(energies)[order]
    lowest = int(np.argmin(energies))
    near = np.abs(np.cbrt(volumes / volumes[lowest]) - 1) < EOS_STRAIN
    if lowest in (0, len(volumes) - 1) or near.sum() < 5:
        raise ValueError(
            f"no equation of state from {len(volumes)} strains: the lowest energy must lie inside "
            f"and five of them within {EOS_STRAIN:.0%} of it; see seeds.strain and seeds.number"
        )
    fit = EquationOfState(volumes[near], energies[near], eos="birchmurnaghan")
    volume, energy, modulus = fit.fit()
    return EquationOfStateFit(float(volume), float(modulus / GPa), float(energy))


def equilibrium(crystals: Sequence[Atoms], element: Mapping) -> tuple[float, float]:
    """Find lattice constant (A) and bulk modulus (GPa) from an element's strained crystals.

    Parameters
    ----------
    crystals : sequence of Atoms
        With a calculator.
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A), whatever that is.
    """
    fit = fit_equation_of_state(*energies_per_atom(crystals))
    scale = np.cbrt(fit.volume / atom_volume(element))
    return float(scale * element["lattice_constant"]), fit.bulk_modulus


def own_constant(state: Mapping) -> float:
    """Lattice constant (A) at which a potential's properties are computed.

    Parameters
    ----------
    state : Mapping
        An element's equation of state: ``lattice_constant`` of the potential, None if its energy
        has no minimum among the strains, and ``lattice_constant_dft``, which takes its place then.
    """
    return state["lattice_constant"] or state["lattice_constant_dft"]


def strained_crystals_of(symbol: str, seeds: Sequence[Atoms]) -> list[Atoms]:
    """Choose an element's strained crystals from all seeds, labelled or not."""
    return [atoms for atoms in seeds if "strain" in atoms.info and set(atoms.symbols) == {symbol}]


def energies_per_atom(structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Volumes (A^3) and energies (eV) of an atom in structures that have a calculator."""
    volumes = np.array([atoms.get_volume() / len(atoms) for atoms in structures])
    energies = np.array([atoms.get_potential_energy() / len(atoms) for atoms in structures])
    return volumes, energies


def large_crystal(
    elements: Sequence[Mapping], at_least: int, rng: np.random.Generator
) -> tuple[Atoms, int]:
    """Build a block of conventional cells, of an alloy with equal shares at random places.

    The lattice is the first element's, its constant the mean over the elements (Vegard's law).

    Parameters
    ----------
    elements : sequence of Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    at_least : int
        Number of atoms.
    rng : Generator
        Of the places.

    Returns
    -------
    atoms : Atoms
    repeats : int
        Conventional cells along each edge.
    """
    constant = float(np.mean([element["lattice_constant"] for element in elements]))
    element = {**elements[0], "lattice_constant": constant}
    in_cell = len(crystal(element, "conventional", (1, 1, 1)))
    repeats = next(n for n in count(1) if in_cell * n**3 >= at_least)
    atoms = crystal(element, "conventional", 3 * (repeats,))
    atoms.symbols = rng.permutation(np.resize([one["symbol"] for one in elements], len(atoms)))
    return atoms, repeats


@dataclass(frozen=True)
class Ramp:
    """A part of a run, in which the temperature goes from one value to another.

    Attributes
    ----------
    begin, end : float
        K.
    duration : float
        ps.
    """

    begin: float
    end: float
    duration: float


@dataclass(frozen=True)
class LargeCellRun:
    """Outcome of molecular dynamics of a large cell.

    Attributes
    ----------
    survived : bool
        LAMMPS came to its end with all atoms, temperature and volume within a factor of two of
        what was asked for.
    message : str
        Why not.
    atoms : int
    mean_temperature : float or None
        Over the second half (K); None if LAMMPS gave up.
    mean_volume : float or None
        Of an atom, over the second half (A^3).
    highest_grade : float or None
        Highest extrapolation grade, as walks go by: what the run can be trusted for.
    """

    survived: bool
    message: str
    atoms: int
    mean_temperature: float | None
    mean_volume: float | None
    highest_grade: float | None


def write_large_cell_run(
    folder: Path,
    start: Atoms,
    species: Sequence[str],
    ramps: Sequence[Ramp],
    barrier: Wall,
    seed: int,
    pressure: float = 0.0,
    frames: bool = False,
) -> None:
    """Write ``in.npt`` and ``start.data``: molecular dynamics at constant pressure.

    Parameters
    ----------
    folder : Path
    start : Atoms
    species : sequence of str
        In the order of the potential's types.
    ramps : sequence of Ramp
        One after the other.
    barrier : Wall
    seed : int
        Of the velocities.
    pressure : float
        GPa.
    frames : bool
        Whether each record comes with a frame, in ``frames.dump``.
    """
    write_start(folder / "start.data", start, species)
    every = record_interval(ramps)
    asked = f"{pressure * GPa / bar:g}"
    dump = [
        f"dump frames all custom {every} frames.dump id type xsu ysu zsu",
        "dump_modify frames sort id format float %.12g",
    ]
    lines = [
        *system(species, barrier),
        f"timestep {TIMESTEP:g}",
        f"velocity all create {2 * ramps[0].begin:g} {seed} mom yes dist gaussian",
        *guard(start.get_volume()),
        "compute grade all pair mtp/extrapolation",
        "thermo_style custom step temp vol press c_grade[1]",
        f"thermo {every}",
        "thermo_modify lost error",
        *(dump if frames else []),
    ]
    for ramp in ramps:
        lines += [
            f"fix dynamics all npt temp {ramp.begin:g} {ramp.end:g} {THERMOSTAT_TIME} "
            f"iso {asked} {asked} {BAROSTAT_TIME}",
            f"run {_steps(ramp)}",
        ]
    (folder / "in.npt").write_text("\n".join(lines) + "\n")


def record_interval(ramps: Sequence[Ramp]) -> int:
    """Time steps between two records."""
    return max(1, min(map(_steps, ramps)) // RECORDS)


def _steps(ramp: Ramp) -> int:
    return round(ramp.duration / TIMESTEP)


def asked_temperature(steps: np.ndarray, ramps: Sequence[Ramp]) -> np.ndarray:
    """Temperature (K) that the thermostat has at these time steps."""
    asked = np.full(len(steps), ramps[-1].end)
    begin = 0
    for ramp in ramps:
        share = (steps - begin) / _steps(ramp)
        within = (share >= 0) & (share < 1)
        asked[within] = ramp.begin + share[within] * (ramp.end - ramp.begin)
        begin += _steps(ramp)
    return asked


def run_large_cell(
    folder: Path, start: Atoms, ramps: Sequence[Ramp]
) -> tuple[LargeCellRun, pd.DataFrame]:
    """Run what `write_large_cell_run` has prepared and judge it.

    Returns
    -------
    outcome : LargeCellRun
    records : DataFrame
        ``step``, ``temperature K``, ``volume A^3/atom`` and ``grade``, as far as the run came.

    Raises
    ------
    RuntimeError
        If LAMMPS does not come to its first step.
    """
    status, log = run_lammps(folder, "in.npt")
    rows = thermo_rows(log, 5)
    if not len(rows):
        raise RuntimeError(f"LAMMPS did not start: {complaint(status, log)}")
    step, temperature, volume, _, grade = rows.T
    records = pd.DataFrame(
        {
            "step": step.astype(int),
            "temperature K": temperature,
            "volume A^3/atom": volume / len(start),
            "grade": grade,
        }
    ).drop_duplicates("step", ignore_index=True)
    if status != 0:
        outcome = LargeCellRun(False, complaint(status, log), len(start), None, None, None)
        return outcome, records
    later = records[len(records) // 2 :]
    asked = asked_temperature(later["step"].to_numpy(), ramps)
    ratios = (
        *(later["temperature K"] / asked),
        *(later["volume A^3/atom"] * len(start) / start.get_volume()),
    )
    sound = all(0.5 < ratio < 2 for ratio in ratios)
    outcome = LargeCellRun(
        survived=sound,
        message="" if sound else "temperature or volume left a factor of two",
        atoms=len(start),
        mean_temperature=float(later["temperature K"].mean()),
        mean_volume=float(later["volume A^3/atom"].mean()),
        highest_grade=float(records["grade"].max()),
    )
    return outcome, records
