"""Labels: energy, forces and stress of a structure from pw.x.

Every structure that is sent here comes back with a *fate*. A calculation that did not converge,
crashed or ran out of time is an outcome with a name, not an exception that ends a campaign.
"""

import math
import resource
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.espresso import Espresso, EspressoProfile
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, covalent_radii, ground_state_magnetic_moments
from ase.geometry import complete_cell
from ase.neighborlist import neighbor_list

from smallcell.files import need_room
from smallcell.programs import killed, leave_launcher, tied
from smallcell.pw_output import magnetic_moment, oddity, unsettled_forces

OUTPUT = "espresso.pwo"
"""Name that ASE gives to what pw.x prints."""

ERRORS = "espresso.err"
"""Name that ASE gives to pw.x's standard error."""

SCRATCH = "scratch"
"""Folder in which pw.x leaves what it may go on from."""

PSEUDOPOTENTIALS = "pseudopotentials"
"""Link to the folder of UPF files: pw.x takes no path with a quote, and none that is long."""

TIMED_OUT = 124
"""Exit status of coreutils' timeout when it had to end the command."""

PATIENCE = 10
"""Seconds from SIGTERM to SIGKILL for a pw.x that is over its time."""

DIAGONALISATION = (
    "S matrix not positive definite",
    "too many bands are not converged",
    "more bands than PWs",
    "zhegvd failed",
    "dsygvd failed",
    "charge is wrong",
)
"""Words of pw.x where it does not find the bands, or wrong ones."""

OUT_OF_MEMORY = ("Error allocating", "Cannot allocate memory", "nsufficient virtual memory")
"""Words of Fortran's run-time libraries and of the C library where memory runs out."""


class Fate(StrEnum):
    """What became of a structure that was to be labelled."""

    LABELLED = "labelled"
    FROM_STORE = "from store"
    NOT_IN_STORE = "not in store"
    TOO_CLOSE = "too close"
    TOO_LARGE = "too large"
    NOT_CONVERGED = "not converged"
    DIAGONALISATION_FAILED = "diagonalisation failed"
    FORCES_UNSETTLED = "forces unsettled"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    UNSOUND = "unsound"
    CRASHED = "crashed"


SUCCESSES = (Fate.LABELLED, Fate.FROM_STORE)


ROUTE = (
    "mixing_beta",
    "mixing_mode",
    "mixing_ndim",
    "diagonalization",
    "diago_thr_init",
    "diago_cg_maxiter",
    "diago_david_ndim",
    "diago_full_acc",
    "electron_maxstep",
    "startingpot",
    "startingwfc",
)
"""Entries of pw.x's namelist electrons that only lead to the result, by one route or another."""


@dataclass(frozen=True)
class Calculation:
    """Everything that decides the result of pw.x for a structure, and the route to it.

    Attributes
    ----------
    system, electrons : Mapping
        Entries of pw.x's namelists (Ry).
    k_mesh : tuple of int
        Divisions of the Gamma-centred mesh along each reciprocal vector.
    pseudopotentials : Mapping
        SHA-256 of the pseudopotential's source (deck or UPF file) for each element.
    """

    system: Mapping
    electrons: Mapping
    k_mesh: tuple[int, int, int]
    pseudopotentials: Mapping[str, str]

    def decisive(self) -> dict:
        """Return what decides the result: all but `ROUTE`; 30 and 30.0 are one setting."""
        electrons = {name: value for name, value in self.electrons.items() if name not in ROUTE}
        return {
            "system": _as_floats(self.system),
            "electrons": _as_floats(electrons),
            "k_mesh": list(self.k_mesh),
            "pseudopotentials": dict(self.pseudopotentials),
        }


def _as_floats(settings: Mapping) -> dict:
    return {
        name: value if isinstance(value, str | bool) else float(value)
        for name, value in settings.items()
    }


