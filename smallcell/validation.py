"""First proofs of a potential: its equation of state, and molecular dynamics of a large cell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.eos import EquationOfState
from ase.units import GPa

from smallcell.sampling import (
    BAROSTAT_TIME,
    THERMOSTAT_TIME,
    complaint,
    guard,
    run_lammps,
    system,
    write_start,
)
from smallcell.wall import Wall

EOS_STRAIN = 0.1
"""Relative change of the lattice constant from the minimum within which points are fitted."""

TIMESTEP = 0.002
"""Of the large cell's molecular dynamics (ps)."""


@dataclass(frozen=True)
class EquationOfStateFit:
    """Birch-Murnaghan fit.

    Attributes
    ----------
    volume : float
        Of an atom at the minimum of the energy (A^3).
    bulk_modulus : float
        There (GPa).
    """

    volume: float
    bulk_modulus: float


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
    volume, _, modulus = fit.fit()
    return EquationOfStateFit(float(volume), float(modulus / GPa))


def energies_per_atom(structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Volumes (A^3) and energies (eV) of an atom in structures that have a calculator."""
    volumes = np.array([atoms.get_volume() / len(atoms) for atoms in structures])
    energies = np.array([atoms.get_potential_energy() / len(atoms) for atoms in structures])
    return volumes, energies


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
        Highest extrapolation grade of the configuration: what the run can be trusted for.
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
    settings: Mapping,
    barrier: Wall,
    seed: int,
) -> None:
    """Write ``in.npt`` and ``start.data``: NPT at zero pressure.

    Parameters
    ----------
    folder : Path
    start : Atoms
    species : sequence of str
        In the order of the potential's types.
    settings : Mapping
        ``temperature`` (K), ``duration`` (ps).
    barrier : Wall
    seed : int
        Of the velocities.
    """
    write_start(folder / "start.data", start, species)
    temperature = settings["temperature"]
    steps = round(settings["duration"] / TIMESTEP)
    lines = [
        *system(species, barrier),
        f"timestep {TIMESTEP:g}",
        f"velocity all create {2 * temperature:g} {seed} mom yes dist gaussian",
        f"fix dynamics all npt temp {temperature:g} {temperature:g} {THERMOSTAT_TIME} "
        f"iso 0 0 {BAROSTAT_TIME}",
        *guard(start.get_volume()),
        "compute grade all pair mtp/extrapolation",
        "thermo_style custom step temp vol press c_grade[1]",
        f"thermo {max(1, steps // 500)}",
        "thermo_modify lost error",
        f"run {steps}",
    ]
    (folder / "in.npt").write_text("\n".join(lines) + "\n")


def run_large_cell(folder: Path, start: Atoms, temperature: float) -> LargeCellRun:
    """Run what `write_large_cell_run` has prepared and judge it.

    Raises
    ------
    RuntimeError
        If LAMMPS does not come to its first step.
    """
    status, log = run_lammps(folder, "in.npt")
    rows = re.findall(r"^\s*(\d+)" + 4 * r"\s+(\S+)" + r"\s*$", log, re.MULTILINE)
    table = np.array(rows, dtype=float).reshape(-1, 5)
    later = table[len(table) // 2 :]
    if not len(table):
        raise RuntimeError(f"LAMMPS did not start: {complaint(status, log)}")
    if status != 0:
        return LargeCellRun(False, complaint(status, log), len(start), None, None, None)
    mean_temperature, mean_volume = later[:, 1].mean(), later[:, 2].mean() / len(start)
    sound = all(
        0.5 < ratio < 2
        for ratio in (
            *(later[:, 1] / temperature),
            *(later[:, 2] / start.get_volume()),
        )
    )
    return LargeCellRun(
        survived=sound,
        message="" if sound else "temperature or volume left a factor of two",
        atoms=len(start),
        mean_temperature=float(mean_temperature),
        mean_volume=float(mean_volume),
        highest_grade=float(table[:, 4].max()),
    )
