"""Walks: molecular dynamics of small cells that looks for what the potential does not know.

A walker starts from what it has drawn (`smallcell.draws`) and runs in LAMMPS at constant or slowly
changing temperature and pressure. Every few steps the extrapolation grade of its configuration is
looked at: a frame above one threshold is saved for the selection, a grade above another ends the
walk, since a potential that far from its training set leads nowhere (arXiv 2504.07293). Some
frames are kept at even distances whatever their grade: they tell what walks meet.
"""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from ase.io.lammpsdata import write_lammps_data
from ase.units import GPa, bar

from smallcell import mlip
from smallcell.files import need_room
from smallcell.labels import PATIENCE, TIMED_OUT
from smallcell.programs import killed, tied, without_launcher
from smallcell.wall import Wall, lammps_lines

THERMOSTAT_TIME = 0.1
"""Damping time of the thermostat (ps)."""

BAROSTAT_TIME = 1.0
"""Damping time of the barostat (ps)."""


LONGEST = 1800
"""Wall time of a run of LAMMPS after which it is taken to hang (s)."""

HIGHEST_PRESSURE = 1e7
"""Pressure, of either sign, that no walk is meant to have (bar)."""

FLATTEST = 0.1
"""Least height of a cell, in units of the edge of a cube of its volume.

The shape of a hot cell of a few atoms has no bounds: shear brings the crystal back to itself in
ever more slender cells. Nothing is wrong with them, except that more and more of their images are
within the cut-off: the walk takes ever longer, and in the end LAMMPS loses the atoms.
"""

LOG = "log.lammps"
"""File that LAMMPS writes in the folder of a run."""

POTENTIAL = "potential.almtp"


class WalkFate(StrEnum):
    """How a walk ended.

    FINISHED after its full time; STOPPED by a grade above the upper threshold; ASTRAY when the
    cell left the volumes or shapes that are meant, as that of a hot atom alone does sooner or
    later; EXPLODED if LAMMPS lost atoms, the pressure was beyond all bounds or it gave up.
    """

    FINISHED = "finished"
    STOPPED = "stopped"
    ASTRAY = "astray"
    EXPLODED = "exploded"


@dataclass(frozen=True)
class Walk:
    """What a walker did.

    Attributes
    ----------
    fate : WalkFate
    message : str
        What LAMMPS said if the walk was not stopped and did not finish.
    frames : list of Atoms
        The frames saved for their grade, ``info["step"]`` their time steps.
    samples : list of Atoms
        Frames at even distances, whatever their grade, with their steps.
    steps : int
        Time steps done, as far as the log tells.
    temperature : float or None
        Mean over the walk (K); None if it ended with its first step.
    """

    fate: WalkFate
    message: str
    frames: list[Atoms]
    samples: list[Atoms]
    steps: int
    temperature: float | None


@dataclass(frozen=True)
class Conditions:
    """What a walk starts from, see `smallcell.draws`.

    Attributes
    ----------
    temperature : tuple of float
        At the walk's start and end (K).
    pressure : tuple of float
        At the walk's start and end (GPa).
    start : Atoms
        ``info`` has ``kind``, crystal or least known, and what its source tells of it.
    perfect_volume : float
        What the atoms fill in the crystals of their elements (A^3).
    seed : int
        For LAMMPS.
    """

    temperature: tuple[float, float]
    pressure: tuple[float, float]
    start: Atoms
    perfect_volume: float
    seed: int


