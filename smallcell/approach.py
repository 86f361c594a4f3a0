"""How strong a wall has to be: in crystals of the training set two atoms are brought together."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from smallcell.engine import Engine
from smallcell.errors import groups
from smallcell.potential import Potential
from smallcell.wall import Wall

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


def _energies(potential: Potential, structures: Sequence[Atoms]) -> list[float]:
    values = Engine(potential, structures).values(potential)
    return [float(energies.sum()) for energies, _, _ in values]
