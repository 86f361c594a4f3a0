"""Seeds: the structures that a campaign begins with.

Hydrostatically strained crystals tell how the energy goes with the volume, but their atoms are all
on their sites; a fit to them alone says nothing of forces, and walks end at once. Crystals in which
two neighbours have come close tell of both for few labels: they keep the rotations about the line
between the two, which spares pw.x most k-points, and mark out the repulsion that the rare events of
long runs need (docs/results.md has the effect). Of an alloy, two atoms of each pair of elements
come close among others of each pair, and ordered compounds tell what one element is to the other at
the price of crystals.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from smallcell.cells import crystal, vegard_volume
from smallcell.prototypes import compounds


def seeds(elements: Sequence[Mapping], settings: Mapping) -> list[Atoms]:
    """All seeds of a campaign.

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    settings : Mapping
        The configuration's ``seeds``.
    """
    strained = strained_crystals(elements, settings["strain"], settings["number"], settings["unit"])
    pairs = list(combinations_with_replacement(elements, 2))
    close = [
        atoms
        for pair in pairs
        for entry in settings["close"]
        for atoms in close_pairs(pair, pairs, entry["cell"], entry["distances"])
    ]
    return strained + close + strained_compounds(elements, settings["compounds"])


def strained_crystals(
    elements: Sequence[Mapping], strain: Sequence[float], number: int, unit: str
) -> list[Atoms]:
    """Crystals of each element, their lattice constant times evenly spaced factors.

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    strain : sequence of float
        Lowest and highest factor.
    number : int
        How many for each element.
    unit : {"primitive", "conventional"}

    Returns
    -------
    list of Atoms
        ``info`` has ``element`` and ``strain``.
    """
    structures = []
    for element in elements:
        for factor in np.linspace(*strain, number):
            atoms = crystal(element, unit, (1, 1, 1))
            atoms.set_cell(atoms.cell * factor, scale_atoms=True)
            atoms.info |= {"element": element["symbol"], "strain": float(factor)}
            structures.append(atoms)
    return structures


def strained_compounds(elements: Sequence[Mapping], settings: Mapping) -> list[Atoms]:
    """Ordered compounds of all pairs of elements, evenly strained; none of an element alone.

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    settings : Mapping
        ``prototypes``; ``strain``, the lowest and highest factor on the lengths of Vegard's law;
        ``number`` of strains.

    Returns
    -------
    list of Atoms
        ``info`` has ``prototype`` and ``strain``.
    """
    structures = []
    for perfect in compounds(elements, settings["prototypes"]):
        for factor in np.linspace(*settings["strain"], settings["number"]):
            atoms = perfect.copy()
            atoms.set_cell(atoms.cell * factor, scale_atoms=True)
            atoms.info |= {"strain": float(factor)}
            structures.append(atoms)
    return structures


def close_pairs(
    pair: Sequence[Mapping],
    among: Sequence[Sequence[Mapping]],
    repeats: Sequence[int],
    distances: Sequence[float],
) -> list[Atoms]:
    """Crystals in which the first atom has moved towards its nearest neighbour.

    Parameters
    ----------
    pair : sequence of Mapping
        Of the configuration's ``elements`` that of the first atom, whose lattice it is, and that of
        its neighbour, which may be the same.
    among : sequence of sequence of Mapping
        What all other atoms are, in turns, in one structure after the other; nothing to a cell of
        two atoms, which comes once. The volume is that of Vegard's law.
    repeats : sequence of int
        Of the conventional cell. It must have two atoms: one that is a neighbour of its own images
        cannot come closer to them.
    distances : sequence of float
        Of the two, as shares of that of nearest neighbours.

    Returns
    -------
    list of Atoms
        ``info`` has ``close``, the share, and the ``element`` if it is one.

    Raises
    ------
    ValueError
        If the first atom's nearest neighbours are all its own images.
    """
    element, other = pair
    perfect = crystal(element, "conventional", repeats)
    first, second, lengths, vectors = neighbor_list(
        "ijdD", perfect, 2.0 * element["lattice_constant"]
    )
    others = (first == 0) & (second != 0) & (lengths < 1.001 * lengths.min())
    if not others.any():
        raise ValueError(
            f"{tuple(repeats)} conventional cells of {element['lattice']} {element['symbol']} have "
            "no two atoms that are nearest neighbours"
        )
    neighbour, towards = second[others][0], vectors[others][0]
    rest = np.delete(np.arange(len(perfect)), [0, neighbour])
    structures = []
    for crowd_of in among if len(rest) else among[:1]:
        crowd = perfect.copy()
        crowd.symbols[[0, neighbour]] = [element["symbol"], other["symbol"]]
        crowd.symbols[rest] = np.resize([one["symbol"] for one in crowd_of], len(rest))
        scale = np.cbrt(vegard_volume(crowd, [*pair, *crowd_of]) / crowd.get_volume())
        crowd.set_cell(crowd.cell * scale, scale_atoms=True)
        kind = {"element": element["symbol"]} if len(set(crowd.symbols)) == 1 else {}
        for share in distances:
            atoms = crowd.copy()
            atoms.positions[0] += (1 - share) * scale * towards
            atoms.info |= kind | {"close": float(share)}
            structures.append(atoms)
    return structures
