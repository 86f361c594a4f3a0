"""Walks: molecular dynamics of small cells that looks for what the potential does not know.

A walker starts from a strained, displaced crystal and runs in LAMMPS at constant temperature and
pressure. Every few steps the extrapolation grade of its configuration is looked at: a frame above
one threshold is saved for the selection, a grade above another ends the walk, since a potential
that far from its training set leads nowhere (arXiv 2504.07293).
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from ase.io.lammpsdata import write_lammps_data
from ase.units import GPa, bar

from smallcell.cells import crystal
from smallcell.labels import TIMED_OUT
from smallcell.programs import without_launcher
from smallcell.wall import Wall, lammps_lines

THERMOSTAT_TIME = 0.1
"""Damping time of the thermostat (ps)."""

BAROSTAT_TIME = 1.0
"""Damping time of the barostat (ps)."""


LONGEST = 1800
"""Wall time of a run of LAMMPS after which it is taken to hang (s)."""

HIGHEST_PRESSURE = 1e7
"""Pressure, of either sign, that no walk is meant to have (bar)."""

POTENTIAL = "potential.almtp"


class WalkFate(StrEnum):
    """How a walk ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    EXPLODED = "exploded"


@dataclass(frozen=True)
class Walk:
    """What a walker did.

    Attributes
    ----------
    fate : WalkFate
        FINISHED after its full time, STOPPED by a grade above the upper threshold, EXPLODED if
        LAMMPS lost atoms or gave up.
    message : str
        What LAMMPS said if it gave up.
    frames : list of Atoms
        The saved frames, ``info["step"]`` their time steps.
    steps : int
        Time steps done, as far as the log tells.
    """

    fate: WalkFate
    message: str
    frames: list[Atoms]
    steps: int


@dataclass(frozen=True)
class Conditions:
    """What a walker draws.

    Attributes
    ----------
    temperature : float
        K.
    pressure : float
        GPa.
    start : Atoms
    velocity_seed : int
        For LAMMPS's `velocity create`.
    """

    temperature: float
    pressure: float
    start: Atoms
    velocity_seed: int


def draw_conditions(
    elements: Sequence[Mapping],
    stage: Mapping,
    sampling: Mapping,
    rng: np.random.Generator,
) -> Conditions:
    """Draw temperature, pressure, composition and starting structure of a walker.

    Each share of an alloy's composition is equally likely; its lattice is that of the element with
    most atoms, its lattice constant the mean over the atoms (Vegard's law).

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    stage : Mapping
        ``cell`` and ``unit``.
    sampling : Mapping
        ``temperature`` (K), ``pressure`` (GPa), ``strain``, ``displacement`` (A).
    rng : Generator
        The walker's own.
    """
    temperature = rng.uniform(*sampling["temperature"])
    pressure = rng.uniform(*sampling["pressure"])
    shares = rng.dirichlet(np.ones(len(elements)))
    majority = elements[int(np.argmax(shares))]
    atoms = crystal(majority, stage["unit"], stage["cell"])
    drawn = rng.choice(len(elements), size=len(atoms), p=shares)
    atoms.symbols = [elements[number]["symbol"] for number in drawn]
    vegard = np.mean([elements[number]["lattice_constant"] for number in drawn])
    strain = rng.uniform(*sampling["strain"]) * vegard / majority["lattice_constant"]
    atoms.set_cell(atoms.cell * strain, scale_atoms=True)
    atoms.positions += rng.normal(0.0, sampling["displacement"], atoms.positions.shape)
    return Conditions(temperature, pressure, atoms, int(rng.integers(1, 2**31)))


def write_walk(
    folder: Path, conditions: Conditions, sampling: Mapping, species: Sequence[str], barrier: Wall
) -> None:
    """Write LAMMPS's input for a walk: ``in.walk`` and ``start.data``.

    Parameters
    ----------
    folder : Path
    conditions : Conditions
    sampling : Mapping
        ``timestep`` (fs), ``duration`` (ps), ``grade_every``, ``save_above``, ``stop_above``,
        ``cell_change``.
    species : sequence of str
        In the order of the potential's types.
    barrier : Wall
    """
    write_start(folder / "start.data", conditions.start, species)
    pressure = conditions.pressure * GPa / bar
    couple = {"isotropic": "iso", "triclinic": "tri"}[sampling["cell_change"]]
    alone = len(conditions.start) == 1
    every = sampling["grade_every"]
    steps = round(1000 * sampling["duration"] / sampling["timestep"])
    lines = [
        *system(species, barrier),
        f"timestep {sampling['timestep'] / 1000:g}",
        # The momentum of the whole is no motion, except that an atom alone has no other.
        f"compute_modify thermo_temp extra/dof {0 if alone else 3}",
        f"velocity all create {conditions.temperature:.6f} {conditions.velocity_seed} "
        f"mom {'no' if alone else 'yes'} dist gaussian temp thermo_temp",
        f"fix dynamics all npt temp {conditions.temperature:.6f} {conditions.temperature:.6f} "
        f"{THERMOSTAT_TIME} {couple} {pressure:.6f} {pressure:.6f} {BAROSTAT_TIME}",
        f"compute_modify dynamics_temp extra/dof {0 if alone else 3}",
        "compute grade all pair mtp/extrapolation",
        "variable grade equal c_grade[1]",
        f"variable known equal v_grade<={sampling['save_above']:g}",
        f"dump frames all custom {every} frames.dump id type x y z",
        "dump_modify frames sort id format float %.17g first yes skip v_known",
        f"fix stop all halt {every} v_grade > {sampling['stop_above']:g} error soft message yes",
        *guard(conditions.start),
        f"thermo {max(every, steps // 1000 // every * every)}",
        "thermo_style custom step temp press vol pe v_grade",
        f"run {steps}",
    ]
    (folder / "in.walk").write_text("\n".join(lines) + "\n")


