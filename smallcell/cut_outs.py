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
    orientations, so that it is as dense as its surroundings, but no more than are allowed.

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
    volume = frame.get_volume() / len(frame)
    farthest = _edge(at_most * volume) / np.sqrt(2)
    height = (1 / frame.cell.reciprocal().lengths()).min()
    if height < 2 * farthest:
        raise ValueError(
            f"a cut-out of {at_most} atoms is {2 * farthest:.1f} A wide, and the cell of "
            f"{len(frame)} atoms that it is to be cut from only {height:.1f} A"
        )
    first, second, vectors = neighbor_list("ijD", frame, farthest)
    numbers = np.concatenate([frame.numbers[[centre]], frame.numbers[second[first == centre]]])
    vectors = np.vstack([np.zeros(3), vectors[first == centre]])
    turns = Rotation.random(ORIENTATIONS, rng=rng).as_matrix()
    across = ACROSS @ turns
    heights = (vectors @ across.transpose(0, 2, 1)).max(axis=2)
    # Where atoms are close together none of the cells may have as few as allowed.
    edges = (_edge(share * volume) for share in range(at_most, 0, -1))
    edge = next(e for e in edges if (np.sum(heights < e / 2, axis=1) <= at_most).any())
    inside = heights < edge / 2
    counts = inside.sum(axis=1)
    allowed = np.unique(counts[counts <= at_most])
    usual = allowed[np.argmin(np.abs(allowed - counts.mean()))]
    places = np.flatnonzero(counts == usual)
    best = max(places, key=lambda place: _shortest(vectors[inside[place]], edge * across[place]))
    return CutOut(
        Atoms(
            numbers[inside[best]],
            vectors[inside[best]],
            cell=edge * LATTICE @ turns[best],
            pbc=True,
        ),
        reach=edge / 2,
    )


def _edge(volume: float) -> float:
    """Length of the shortest lattice vectors of a cell of this volume."""
    return float(np.cbrt(np.sqrt(2) * volume))


def _shortest(positions: np.ndarray, across: np.ndarray) -> float:
    """Shortest distance between atoms of a cell and those behind its faces (A)."""
    vectors = positions[:, None, None] - positions[:, None] + across
    return float(np.linalg.norm(vectors, axis=-1).min())


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
