"""A wall below the shortest distance of the training set, so that atoms never fuse.

What a potential makes of distances that no label has is extrapolation, and may be a well without
a bottom. The wall is a repulsion of pairs that begins below all distances in the training set ::

    U(r) = strength / r^12 * s((r - inner) / (outer - inner)),  s(x) = (1 - x)^3 (1 + 3 x + 6 x^2)

with s = 1 below ``inner``. It vanishes from ``outer`` on together with its first and second
derivatives (the taper of J. Mei, J. W. Davenport and G. W. Fernando, Phys. Rev. B 43, 4653 (1991),
LAMMPS's ``lennard/mdf``), so that nothing changes where there are data. It is no part of the
potential's file: LAMMPS lays it over the potential.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from smallcell.engine import Engine
from smallcell.errors import groups
from smallcell.potential import Potential

EXPONENT = 12

TAPER = 0.1
"""Width of the taper, as a share of the outer distance."""

LEAST = 1.0
"""Height at the inner distance that a wall has at least (eV)."""

HEIGHT = 20.0
"""Energy that two atoms must not have to get over the wall (eV): 20 kT at 12 000 K."""

MARGIN = 2.0
"""The wall is so many times as strong as the structures that are looked at would have it."""

NEAREST = 0.25
"""Distance, as a share of the outer one, up to which atoms are brought together to find the
strength."""

STEPS = 60
"""Distances at which their energy is looked at."""

STRUCTURES = 20
"""Structures in which it is done."""


@dataclass(frozen=True)
class Wall:
    """The repulsion.

    Attributes
    ----------
    strength : float
        eV A^12.
    inner, outer : float
        Ends of the taper (A).
    """

    strength: float
    inner: float
    outer: float

    def energy(self, distances: np.ndarray) -> np.ndarray:
        """Energy of pairs at these distances (eV)."""
        x = np.clip((distances - self.inner) / (self.outer - self.inner), 0, 1)
        taper = (1 - x) ** 3 * (1 + 3 * x + 6 * x**2)
        return self.strength / distances**EXPONENT * taper


def wall(potential: Potential, structures: Sequence[Atoms]) -> Wall:
    """Build the wall of a potential, strong enough that no two atoms get through it.

    In some structures an atom is moved towards its nearest neighbour, from the inner distance on.
    The energy shall rise with every step until it is up by `HEIGHT`; what comes behind does not
    matter. The least strength that does it in all of them is taken, times `MARGIN`.

    Parameters
    ----------
    potential : Potential
        Its radial basis begins where the wall does.
    structures : sequence of Atoms
        Its training set.
    """
    outer = potential.closest
    unit = Wall(1.0, (1 - TAPER) * outer, outer)
    distances = np.geomspace(unit.inner, NEAREST * outer, STEPS)
    chosen = [structures[place] for place in groups(structures, 1)[0][:STRUCTURES]]
    energies = np.array([_energies(potential, approach(atoms, distances)) for atoms in chosen])
    heights = unit.energy(distances)
    rising = np.maximum.accumulate(-np.diff(energies, axis=1) / np.diff(heights), axis=1)
    high = (HEIGHT - energies[:, 1:] + energies[:, :1]) / (heights[1:] - heights[0])
    needed = MARGIN * np.maximum(rising, high).min(axis=1).max()
    return Wall(float(max(needed, LEAST / heights[0])), unit.inner, unit.outer)


def approach(atoms: Atoms, distances: Sequence[float]) -> list[Atoms]:
    """Bring an atom of a crystal as close as this to its nearest neighbour; nothing else moves."""
    # Of a cell of one atom all images would move with it.
    crystal = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc) * (2, 2, 2)
    reach = 1.5 * crystal.cell.volume ** (1 / 3)
    first, _, found, vectors = neighbor_list("ijdD", crystal, reach)
    closest = np.argmin(found)
    moved = []
    for distance in distances:
        one = crystal.copy()
        one.positions[first[closest]] += vectors[closest] * (1 - distance / found[closest])
        moved.append(one)
    return moved


def lammps_lines(style: str, file: str, n_species: int, barrier: Wall) -> list[str]:
    """LAMMPS commands for a potential with its wall.

    Parameters
    ----------
    style : {"mtp", "mtp/extrapolation"}
    file : str
        The potential's, as LAMMPS is to find it.
    n_species : int
    barrier : Wall
    """
    types = " ".join(map(str, range(n_species)))
    return [
        f"pair_style hybrid/overlay {style} lennard/mdf {barrier.inner:.10g} {barrier.outer:.10g}",
        f"pair_coeff * * {style} {file} {types}",
        f"pair_coeff * * lennard/mdf {barrier.strength:.10g} 0",
    ]


def _energies(potential: Potential, structures: Sequence[Atoms]) -> list[float]:
    values = Engine(potential, structures).values(potential)
    return [float(energies.sum()) for energies, _, _ in values]
