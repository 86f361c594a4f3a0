"""MLIP-3 as the other engine: what its program ``mlp`` and its pair style in LAMMPS are told.

Files go both ways: structures as ``.cfg``, potentials as ``.mtp`` and ``.almtp`` with their active
set. What comes back is what the kernel of this repository gives in its place (`smallcell.learning`
has the choice), so that nothing after it asks who has computed it.

Builds of MLIP-3 for MPI, of one process too, put the number of the process behind the names of some
of the files that they write (``graded.cfg.0``).
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from smallcell.cfg import read_cfg, write_cfg
from smallcell.files import need_room
from smallcell.loss import CONVENTIONS, Weights
from smallcell.potential import Potential, potential_text, read_potential, write_potential
from smallcell.programs import answer, killed, tied, without_launcher

PROGRAM = "mlp"

LAMMPS = "lmp_mpi"
"""A LAMMPS that has MLIP-3's pair style, by the name that its interface gives it; ``lmp`` is the
one that has this repository's."""

BROKEN = "Breaking threshold exceeded"
"""What its pair style says where a grade ends a walk."""

SAVED = "preselected.cfg"

WEIGHT_SCALINGS = {
    name: (energy, force)
    for name, (energy, force, _) in CONVENTIONS.items()
    if energy in (0, 1, 2) and force in (0, 1, 2)
}
"""Powers of the number of atoms that ``mlp train`` can divide by, of energies and stresses and of
forces, by the convention of the weights."""

ACTIVE_LEARNING_MODES = {"configuration": "cfg", "neighbourhood": "nbh"}

STEP_LIMIT = "step limit reached"
"""What ``mlp train`` says where its iterations came to their limit."""

START, STRUCTURES, TRAINED = "start.mtp", "train.cfg", "trained.almtp"
KNOWN, CANDIDATES, SELECTED, GRADED = "known.almtp", "candidates.cfg", "selected.cfg", "graded.cfg"


def train_command(weights: Weights, iterations: int, grade_mode: str) -> list[str]:
    """Return the command that fits the potential in `START` to `STRUCTURES`, into `TRAINED`.

    No number is random: where the start has coefficients, ``mlp`` goes on from them, else from
    some of its own that are always the same.
    """
    by_energy, by_force = WEIGHT_SCALINGS[weights.convention]
    return [
        *(PROGRAM, "train", START, STRUCTURES),
        f"--save_to={TRAINED}",
        f"--energy_weight={weights.energy!r}",
        f"--force_weight={weights.force!r}",
        f"--stress_weight={weights.stress!r}",
        f"--weight_scaling={by_energy}",
        f"--weight_scaling_forces={by_force}",
        f"--iteration_limit={iterations}",
        "--init_random=false",
        f"--al_mode={ACTIVE_LEARNING_MODES[grade_mode]}",
    ]


def grade_command() -> list[str]:
    """Return the command that grades `CANDIDATES` by the active set of `KNOWN`, into `GRADED`."""
    return [PROGRAM, "calculate_grade", KNOWN, CANDIDATES, GRADED]


def select_command() -> list[str]:
    """Return the command that selects what extends `STRUCTURES` of `CANDIDATES`, into `SELECTED`.

    It is MaxVol from the active set of `KNOWN`, whose mode it takes too.
    """
    return [PROGRAM, "select_add", KNOWN, STRUCTURES, CANDIDATES, SELECTED]


def pair_style(file: str, save_above: float, stop_above: float) -> list[str]:
    """LAMMPS commands for MLIP-3's pair style, which saves frames and ends a run by their grade.

    It looks at the grade of each step. It stands alone, without a wall: in one of its modes it
    leaves ghost atoms without forces, from which ``hybrid/overlay`` would make a wrong pressure.
    """
    control = "extrapolation_control"
    return [
        f"pair_style mlip load_from={file} {control}=true "
        f"{control}:threshold_save={save_above:g} {control}:threshold_break={stop_above:g} "
        f"{control}:save_extrapolative_to={SAVED}",
        "pair_coeff * *",
    ]