def write_walk(
    folder: Path, conditions: Conditions, sampling: Mapping, species: Sequence[str], barrier: Wall
) -> None:
    """Write LAMMPS's input for a walk: ``in.walk`` and ``start.data``.

    Parameters
    ----------
    folder : Path
    conditions : Conditions
    sampling : Mapping
        ``timestep`` (fs), ``duration`` (ps), ``velocities``, ``swap_every``, ``pair_style``,
        ``grade_every``, ``save_above``, ``stop_above``, ``samples``, ``cell_change``.
    species : sequence of str
        In the order of the potential's types.
    barrier : Wall
        MLIP-3's pair style stands alone, without it.
    """
    start = conditions.start
    write_start(folder / "start.data", start, species)
    every = sampling["grade_every"]
    steps = round(1000 * sampling["duration"] / sampling["timestep"])
    save, stop = sampling["save_above"], sampling["stop_above"]
    if sampling["pair_style"] == "mlip":
        interaction, watch = in_a_box(mlip.pair_style(POTENTIAL, save, stop)), []
    else:
        interaction, watch = system(species, barrier), watched(every, save, stop)
    lines = [
        *interaction,
        f"timestep {sampling['timestep'] / 1000:g}",
        *dynamics(conditions, sampling),
        *swaps(conditions, sampling, species),
        *watch,
        *evenly_spaced(sampling["samples"], steps),
        *guard(start.get_volume(), conditions.perfect_volume),
        f"thermo {max(every, steps // 1000 // every * every)}",
        f"thermo_style custom step temp press vol pe{' v_grade' if watch else ''}",
        "thermo_modify flush yes",
        f"run {steps}",
    ]
    (folder / "in.walk").write_text("\n".join(lines) + "\n")


def watched(every: int, save: float, stop: float) -> list[str]:
    """LAMMPS commands that save frames of a grade above one threshold, and stop above another."""
    return [
        "compute grade all pair mtp/extrapolation",
        "variable grade equal c_grade[1]",
        f"variable known equal v_grade<={save:g}",
        f"dump frames all custom {every} frames.dump id type x y z",
        "dump_modify frames sort id format float %.17g first yes skip v_known",
        f"fix stop all halt {every} v_grade > {stop:g} error soft message yes",
    ]


def dynamics(conditions: Conditions, sampling: Mapping) -> list[str]:
    """LAMMPS commands for velocities, thermostat and barostat, both linear in time.

    All pressures are hydrostatic, so that the barostat needs no reference cell which would have to
    follow the shape.
    """
    alone = len(conditions.start) == 1
    first, last = conditions.temperature
    pressures = " ".join(f"{value * GPa / bar:.6f}" for value in conditions.pressure)
    couple = {"isotropic": "iso", "triclinic": "tri"}[sampling["cell_change"]]
    velocities = (
        f"velocity all create {first:.6f} {conditions.seed} mom {'no' if alone else 'yes'} "
        "dist gaussian temp thermo_temp"
    )
    return [
        # The momentum of the whole is no motion, except that an atom alone has no other.
        f"compute_modify thermo_temp extra/dof {0 if alone else 3}",
        *([velocities] if sampling["velocities"] else []),
        f"fix dynamics all npt temp {first:.6f} {last:.6f} {THERMOSTAT_TIME} "
        f"{couple} {pressures} {BAROSTAT_TIME}",
        f"compute_modify dynamics_temp extra/dof {0 if alone else 3}",
    ]


def swaps(conditions: Conditions, sampling: Mapping, species: Sequence[str]) -> list[str]:
    """LAMMPS commands that swap atoms of different elements by Monte Carlo, if there are any.

    A swap keeps the kinetic energies of the sites and so, where masses differ, not the momentum.
    """
    every = sampling["swap_every"]
    types = sorted({species.index(symbol) + 1 for symbol in conditions.start.symbols})
    if not every or len(types) < 2:
        return []
    temperature = np.mean(conditions.temperature)
    return [
        *(
            f"fix swap_{one}_{other} all atom/swap {every} 1 {conditions.seed + number} "
            f"{temperature:.6f} ke yes types {one} {other}"
            for number, (one, other) in enumerate(combinations(types, 2))
        ),
        "fix rest all momentum 1 linear 1 1 1 rescale",
    ]


def evenly_spaced(number: int, steps: int) -> list[str]:
    """LAMMPS commands that keep so many frames of a run, the last step's among them."""
    if number == 0:
        return []
    return [
        f"variable next equal ceil((floor(step*{number}/{steps})+1)*{steps}/{number})",
        f"dump samples all custom {steps} samples.dump id type x y z",
        "dump_modify samples sort id format float %.17g every v_next",
    ]


def system(species: Sequence[str], barrier: Wall) -> list[str]:
    """LAMMPS commands that read ``start.data`` and what `provide` has put beside it."""
    return in_a_box(lammps_lines("mtp/extrapolation", POTENTIAL, len(species), barrier))