@dataclass(frozen=True)
class Outcome:
    """Fate of a structure, with its label where there is one.

    Attributes
    ----------
    fate : Fate
    message : str
        What a person should know about it.
    atoms : Atoms or None
        The structure with energy (eV), forces (eV/A), stress (eV/A^3) and, where there is spin,
        magnetic moment (Bohr magnetons).
    core_seconds : float
        Processor time of pw.x, in all tries.
    retries : tuple of str
        Names of the rungs of `smallcell.ladder` that were tried after the first try.
    """

    fate: Fate
    message: str
    atoms: Atoms | None
    core_seconds: float
    retries: tuple[str, ...] = ()


def k_mesh(cell: np.ndarray, spacing: float) -> tuple[int, int, int]:
    """Divisions of a Gamma-centred k-mesh no coarser than a spacing.

    One spacing for all cells keeps the density of k-points, and with it the error that they leave
    in the energy, alike from cell to cell.

    Parameters
    ----------
    cell : ndarray, shape (3, 3)
        Lattice vectors (A).
    spacing : float
        Largest distance of neighbouring k-points (1/A, with the factor 2 pi).
    """
    lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(complete_cell(cell)).T, axis=1)
    # A cubic cell must not get unequal divisions from rounding in its lattice vectors.
    return tuple(max(1, math.ceil(length / spacing - 1e-9)) for length in lengths)


def crystal_calculation(
    atoms: Atoms, settings: Mapping, pseudopotentials: Mapping[str, str]
) -> Calculation:
    """Describe the calculation of a periodic structure.

    Parameters
    ----------
    atoms : Atoms
    settings : Mapping
        ``ecutwfc``, ``ecutrho``, ``degauss``, ``conv_thr`` (Ry), ``smearing``, ``k_spacing``
        (1/A): the configuration's ``dft``.
    pseudopotentials : Mapping
        SHA-256 of the pseudopotential of each element.
    """
    return Calculation(
        system=_system(settings),
        electrons=_electrons(settings),
        k_mesh=k_mesh(atoms.cell.array, settings["k_spacing"]),
        pseudopotentials={
            symbol: pseudopotentials[symbol] for symbol in sorted(set(atoms.symbols))
        },
    )


def settings_for(atoms: Atoms, settings: Mapping, own: Mapping) -> dict:
    """Return the settings of a structure's label.

    Parameters
    ----------
    atoms : Atoms
        May have a ``k_spacing`` (1/A) and a ``conv_thr`` (Ry) in its ``info``, as structures have
        whose small differences count: a spacing at which all of them have the same mesh, and a
        threshold that leaves little to the rest of their forces. A finer one of the settings stays.
    settings : Mapping
        The configuration's ``dft``.
    own : Mapping
        Those that its batch has instead.
    """
    found = {**settings, **own}
    if "k_spacing" in atoms.info:
        found["k_spacing"] = atoms.info["k_spacing"]
    if "conv_thr" in atoms.info:
        found["conv_thr"] = min(found["conv_thr"], atoms.info["conv_thr"])
    return found


def atom_calculation(
    symbol: str, settings: Mapping, pseudopotentials: Mapping[str, str]
) -> Calculation:
    """Describe the spin-polarised calculation of an isolated atom (see `isolated_atom`)."""
    moment = float(ground_state_magnetic_moments[atomic_numbers[symbol]])
    system = _system(settings) | {
        "nspin": 2,
        "starting_magnetization(1)": 0.5 if moment else 0.0,
        # Left free, the spin gets lost on the way to self-consistency: K ended without.
        "tot_magnetization": moment,
        # An atom's levels are sharp: a smearing meant for a metal would mix its states.
        "smearing": "gaussian",
        "degauss": 0.002,
    }
    return Calculation(
        system=system,
        electrons=_electrons(settings)
        | {
            "mixing_beta": 0.3,
            # Where a K atom's density stays at 3e-8 Ry for 25 iterations, its energy is that of the
            # end to 0.3 meV long before.
            "conv_thr": max(settings["conv_thr"], 1e-6),
        },
        k_mesh=(1, 1, 1),
        pseudopotentials={symbol: pseudopotentials[symbol]},
    )


