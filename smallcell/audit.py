"""The audit of small-cell training: a large cell through solid, melt and liquid.

A crystal of a thousand atoms or more is heated until it is liquid and cooled again. Each atom is
graded: with an active set of neighbourhoods that is what a grade is; with one of configurations,
whose grade is one of the mean over all atoms and does not show regions that are not known, as if
it were a configuration by itself. The atoms that extrapolate the most are cut out
(`smallcell.cut_outs`) and labelled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product, takewhile
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.units import GPa

from smallcell.cells import crystal
from smallcell.cut_outs import cut_out, relieved
from smallcell.engine import Engine
from smallcell.errors import differences
from smallcell.fitting import shortest_distance
from smallcell.potential import Potential
from smallcell.sampling import unwrapped_frames
from smallcell.selection import active_set, grades
from smallcell.training import labelled_batch
from smallcell.validation import LargeCellRun, Ramp
from smallcell.wall import Wall

CRYSTALLINE = 0.1
"""Order (see `crystal_order`) below which the crystal is gone: it is 0.2 and more in one that is
about to melt, and the inverse number of atoms in a liquid."""

EXTINCT = 0.01
"""Structure factor of a perfect crystal, divided by the number of atoms, that counts as none."""

CANDIDATES = 10
"""Atoms of each frame that may be cut out, those of the highest grades."""

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
"""By which the distribution of grades is told."""


def audit_ramps(temperature: Sequence[float], duration: float) -> list[Ramp]:
    """Heating from the lowest to the highest temperature (K), and back, each as long (ps)."""
    low, high = temperature
    return [Ramp(low, high, duration), Ramp(high, low, duration)]


def read_audit_frames(path: Path, species: Sequence[str], records: pd.DataFrame) -> list[Atoms]:
    """Read the frames of a run that has recorded their steps (`validation.run_large_cell`).

    Returns
    -------
    list of Atoms
        Of `sampling.unwrapped_frames`. The first that was not recorded ends them.
    """
    recorded = set(records["step"])
    frames = unwrapped_frames(path, species)
    return list(takewhile(lambda frame: frame.info["step"] in recorded, frames))


def crystal_order(frames: Sequence[Atoms], lattice: str, repeats: int) -> np.ndarray:
    """How much of the first frame's crystal is left in each: 1 for all, almost nothing in a liquid.

    It is the structure factor at the shortest vectors of the crystal's reciprocal lattice, in the
    mean, as a share of the first frame's.

    Parameters
    ----------
    frames : sequence of Atoms
        The first is a block of conventional cells, perfect; the others came from it.
    lattice : {"sc", "bcc", "fcc", "hcp", "diamond"}
    repeats : int
        Conventional cells along an edge.

    Returns
    -------
    ndarray, shape (n_frames,)
    """
    element = {"symbol": "X", "lattice": lattice, "lattice_constant": 1.0}
    primitive, conventional = (
        crystal(element, unit, (1, 1, 1)).cell for unit in ("primitive", "conventional")
    )
    points = np.array([point for point in product((-1, 0, 1), repeat=3) if any(point)])
    vectors = points @ primitive.reciprocal().array
    of_block = repeats * vectors @ conventional.array.T
    # Some vectors belong to the lattice, but not to the crystal, which may have several atoms each.
    lengths = np.linalg.norm(vectors, axis=1)
    lengths[_structure_factors(frames[0], of_block) < EXTINCT] = np.inf
    shortest = of_block[np.isclose(lengths, lengths.min())]
    found = np.array([_structure_factors(frame, shortest).mean() for frame in frames])
    return found / found[0]


def _structure_factors(frame: Atoms, vectors: np.ndarray) -> np.ndarray:
    """Structure factors divided by the number of atoms, at vectors in terms of the cell's own."""
    phases = 2j * np.pi * frame.cell.scaled_positions(frame.positions) @ vectors.T
    return np.abs(np.exp(phases).mean(axis=0)) ** 2


def displacements(frames: Sequence[Atoms]) -> np.ndarray:
    """Root mean square distance that atoms have gone since the first frame (A)."""
    begin = frames[0].cell.scaled_positions(frames[0].positions)
    moved = [
        (frame.cell.scaled_positions(frame.positions) - begin) @ frame.cell.array
        for frame in frames
    ]
    return np.array([np.sqrt(np.mean(np.sum(one**2, axis=1))) for one in moved])


@dataclass(frozen=True)
class Extrapolation:
    """Grades of all atoms of a run, and the atoms among which to look for cut-outs.

    Attributes
    ----------
    grades : ndarray, shape (n_frames, n_atoms)
    candidates : ndarray of int, shape (n_candidates, 2)
        Frame and atom.
    rows : ndarray, shape (n_candidates, n_parameters)
        Derivatives of the candidates' energies.
    """

    grades: np.ndarray
    candidates: np.ndarray
    rows: np.ndarray


def extrapolation(potential: Potential, frames: Sequence[Atoms]) -> Extrapolation:
    """Grade each atom of each frame by itself, against the potential's active set."""
    found, candidates, rows = [], [], []
    for number, frame in enumerate(frames):
        (by_atom,) = Engine(potential, [frame]).rows_by_atom(potential)
        found.append(grades(by_atom, potential.active_set))
        highest = np.argsort(-found[-1], kind="stable")[:CANDIDATES]
        candidates += [(number, atom) for atom in highest]
        rows.append(by_atom[highest])
    return Extrapolation(np.array(found), np.array(candidates), np.vstack(rows))


