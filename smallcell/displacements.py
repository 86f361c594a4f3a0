"""Forces in crystals whose atoms are displaced at random, as heat does it."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms

from smallcell.defects import CELL, compact_cell

DISPLACEMENTS = (0.02, 0.05, 0.08)
"""Standard deviations along each axis; shares of the cube root of the volume of an atom."""


def displaced_structures(element: Mapping, seed: int) -> list[Atoms]:
    """Cells of 16 atoms, one for each of `DISPLACEMENTS`.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    seed : int
    """
    rng = np.random.default_rng(seed)
    perfect = compact_cell(element, CELL)
    edge = np.cbrt(perfect.get_volume() / CELL)
    structures = []
    for share in DISPLACEMENTS:
        atoms = perfect.copy()
        atoms.positions += share * edge * rng.standard_normal(atoms.positions.shape)
        atoms.info = {}
        structures.append(atoms)
    return structures


def force_sizes(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Root mean square of the forces (meV/A) in each of `displaced_structures`."""
    return {
        (f"force at displacement {share:g}", "meV/A"): _size(atoms.get_forces())
        for share, atoms in zip(DISPLACEMENTS, structures, strict=True)
    }


def force_errors(structures: Sequence[Atoms], labelled: Sequence[Atoms]) -> dict:
    """Root mean square of the potential's force errors (meV/A) in each of the structures."""
    return {
        (f"force error at displacement {share:g}", "meV/A"): _size(
            atoms.get_forces() - truth.get_forces()
        )
        for share, atoms, truth in zip(DISPLACEMENTS, structures, labelled, strict=True)
    }


def _size(forces: np.ndarray) -> float:
    return float(1000 * np.sqrt(np.mean(forces**2)))