def isolated_atom(symbol: str, box: float) -> Atoms:
    """One atom in a cubic box (edge in A)."""
    return Atoms(symbol, cell=[box] * 3, pbc=True)


def _system(settings: Mapping) -> dict:
    return {
        "ecutwfc": settings["ecutwfc"],
        "ecutrho": settings["ecutrho"],
        "occupations": "smearing",
        "smearing": settings["smearing"],
        "degauss": settings["degauss"],
    }


def _electrons(settings: Mapping) -> dict:
    # With pw.x's own 2 instead of 4, empty bands stay loose and the density never settles: a cell
    # of four K atoms took 26 iterations instead of 11.
    return {"conv_thr": settings["conv_thr"], "diago_david_ndim": 4}


def too_close(atoms: Atoms, share: float) -> str | None:
    """Say which pair of atoms is closer than a share of the sum of its covalent radii.

    Returns
    -------
    str or None
        A sentence about the worst pair, None if all keep their distance.
    """
    limits = {number: share * covalent_radii[number] for number in set(atoms.numbers)}
    first, second, distances = neighbor_list(
        "ijd", atoms, {(a, b): limits[a] + limits[b] for a in limits for b in limits}
    )
    if not len(distances):
        return None
    worst = np.argmin(distances)
    pair = [atoms.numbers[first[worst]], atoms.numbers[second[worst]]]
    return (
        f"{distances[worst]:.2f} A between {atoms.symbols[first[worst]]} and "
        f"{atoms.symbols[second[worst]]}, less than {sum(limits[n] for n in pair):.2f} A"
    )


def run_pw(
    atoms: Atoms,
    calculation: Calculation,
    command: str,
    pseudopotential_folder: Path,
    time_limit: float,
    folder: Path,
) -> Outcome:
    """Label a structure with pw.x, in one try (see `smallcell.ladder` for more).

    Parameters
    ----------
    atoms : Atoms
    calculation : Calculation
    command : str
        How to start pw.x, e.g. ``pw.x`` or ``mpirun -np 2 pw.x -nk 2``.
    pseudopotential_folder : Path
        Where ``<element>.UPF`` are.
    time_limit : float
        Wall time after which pw.x is ended (s).
    folder : Path
        Scratch folder; pw.x's input, output and, if it is stopped by the time limit, density stay
        there.
    """
    used_before, began = _children_seconds(), time.monotonic()
    link = folder / PSEUDOPOTENTIALS
    if not link.is_symlink():
        folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(pseudopotential_folder.resolve())
    # In the foreground: a signal to the job's process group must reach pw.x too.
    limit = f"timeout --foreground --kill-after={PATIENCE} {time_limit:g}"
    # Killed alone, timeout could not tell pw.x.
    limited = f"{limit} setpriv --pdeathsig KILL {command}"
    espresso = Espresso(
        profile=EspressoProfile(shlex.join(tied(shlex.split(limited))), PSEUDOPOTENTIALS),
        directory=folder,
        input_data={
            "control": {
                "tprnfor": True,
                "tstress": True,
                "disk_io": "none",
                "outdir": SCRATCH,
                # Before its time is up, pw.x stops by itself and leaves its density.
                "max_seconds": 0.8 * time_limit,
            },
            "system": dict(calculation.system),
            "electrons": dict(calculation.electrons),
        },
        pseudopotentials={symbol: f"{symbol}.UPF" for symbol in calculation.pseudopotentials},
        # At Gamma alone the wave functions are real, which halves the work.
        kpts=None if calculation.k_mesh == (1, 1, 1) else calculation.k_mesh,
    )
    leave_launcher()
    status, reading = 0, ""
    try:
        espresso.calculate(atoms, ["energy", "forces", "stress"], [])
    except subprocess.CalledProcessError as error:
        status = error.returncode
        if time.monotonic() - began >= time_limit:
            status = TIMED_OUT
    except Exception as error:  # noqa: BLE001 - whatever ASE's parser stumbles over is judged below
        reading = str(error)
    core_seconds = _children_seconds() - used_before
    output = _read(folder / OUTPUT)
    fate, message = judge(output + _read(folder / ERRORS), status)
    if fate != Fate.LABELLED:
        # That the disk is full says nothing of the structure.
        need_room(folder)
        return Outcome(fate, message, None, core_seconds)
    try:
        labelled = _labelled(atoms, espresso.results, magnetic_moment(output))
    except ValueError as error:
        return Outcome(Fate.UNSOUND, reading or str(error), None, core_seconds)
    return Outcome(fate, message, labelled, core_seconds)