def in_a_box(interaction: Sequence[str]) -> list[str]:
    """LAMMPS commands that read ``start.data``, and what acts between its atoms."""
    return [
        "units metal",
        "atom_style atomic",
        "boundary p p p",
        "newton on",
        "read_data start.data",
        *interaction,
        "neighbor 1.0 bin",
        "neigh_modify delay 0 every 1 check yes",
    ]


def guard(*volumes: float) -> list[str]:
    """LAMMPS commands that end a run that has gone astray.

    That is, a pressure beyond `HIGHEST_PRESSURE`, a volume outside a factor of two of those given
    (A^3), or a cell flatter than `FLATTEST`: one that collapses would have LAMMPS build neighbour
    lists for ever, of ever more images. What is no number is caught first, as it compares as
    false.
    """
    edge = f"{FLATTEST:g}*vol^(1/3)"
    return [
        f"variable bounded equal press>-{HIGHEST_PRESSURE:g}&&press<{HIGHEST_PRESSURE:g}",
        "fix pressure all halt 1 v_bounded != 1 error hard message yes",
        f"variable sound equal vol>{min(volumes) / 2:g}&&vol<{max(volumes) * 2:g}",
        "fix volume all halt 1 v_sound != 1 error hard message yes",
        "variable height_a equal vol/sqrt((ly*lz)^2+(xy*lz)^2+(xy*yz-ly*xz)^2)",
        "variable height_b equal ly*lz/sqrt(lz^2+yz^2)",
        f"variable stout equal v_height_a>{edge}&&v_height_b>{edge}&&lz>{edge}",
        "fix shape all halt 10 v_stout != 1 error hard message yes",
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


def run_lammps(
    folder: Path, script: str, longest: float | None = None, program: str = "lmp"
) -> tuple[int, str]:
    """Run LAMMPS on an input script in a folder.

    Parameters
    ----------
    folder : Path
    script : str
    longest : float, optional
        Wall time after which it is taken to hang (s), `LONGEST` if it is not given.
    program : str
        The LAMMPS to run.

    Returns
    -------
    status : int
        Its exit status, `TIMED_OUT` if it ran longer than that.
    log : str
        What it printed, which also stays in `LOG`, and why it was stopped if it was.

    Raises
    ------
    RuntimeError
        If somebody or something has killed it, which says nothing of what it computed.
    OSError
        If the disk is full.
    """
    longest = LONGEST if longest is None else longest
    began = time.monotonic()
    # The command may be a script that has started LAMMPS as a child: a group can be ended whole, by
    # timeout too.
    lammps = [program, "-in", script, "-log", LOG]
    with subprocess.Popen(
        tied(["timeout", f"--kill-after={PATIENCE}", str(longest), *lammps]),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=without_launcher(os.environ),
        process_group=0,
    ) as run:
        try:
            log, _ = run.communicate()
        except BaseException:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    if time.monotonic() - began >= longest:
        return TIMED_OUT, f"{log}\nLAMMPS came to no end within {longest:g} s"
    if killed(run.returncode):
        raise RuntimeError(
            "LAMMPS was killed, as happens where memory runs out; start it once more"
        )
    # LAMMPS does not look whether what it writes arrives.
    need_room(folder)
    return run.returncode, log


def complaint(status: int, log: str) -> str:
    """Quote what LAMMPS said when it gave up."""
    if status == TIMED_OUT:
        return log.splitlines()[-1]
    errors = re.findall(r"^ERROR.*", log, re.MULTILINE)
    return errors[0] if errors else f"LAMMPS ended with status {status}"


def thermo_rows(log: str, columns: int) -> np.ndarray:
    """Rows of thermodynamic output in a log, the step first, shape (n_rows, columns)."""
    number = r"\s+([-+.\deinfa]+)"
    rows = re.findall(rf"^\s*(\d+){(columns - 1) * number}\s*$", log, re.MULTILINE)
    return np.array(rows, dtype=float).reshape(-1, columns)


def walk(folder: Path, species: Sequence[str], pair_style: str = "mtp") -> Walk:
    """Run the walk that `write_walk` has prepared in a folder.

    Parameters
    ----------
    folder : Path
    species : sequence of str
    pair_style : {"mtp", "mlip"}
        The one that the walk was prepared for. MLIP-3's saves frames without their steps.

    Raises
    ------
    RuntimeError
        If LAMMPS does not come to its first step: that is no walk.
    """
    by_mlip = pair_style == "mlip"
    status, log = run_lammps(folder, "in.walk", program=mlip.LAMMPS if by_mlip else "lmp")
    stopped = mlip.BROKEN in log if by_mlip else "Fix halt condition for fix-id stop" in log
    table = thermo_rows(log, 5 if by_mlip else 6)
    # MLIP-3's pair style ends LAMMPS there and then, before the first record too.
    if not len(table) and not (by_mlip and stopped):
        raise RuntimeError(f"LAMMPS did not start: {complaint(status, log)}")
    later = table[(table[:, 0] > 0) & np.isfinite(table[:, 1]), 1]
    fate, message = WalkFate.FINISHED, ""
    if stopped and (by_mlip or status == 0):
        fate = WalkFate.STOPPED
    elif status != 0:
        message = complaint(status, log)
        strayed = re.search(r"fix-id (volume|shape) ", message)
        fate = WalkFate.ASTRAY if strayed else WalkFate.EXPLODED
    return Walk(
        fate,
        message,
        [in_reduced_cell(frame) for frame in mlip.saved_frames(folder, species)]
        if by_mlip
        else read_frames(folder / "frames.dump", species),
        read_frames(folder / "samples.dump", species),
        int(table[:, 0].max(initial=0)),
        float(later.mean()) if len(later) else None,
    )


def read_frames(path: Path, species: Sequence[str]) -> list[Atoms]:
    """Read the frames of a LAMMPS dump in reduced cells.

    What is not finite is left out, and a last frame that was cut off when LAMMPS ended.
    """
    whole = whole_frames(path.read_text()) if path.exists() else ""
    if not whole:
        return []
    frames = ase.io.read(
        io.StringIO(whole), index=":", format="lammps-dump-text", specorder=list(species)
    )
    kept = []
    for frame in frames:
        if np.isfinite(frame.positions).all() and np.isfinite(frame.cell.array).all():
            bare = in_reduced_cell(frame)
            bare.info["step"] = frame.info["timestep"]
            kept.append(bare)
    return kept


def in_reduced_cell(frame: Atoms) -> Atoms:
    """Return the bare crystal of a frame in its most compact cell.

    Shear in small steps leads to needles of a cell, which describe the same crystal.
    """
    cell, _ = minkowski_reduce(frame.cell)
    bare = Atoms(frame.numbers, frame.positions, cell=cell, pbc=True)
    bare.wrap()
    return bare


def unwrapped_frames(path: Path, species: Sequence[str]) -> list[Atoms]:
    """Read the frames of a LAMMPS dump of ``xsu ysu zsu``, sorted by atom.

    Returns
    -------
    list of Atoms
        Atoms where they have gone, out of the box too, which is at the origin; ``info["step"]``
        has their steps. The first that is not finite ends them.
    """
    whole = io.StringIO(whole_frames(path.read_text()))
    frames = ase.io.read(whole, index=":", format="lammps-dump-text", specorder=list(species))
    found = []
    for frame in frames:
        positions = frame.positions - frame.get_celldisp().ravel()
        if not (np.isfinite(positions).all() and np.isfinite(frame.cell.array).all()):
            break
        atoms = Atoms(frame.numbers, positions, cell=frame.cell, pbc=True)
        atoms.info["step"] = frame.info["timestep"]
        found.append(atoms)
    return found


def whole_frames(dump: str) -> str:
    """Text of a LAMMPS dump up to the end of its last frame that is all there."""
    header = re.compile(
        r"ITEM: TIMESTEP\n.*\nITEM: NUMBER OF ATOMS\n(\d+)\n(?:.*\n){4}ITEM: ATOMS.*\n"
    )
    end = 0
    while found := header.match(dump, end):
        atoms = re.compile(rf"(?:.*\n){{{found[1]}}}").match(dump, found.end())
        if not atoms:
            break
        end = atoms.end()
    return dump[:end]