def system(species: Sequence[str], barrier: Wall) -> list[str]:
    """LAMMPS commands that read ``start.data`` and what `provide` has put beside it."""
    return [
        "units metal",
        "atom_style atomic",
        "boundary p p p",
        "newton on",
        "read_data start.data",
        *lammps_lines("mtp/extrapolation", POTENTIAL, len(species), barrier),
        "neighbor 1.0 bin",
        "neigh_modify delay 0 every 1 check yes",
    ]


def guard(start: Atoms) -> list[str]:
    """LAMMPS commands that end a run that has gone astray.

    That is, a volume that has left a factor of two of the start's, or a pressure beyond
    `HIGHEST_PRESSURE`: a cell that collapses would have LAMMPS build neighbour lists for ever, of
    ever more images. What is no number is caught too, as it compares as false.
    """
    volume = start.get_volume()
    return [
        f"variable sound equal vol>{volume / 2:g}&&vol<{volume * 2:g}"
        f"&&press>-{HIGHEST_PRESSURE:g}&&press<{HIGHEST_PRESSURE:g}",
        "fix guard all halt 1 v_sound != 1 error hard message yes",
    ]


def plugin_path() -> Path:
    """Where the LAMMPS plugin of this Python environment is: it is built for that LAMMPS."""
    return Path(sys.prefix) / "lib" / "smallcell" / "mtpplugin.so"


def provide(folder: Path, potential: Path) -> None:
    """Link a potential into a folder, under a name that LAMMPS can read."""
    (folder / POTENTIAL).symlink_to(potential.resolve())


def write_start(path: Path, atoms: Atoms, species: Sequence[str]) -> None:
    """Write a structure as LAMMPS data, triclinic whatever its cell is, with masses."""
    write_lammps_data(
        path,
        atoms,
        specorder=list(species),
        force_skew=True,
        masses=True,
        reduce_cell=True,
        units="metal",
        atom_style="atomic",
    )


def run_lammps(folder: Path, script: str) -> tuple[int, str]:
    """Run LAMMPS on an input script in a folder.

    Returns
    -------
    status : int
        Its exit status, `TIMED_OUT` if it ran longer than `LONGEST`.
    log : str
        What it printed, which also stays in ``log.lammps``.
    """
    run = subprocess.run(
        ["timeout", "--foreground", f"{LONGEST}", "lmp", "-in", script, "-log", "log.lammps"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=without_launcher(os.environ),
    )
    return run.returncode, run.stdout + run.stderr


def complaint(status: int, log: str) -> str:
    """Quote what LAMMPS said when it gave up."""
    if status == TIMED_OUT:
        return f"LAMMPS came to no end within {LONGEST} s"
    errors = re.findall(r"^ERROR.*", log, re.MULTILINE)
    return errors[0] if errors else f"LAMMPS ended with status {status}"


def walk(folder: Path, species: Sequence[str]) -> Walk:
    """Run the walk that `write_walk` has prepared in a folder.

    Raises
    ------
    RuntimeError
        If LAMMPS does not come to its first step: that is no walk.
    """
    status, log = run_lammps(folder, "in.walk")
    frames = read_frames(folder / "frames.dump", species)
    steps = [int(step) for step in re.findall(r"^\s*(\d+)(?:\s+\S+){5}\s*$", log, re.MULTILINE)]
    if not steps:
        raise RuntimeError(f"LAMMPS did not start: {complaint(status, log)}")
    done = max(steps)
    if status != 0:
        return Walk(WalkFate.EXPLODED, complaint(status, log), frames, done)
    if "Fix halt condition for fix-id stop" in log:
        return Walk(WalkFate.STOPPED, "", frames, done)
    return Walk(WalkFate.FINISHED, "", frames, done)


def read_frames(path: Path, species: Sequence[str]) -> list[Atoms]:
    """Read the frames of a LAMMPS dump in reduced cells; those that are not finite are left out."""
    if not path.exists() or path.stat().st_size == 0:
        return []
    frames = ase.io.read(path, index=":", format="lammps-dump-text", specorder=list(species))
    kept = []
    for frame in frames:
        if np.isfinite(frame.positions).all() and np.isfinite(frame.cell.array).all():
            # Shear in small steps leads to needles of a cell, which describe the same crystal.
            cell, _ = minkowski_reduce(frame.cell)
            bare = Atoms(frame.numbers, frame.positions, cell=cell, pbc=True)
            bare.wrap()
            bare.info["step"] = frame.info["timestep"]
            kept.append(bare)
    return kept