def judge(output: str, status: int) -> tuple[Fate, str]:
    """Tell the fate of a calculation from what pw.x printed and its exit status.

    Parameters
    ----------
    output : str
        What pw.x printed, its standard error included.
    status : int

    Returns
    -------
    fate : Fate
        LABELLED only if pw.x converged, came to its end, and printed numbers that can be trusted.
    message : str
    """
    complaint = _complaint(output)
    if (copies := output.count("Program PWSCF")) > 1:
        return Fate.CRASHED, (
            f"pw.x ran as {copies} copies that did not know of each other: the mpirun that started "
            "it is of another MPI than pw.x; put that of pw.x beside it, or first on the PATH"
        )
    if status == TIMED_OUT or "Maximum CPU time exceeded" in output:
        return Fate.TIMED_OUT, "pw.x ran into the time limit"
    if "convergence NOT achieved" in output:
        return Fate.NOT_CONVERGED, "the self-consistent field did not converge"
    if any(words in output for words in DIAGONALISATION):
        return Fate.DIAGONALISATION_FAILED, complaint
    if killed(status):
        return Fate.OUT_OF_MEMORY, "pw.x was killed, as happens where memory runs out"
    if any(words in output for words in OUT_OF_MEMORY):
        return Fate.OUT_OF_MEMORY, "pw.x could not allocate the memory that it needs"
    if status != 0 or "JOB DONE." not in output:
        return Fate.CRASHED, complaint or _end(output, status)
    if "convergence has been achieved" not in output:
        return Fate.NOT_CONVERGED, "pw.x reports no converged self-consistent field"
    if odd := oddity(output):
        return Fate.UNSOUND, odd
    if uncertain := unsettled_forces(output):
        return Fate.FORCES_UNSETTLED, uncertain
    return Fate.LABELLED, ""


def _end(output: str, status: int) -> str:
    return f"pw.x ended with status {status}" + ("" if "JOB DONE." in output else " in mid-run")


def _complaint(output: str) -> str:
    """Routine and reason between the rows of % that frame an error of pw.x."""
    parts = output.split("%" * 40)
    return " ".join(parts[1].replace("%", "").split()) if len(parts) > 2 else ""


def _labelled(atoms: Atoms, results: Mapping, moment: float | None) -> Atoms:
    """Copy of a structure with the label attached.

    Raises
    ------
    ValueError
        If a number is missing or not finite, or the forces are those of other atoms.
    """
    label = {name: results.get(name) for name in ("energy", "forces", "stress")}
    for name, value in label.items():
        if value is None or not np.all(np.isfinite(value)):
            raise ValueError(f"pw.x printed no finite {name}")
    if len(label["forces"]) != len(atoms):
        raise ValueError(
            f"pw.x printed forces on {len(label['forces'])} atoms, and there are {len(atoms)}"
        )
    labelled = atoms.copy()
    if moment is not None:
        label["magmom"] = moment
    labelled.calc = SinglePointCalculator(labelled, **label)
    return labelled


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
