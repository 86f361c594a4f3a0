"""How strong a wall has to be: in crystals of the training set two atoms are brought together."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from smallcell.engine import Engine
from smallcell.errors import groups
from smallcell.fitting import CLOSEST_MARGIN
from smallcell.potential import Potential
from smallcell.wall import PairWall, Wall

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

APART = 1.02
"""A pair of elements that stays apart by so many times the closest distance has its own wall."""


def wall(potential: Potential, structures: Sequence[Atoms]) -> Wall:
    """Build the wall of a potential, strong enough that no two atoms get through it.

    In some structures an atom is moved towards its nearest neighbour, from the inner distance on.
    The energy shall rise with every step until it is up by `HEIGHT`; what comes behind does not
    matter. The least strength that does it in all of them is taken, times `MARGIN`. Of an alloy it
    is done for each pair of elements that stays farther apart than the closest.

    Parameters
    ----------
    potential : Potential
        Its radial basis begins where the wall does.
    structures : sequence of Atoms
        Its training set.
    """
    chosen = [structures[place] for place in groups(structures, 1)[0]]
    outer = potential.closest
    strength = _strength(potential, chosen[:STRUCTURES], outer, None)
    pairs = []
    for pair, distance in shortest_distances(structures, potential.cutoff).items():
        own = CLOSEST_MARGIN * distance
        if len(potential.species) > 1 and own > APART * outer:
            having = [atoms for atoms in chosen if set(pair) <= set(atoms.symbols)]
            places = sorted(potential.species.index(symbol) for symbol in pair)
            own_strength = _strength(potential, having[:STRUCTURES], own, pair)
            pairs.append(PairWall(*places, own_strength, (1 - TAPER) * own, own))
    pairs.sort(key=lambda one: (one.first, one.second))
    return Wall(strength, (1 - TAPER) * outer, outer, tuple(pairs))


def shortest_distances(structures: Sequence[Atoms], cutoff: float) -> dict[tuple[str, str], float]:
    """Shortest distance (A) of each pair of elements in structures, if it is within a cut-off.

    Returns
    -------
    dict
        By the two symbols in alphabetical order.
    """
    found: dict[tuple[str, str], float] = {}
    for atoms in structures:
        first, second, distances = neighbor_list("ijd", atoms, cutoff)
        for pair in combinations_with_replacement(sorted(set(atoms.symbols)), 2):
            own = (atoms.symbols[first] == pair[0]) & (atoms.symbols[second] == pair[1])
            if own.any():
                found[pair] = min(found.get(pair, np.inf), float(distances[own].min()))
    return found


def _strength(
    potential: Potential,
    structures: Sequence[Atoms],
    outer: float,
    pair: tuple[str, str] | None,
) -> float:
    """Strength of a wall that begins at an outer distance (A), of a pair of elements or of all."""
    unit = Wall(1.0, (1 - TAPER) * outer, outer)
    distances = np.geomspace(unit.inner, NEAREST * outer, STEPS)
    energies = np.array(
        [_energies(potential, approach(atoms, distances, pair)) for atoms in structures]
    )
    heights = unit.energy(distances)
    rising = np.maximum.accumulate(-np.diff(energies, axis=1) / np.diff(heights), axis=1)
    high = (HEIGHT - energies[:, 1:] + energies[:, :1]) / (heights[1:] - heights[0])
    needed = MARGIN * np.maximum(rising, high).min(axis=1).max()
    return float(max(needed, LEAST / heights[0]))


def approach(
    atoms: Atoms, distances: Sequence[float], pair: tuple[str, str] | None = None
) -> list[Atoms]:
    """Bring an atom of a crystal as close as this to its nearest neighbour; nothing else moves.

    The two are of a pair of elements, if one is given.
    """
    # Of a cell of one atom all images would move with it.
    crystal = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc) * (2, 2, 2)
    reach = 1.5 * crystal.cell.volume ** (1 / 3)
    first, second, found, vectors = neighbor_list("ijdD", crystal, reach)
    if pair is not None:
        own = (crystal.symbols[first] == pair[0]) & (crystal.symbols[second] == pair[1])
        found = np.where(own, found, np.inf)
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
