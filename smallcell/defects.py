"""What it costs to take an atom out of a crystal, or to cut the crystal open.

With atoms in the places that they have in the crystal, energies can be compared with pw.x's on one
and the same structure. Relaxed, they are what experiment knows.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import ceil

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from ase.calculators.calculator import Calculator
from ase.units import J, m

from smallcell.cells import cells, crystal
from smallcell.relaxation import relax
from smallcell.validation import large_crystal

CELL = 16
"""Atoms of the crystal from which one is taken."""

LARGE = 120
"""Atoms, at least, of the crystal around a vacancy that is relaxed."""

THICKNESS = 15.0
"""Of a slab, at least (A)."""

VACUUM = 12.0
"""Between slabs (A)."""

FORCE = 0.005
"""On an atom, at most, where it is relaxed (eV/A)."""


def compact_cell(element: Mapping, atoms: int) -> Atoms:
    """Supercell of a crystal in which an atom is farthest from its images.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    atoms : int
        A multiple of those in a primitive cell.
    """
    return max(
        cells(element, [element["lattice"]], (atoms, atoms)),
        key=lambda cell: cell.cell.lengths().min().round(6),
    )


def vacancy_structures(element: Mapping) -> list[Atoms]:
    """Compact cell of the crystal, and the same without an atom.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    """
    perfect = compact_cell(element, CELL)
    perfect.info = {}
    return [perfect, perfect[1:]]


def vacancy_energy(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Find the formation energy (eV) by `vacancy_structures`, by quantity and unit."""
    return {(f"vacancy, unrelaxed, {CELL} sites", "eV"): _formation_energy(*structures)}


def _formation_energy(perfect: Atoms, vacancy: Atoms) -> float:
    share = len(vacancy) / len(perfect)
    return float(vacancy.get_potential_energy() - share * perfect.get_potential_energy())


def relaxed_vacancy(element: Mapping, calculator: Calculator) -> dict:
    """Find the formation energy (eV) of a vacancy, with a larger crystal relaxed around it."""
    perfect, _ = large_crystal([element], LARGE, np.random.default_rng(0))
    vacancy = perfect[1:]
    perfect.calc = calculator
    known = perfect.get_potential_energy() * len(vacancy) / len(perfect)
    return {("vacancy, relaxed", "eV"): _relaxed_energy(vacancy, calculator) - known}


def _relaxed_energy(atoms: Atoms, calculator: Calculator) -> float:
    """Energy (eV) of a structure with its atoms relaxed, not a number if they do not settle."""
    settled = relax(atoms, calculator, FORCE)
    return float(atoms.get_potential_energy()) if settled else np.nan


def facets(lattice: str) -> tuple[tuple[int, int, int], ...]:
    """Name the surfaces that are looked at, by the Cartesian components of their normals."""
    return ((0, 0, 1),) if lattice == "hcp" else ((1, 0, 0), (1, 1, 0), (1, 1, 1))


def surface_structures(element: Mapping) -> list[Atoms]:
    """For each facet a block of the crystal and a slab of the same, with vacuum between its images.

    Block and slab have the same vectors in the plane of the surface, and k-points with them.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    """
    structures = []
    for normal in facets(element["lattice"]):
        layer = oriented(crystal(element, "primitive", (1, 1, 1)), np.array(normal))
        block = layer * (1, 1, ceil(THICKNESS / _height(layer)))
        slab = block.copy()
        across = np.cross(*slab.cell.array[:2])
        slab.cell[2] += VACUUM * across / np.linalg.norm(across)
        structures += [block, slab]
    return structures


def oriented(primitive: Atoms, normal: np.ndarray) -> Atoms:
    """Turn to a primitive cell with two vectors in a plane, the shortest that there are.

    Parameters
    ----------
    primitive : Atoms
    normal : ndarray, shape (3,)
        Of the plane, one that has lattice points.
    """
    steps = np.array([step for step in product(range(-3, 4), repeat=3) if any(step)])
    vectors = steps @ primitive.cell.array
    lengths = np.linalg.norm(vectors, axis=1).round(6)
    heights = (vectors @ normal / np.linalg.norm(normal)).round(6)
    by_length = np.lexsort((*steps.T, lengths))
    in_plane = [step for step in by_length if heights[step] == 0]
    one, two = next(
        pair
        for pair in combinations(in_plane, 2)
        if np.linalg.norm(np.cross(*vectors[list(pair)])) > 1e-6
    )
    lowest = heights[heights > 0].min()
    three = next(step for step in by_length if heights[step] == lowest)
    basis = steps[[one, two, three]]
    if np.linalg.det(basis) < 0:
        basis = steps[[two, one, three]]
    return make_supercell(primitive, basis)


def _height(atoms: Atoms) -> float:
    return atoms.get_volume() / _area(atoms)


def _area(atoms: Atoms) -> float:
    return float(np.linalg.norm(np.cross(*atoms.cell.array[:2])))


def surface_energies(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Energies of the surfaces of `surface_structures` (mJ/m^2), by quantity and unit."""
    energies = [atoms.get_potential_energy() for atoms in structures]
    return {
        (f"{_name(normal)}, unrelaxed", "mJ/m^2"): _surface_energy(slab, slab_energy - block_energy)
        for normal, slab, block_energy, slab_energy in zip(
            facets(element["lattice"]),
            structures[1::2],
            energies[::2],
            energies[1::2],
            strict=True,
        )
    }


def relaxed_surfaces(element: Mapping, calculator: Calculator) -> dict:
    """Energies of relaxed surfaces (mJ/m^2)."""
    structures = surface_structures(element)
    values = {}
    for normal, block, slab in zip(
        facets(element["lattice"]), structures[::2], structures[1::2], strict=True
    ):
        block.calc = calculator
        excess = _relaxed_energy(slab, calculator) - block.get_potential_energy()
        values[f"{_name(normal)}, relaxed", "mJ/m^2"] = _surface_energy(slab, excess)
    return values


def _surface_energy(slab: Atoms, excess: float) -> float:
    """Half of a slab's excess energy (eV) by its area."""
    return float(excess / (2 * _area(slab)) / (1e-3 * J / m**2))


def _name(normal: Sequence[int]) -> str:
    return f"surface ({''.join(map(str, normal))})"