def most_extrapolating(rows: np.ndarray, known: np.ndarray, number: int) -> list[int]:
    """Choose rows of the highest grades, each against an active set that knows those before it.

    So they are not all of one kind. Unlike `selection.select` it chooses as many as are asked for,
    however low their grades.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
    known : ndarray, shape (n_parameters, n_parameters)
        The active set.
    number : int
    """
    chosen: list[int] = []
    for _ in range(min(number, len(rows))):
        found = grades(rows, known)
        found[chosen] = -1
        chosen.append(int(np.argmax(found)))
        known = active_set(np.vstack([known, rows[chosen[-1]]]))
    return chosen


def run_table(
    records: pd.DataFrame,
    frames: Sequence[Atoms],
    of_atoms: np.ndarray,
    order: np.ndarray,
    timestep: float,
) -> pd.DataFrame:
    """Table of a run, a row for each frame: conditions, state and grades.

    Parameters
    ----------
    records : DataFrame
        Of `validation.run_large_cell`.
    frames : sequence of Atoms
    of_atoms : ndarray, shape (n_frames, n_atoms)
        Grades.
    order : ndarray, shape (n_frames,)
    timestep : float
        ps.
    """
    steps = [frame.info["step"] for frame in frames]
    table = records.set_index("step").reindex(steps).rename_axis("step").reset_index()
    table.insert(1, "time ps", table["step"] * timestep)
    table["order"] = order
    table["state"] = np.where(order > CRYSTALLINE, "crystal", "disordered")
    table["displacement A"] = displacements(frames)
    for quantile in QUANTILES:
        table[_quantile_name(quantile)] = np.quantile(of_atoms, quantile, axis=1)
    return table


def _quantile_name(quantile: float) -> str:
    return "highest grade of atoms" if quantile == 1 else f"grade of atoms, {100 * quantile:g} %"


def run_report(outcome: LargeCellRun, table: pd.DataFrame, of_atoms: np.ndarray) -> dict:
    """Tell what a run came to.

    Returns
    -------
    dict
        ``survived``, ``message``, ``atoms``; ``melted``: temperature (K) at which the crystal was
        gone for good, None if it never was; ``displacement`` (A) at the end; ``highest_grade`` of
        configurations; ``grades`` of atoms: quantiles for each state.
    """
    crystalline = (table["state"] == "crystal").to_numpy()
    melted = None
    if not crystalline[-1]:
        gone = len(crystalline) - int(np.argmax(crystalline[::-1])) if crystalline.any() else 0
        melted = float(table["temperature K"][gone])
    return {
        "survived": outcome.survived,
        "message": outcome.message,
        "atoms": outcome.atoms,
        "melted": melted,
        "displacement": float(table["displacement A"].iloc[-1]),
        "highest_grade": float(table["grade"].max()),
        "grades": {
            state: {
                f"{quantile:g}": float(np.quantile(of_atoms[chosen], quantile))
                for quantile in QUANTILES
            }
            for state, chosen in (("crystal", crystalline), ("disordered", ~crystalline))
            if chosen.any()
        },
    }


def small_cell_of(
    frame: Atoms,
    potential: Potential,
    file: Path,
    barrier: Wall,
    at_most: int,
    rng: np.random.Generator,
) -> Atoms:
    """Cut a frame's atom ``info["centre"]`` out and relieve it.

    Of two atoms that come too close across a face at least one is farther from the middle than
    the core, which ends half the frame's shortest distance before the face.

    Returns
    -------
    Atoms
        ``info`` as in the frame, and ``core`` (A), ``kept_grade``: the centre's grade, here.
    """
    cut = cut_out(frame, frame.info["centre"], at_most, rng)
    ((_, forces, _),) = Engine(potential, [frame]).values(potential)
    core = cut.reach - shortest_distance(frame) / 2
    bound = np.linalg.norm(forces, axis=1).max()
    atoms = relieved(cut.atoms, core, bound, file, potential.species, barrier)
    (by_atom,) = Engine(potential, [atoms]).rows_by_atom(potential)
    kept = grades(by_atom[:1], potential.active_set)[0]
    atoms.info = frame.info | {"core": core, "kept_grade": float(kept)}
    return atoms


def audit_table(
    potential: Potential,
    structures: Sequence[Atoms],
    reports: Sequence[Mapping],
    store: Path,
    references: Sequence[Mapping],
) -> pd.DataFrame:
    """Compare the potential with the labels of cut-outs.

    Each has a row; one that has no label has a fate, but no errors.

    Parameters
    ----------
    potential : Potential
    structures : sequence of Atoms
        Of `small_cell_of`.
    reports : sequence of Mapping
        Of their label jobs.
    store : Path
    references : sequence of Mapping
        ``element`` and ``energy`` (eV) of each isolated atom.
    """
    rows = []
    for atoms, report in zip(structures, reports, strict=True):
        row = {
            "cut-out": report["structure"],
            "step": atoms.info["step"],
            "temperature K": atoms.info["temperature"],
            "grade": atoms.info["grade"],
            "grade in the cut-out": atoms.info["kept_grade"],
            "core A": atoms.info["core"],
            "atoms": len(atoms),
            "fate": report["fate"],
        }
        for labelled in labelled_batch([report], store, references):
            ((energy, force, stress),) = differences(potential, [labelled])
            row |= {
                "energy error meV/atom": 1000 * energy[0],
                "force error meV/A": 1000 * np.sqrt(np.mean(force**2)),
                "largest force error meV/A": 1000 * np.abs(force).max(),
                "force meV/A": 1000 * np.sqrt(np.mean(labelled.get_forces() ** 2)),
                "stress error GPa": np.sqrt(np.mean(stress**2)) / GPa,
            }
        rows.append(row | {"core_seconds": report["label_core_seconds"], "key": report["key"]})
    return pd.DataFrame(rows)