def has_pair_style(program: str) -> bool:
    """Whether a LAMMPS counts MLIP-3's pair style among its own."""
    try:
        told = answer([program, "-help"], None, 60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "mlip" in told.stdout.split()


def saved_frames(folder: Path, species: Sequence[str]) -> list[Atoms]:
    """Read the frames that MLIP-3's pair style has saved in the folder of a walk.

    The last one may have been cut off when LAMMPS ended: it is left out.
    """
    for part in _parts(folder / SAVED):
        whole, end, _ = part.read_text().rpartition("END_CFG")
        part.write_text(f"{whole}{end}\n")
    return read_written(folder / SAVED, species)


def untrained_text(potential: Potential) -> str:
    """Return the text of a potential without coefficients: ``mlp train`` begins from scratch."""
    text = potential_text(potential)
    text = re.sub(r"^scaling = .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\tradial_coeffs\n(?:\t\t.*\n)+", "", text)
    return re.sub(r"^(?:species|moment)_coeffs = .*\n", "", text, flags=re.MULTILINE)


def run(command: Sequence[str], folder: Path, result: str) -> str:
    """Run ``mlp`` in a folder and return what it printed, which goes to the log as well.

    Parameters
    ----------
    command : sequence of str
    folder : Path
    result : str
        A file that it leaves behind.

    Raises
    ------
    RuntimeError
        If it fails or leaves no result, or somebody has killed it.
    """
    ended = subprocess.run(
        tied(command),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=without_launcher(os.environ),
    )
    print(ended.stdout, file=sys.stderr, flush=True)
    if killed(ended.returncode):
        raise RuntimeError(f"{' '.join(command[:2])} was killed; start it once more")
    need_room(folder)
    if ended.returncode or not _parts(folder / result):
        last = " / ".join(ended.stdout.strip().splitlines()[-3:])
        raise RuntimeError(f"{' '.join(command)} ended with status {ended.returncode}: {last}")
    return ended.stdout


def read_written(path: Path, species: Sequence[str]) -> list[Atoms]:
    """Read the structures that MLIP-3 has written to a file, or to one for each process.

    Returns
    -------
    list of Atoms
        None where it has written no file.
    """
    return [atoms for part in _parts(path) for atoms in read_cfg(part, species)]


def _parts(path: Path) -> list[Path]:
    """Files that MLIP-3 has written under a name, in the order of the processes."""
    pattern = re.compile(re.escape(path.name) + r"(?:[._](\d+))?")
    found = filter(None, map(pattern.fullmatch, os.listdir(path.parent)))
    return [path.with_name(name[0]) for name in sorted(found, key=lambda name: int(name[1] or 0))]


@dataclass(frozen=True)
class Trained:
    """What ``mlp train`` came to.

    Attributes
    ----------
    potential : Potential
        With its active set.
    iterations : int
    converged : bool
        Whether it ended before its limit of iterations.
    """

    potential: Potential
    iterations: int
    converged: bool


def train(
    structures: Sequence[Atoms],
    start: str,
    species: Sequence[str],
    weights: Weights,
    iterations: int,
    grade_mode: str,
) -> Trained:
    """Fit a potential by ``mlp train``.

    Parameters
    ----------
    structures : sequence of Atoms
        With energy, forces and stress.
    start : str
        Text of the potential to go on from (`smallcell.potential.potential_text`), or of one
        without coefficients (`untrained_text`).
    species : sequence of str
        In the order of its types.
    weights : Weights
        Of a convention in `WEIGHT_SCALINGS`.
    iterations : int
        At most.
    grade_mode : {"configuration", "neighbourhood"}
        Of the active set.

    Raises
    ------
    RuntimeError
        If ``mlp`` fails.
    """
    with _folder() as folder:
        (folder / START).write_text(start)
        write_cfg(folder / STRUCTURES, map(_without_info, structures), species)
        said = run(train_command(weights, iterations, grade_mode), folder, TRAINED)
        potential = read_potential(folder / TRAINED, tuple(species))
    return Trained(potential, *progress(said))


def progress(said: str) -> tuple[int, bool]:
    """Tell from what ``mlp train`` printed how many iterations it did, and if it converged.

    From scratch it trains twice, the first time for 75 iterations at most: the last time counts.
    """
    last = said.rpartition("training started")[2]
    steps = re.findall(r"BFGS iter (\d+)", last)
    return (int(steps[-1]) + 1 if steps else 0), STEP_LIMIT not in last


def grades(potential: Potential, structures: Sequence[Atoms]) -> np.ndarray:
    """Return the extrapolation grades of structures by ``mlp calculate_grade``.

    It prints six decimals.

    Returns
    -------
    ndarray, shape (n_structures,)

    Raises
    ------
    RuntimeError
        If ``mlp`` fails or leaves out a structure.
    """
    if not structures:
        return np.empty(0)
    with _folder() as folder:
        write_potential(folder / KNOWN, potential)
        write_cfg(folder / CANDIDATES, _numbered(structures), potential.species)
        run(grade_command(), folder, GRADED)
        graded = read_written(folder / GRADED, potential.species)
    found = {atoms.info["candidate"]: atoms.info["MV_grade"] for atoms in graded}
    if missing := set(range(len(structures))) - set(found):
        raise RuntimeError(f"mlp calculate_grade has left out structure {min(missing)}")
    return np.array([found[number] for number in range(len(structures))], dtype=float)


def select(
    potential: Potential,
    training: Sequence[Atoms],
    candidates: Sequence[Atoms],
    at_most: int,
) -> np.ndarray:
    """Choose the structures that extend a training set, by ``mlp select_add``.

    Its own threshold counts: it takes what has a grade above 1.001 in its turn. Of more structures
    than allowed those of the highest grades, by ``mlp calculate_grade``, are kept.

    Parameters
    ----------
    potential : Potential
        With the active set of the training set.
    training, candidates : sequence of Atoms
    at_most : int

    Returns
    -------
    ndarray of int
        Candidates, ascending.

    Raises
    ------
    RuntimeError
        If ``mlp`` fails.
    """
    if not candidates:
        return np.empty(0, dtype=int)
    with _folder() as folder:
        write_potential(folder / KNOWN, potential)
        write_cfg(folder / STRUCTURES, map(_without_info, training), potential.species)
        write_cfg(folder / CANDIDATES, _numbered(candidates), potential.species)
        run(select_command(), folder, SELECTED)
        selected = read_written(folder / SELECTED, potential.species)
    chosen = np.array(sorted(atoms.info["candidate"] for atoms in selected), dtype=int)
    if len(chosen) > at_most:
        known = grades(potential, [candidates[number] for number in chosen])
        chosen = np.sort(chosen[np.argsort(-known, kind="stable")[:at_most]])
    return chosen


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlp-") as name:
        yield Path(name)


def _without_info(atoms: Atoms) -> Atoms:
    """Copy a structure and its labels, but not what else is known of it."""
    copy = atoms.copy()
    copy.calc = atoms.calc
    copy.info = {}
    return copy


def _numbered(structures: Sequence[Atoms]) -> list[Atoms]:
    """Copy structures, with a feature that tells which they are when they come back."""
    copies = [atoms.copy() for atoms in structures]
    for number, atoms in enumerate(copies):
        atoms.info = {"candidate": number}
    return copies
