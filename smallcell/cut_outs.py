"""Small periodic cells cut out of a large one around an atom, so that its environment is labelled.

The cell is a rhombic dodecahedron: of the cells that fill space by translation it reaches farthest
for its volume, a cell of 16 atoms as far as a cube of 23. Of many orientations the one is taken in
which atoms on both sides of its faces get along best. Then atoms outside of a core give way, with
the potential, until no force is larger than in the frame; those of the core stay where they were.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.spatial.transform import Rotation

from smallcell.sampling import (
    complaint,
    provide,
    read_frames,
    run_lammps,
    system,
    write_start,
)
from smallcell.wall import Wall

ORIENTATIONS = 2000
"""Orientations of the cell that are compared."""

LATTICE = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / np.sqrt(2)
"""Lattice vectors, of length 1, whose Wigner-Seitz cell is the rhombic dodecahedron."""

ACROSS = np.array(list(product((-1, 0, 1), repeat=3))) @ LATTICE
ACROSS = ACROSS[np.isclose(np.linalg.norm(ACROSS, axis=1), 1)]
"""The twelve shortest lattice vectors, each through a face."""

MOST_STEPS = 1000
"""Steps in which atoms outside of the core give way."""


@dataclass(frozen=True)
class CutOut:
    """A small periodic cell around an atom of a large one.

    Attributes
    ----------
    atoms : Atoms
        Its first is the one in the middle.
    reach : float
        Distance from the middle to the faces (A).
    """

    atoms: Atoms
    reach: float


def cut_out(frame: Atoms, centre: int, at_most: int, rng: np.random.Generator) -> CutOut:
    """Cut a cell around an atom, of the volume that so many atoms have in the mean.

    It has the number of atoms that such cells around this atom have in the mean over their
    orientations, which is that of its surroundings, but no more than are allowed.

    Parameters
    ----------
    frame : Atoms
        Periodic.
    centre : int
        The atom in the middle.
    at_most : int
        Number of atoms.
    rng : Generator
        Of the orientations that are tried.

    Raises
    ------
    ValueError
        If the frame is not large enough to be cut.
    """
    edge = (np.sqrt(2) * at_most * frame.get_volume() / len(frame)) ** (1 / 3)
    farthest = edge / np.sqrt(2)
    height = (1 / frame.cell.reciprocal().lengths()).min()
    if height < 2 * farthest:
        raise ValueError(
            f"a cut-out of {at_most} atoms is {2 * farthest:.1f} A wide, and the cell of "
            f"{len(frame)} atoms that it is to be cut from only {height:.1f} A"
        )
    first, second, vectors = neighbor_list("ijD", frame, farthest)
    near = np.concatenate([[centre], second[first == centre]])
    vectors = np.vstack([np.zeros(3), vectors[first == centre]])
    turns = Rotation.random(ORIENTATIONS, rng=rng).as_matrix()
    inside = [(vectors @ (ACROSS @ turn).T < edge / 2).all(axis=1) for turn in turns]
    counts = np.array([one.sum() for one in inside])
    fitting = counts[counts <= at_most]
    number = fitting[np.argmin(np.abs(fitting - counts.mean()))]
    best, shortest = None, 0.0
    for turn, one in zip(turns[counts == number], np.array(inside)[counts == number], strict=True):
        across = vectors[one][:, None, None] - vectors[one][:, None] + edge * ACROSS @ turn
        distance = np.linalg.norm(across, axis=-1).min()
        if distance > shortest:
            best, shortest = (turn, one), distance
    turn, one = best
    atoms = Atoms(frame.numbers[near[one]], vectors[one], cell=edge * LATTICE @ turn, pbc=True)
    return CutOut(atoms, edge / 2)


def relieved(
    atoms: Atoms,
    core: float,
    force: float,
    potential: Path,
    species: Sequence[str],
    barrier: Wall,
) -> Atoms:
    """Let atoms outside of a core give way until no force on them is larger than a bound.

    Parameters
    ----------
    atoms : Atoms
        The middle of the core at the origin.
    core : float
        Radius within which atoms do not move (A).
    force : float
        The bound (eV/A).
    potential : Path
        An .almtp file.
    species : sequence of str
        In the order of its types.
    barrier : Wall

    Raises
    ------
    RuntimeError
        If LAMMPS gives up.
    """
    fixed = 1 + np.flatnonzero(np.linalg.norm(atoms.positions, axis=1) < core)
    with tempfile.TemporaryDirectory(prefix="cut-out-") as name:
        folder = Path(name)
        provide(folder, potential)
        write_start(folder / "start.data", atoms, species)
        lines = [
            *system(species, barrier),
            f"group core id {' '.join(map(str, fixed))}",
            "fix core core setforce 0 0 0",
            "min_modify norm max",
            f"minimize 0 {force:g} {MOST_STEPS} {10 * MOST_STEPS}",
            "write_dump all custom relieved.dump id type x y z modify sort id format float %.17g",
        ]
        (folder / "in.relieve").write_text("\n".join(lines) + "\n")
        status, log = run_lammps(folder, "in.relieve")
        if status != 0:
            raise RuntimeError(f"a cut-out could not be relaxed: {complaint(status, log)}")
        (found,) = read_frames(folder / "relieved.dump", species)
    return found
