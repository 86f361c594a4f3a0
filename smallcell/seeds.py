"""Seeds: the structures that a campaign begins with.

Hydrostatically strained crystals tell how the energy goes with the volume, but their atoms are all
on their sites; a fit to them alone says nothing of forces, and walks end at once. Crystals in which
two neighbours have come close tell of both for few labels: they keep the rotations about the line
between the two, which spares pw.x most k-points, and mark out the repulsion that the rare events of
long runs need (docs/results.md has the effect). Of an alloy, ordered compounds tell what one
element is to the other, at the price of crystals.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from smallcell.cells import crystal
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
    close = [
        atoms
        for element in elements
        for entry in settings["close"]
        for atoms in close_pairs(element, entry["cell"], entry["distances"])
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
    element: Mapping, repeats: Sequence[int], distances: Sequence[float]
) -> list[Atoms]:
    """Crystals in which the first atom has moved towards its nearest neighbour.

    Parameters
    ----------
    element : Mapping
        One of the configuration's ``elements``.
    repeats : sequence of int
        Of the conventional cell. It must have two atoms: one that is a neighbour of its own images
        cannot come closer to them.
    distances : sequence of float
        Of the two, as shares of that of nearest neighbours.

    Returns
    -------
    list of Atoms
        ``info`` has ``element`` and ``close``, the share.

    Raises
    ------
    ValueError
        If the first atom's nearest neighbours are all its own images.
    """
    perfect = crystal(element, "conventional", repeats)
    first, second, lengths, vectors = neighbor_list(
        "ijdD", perfect, 2.0 * element["lattice_constant"]
    )
    nearest = lengths.min()
    others = (first == 0) & (second != 0) & (lengths < 1.001 * nearest)
    if not others.any():
        raise ValueError(
            f"{tuple(repeats)} conventional cells of {element['lattice']} {element['symbol']} have "
            "no two atoms that are nearest neighbours"
        )
    towards = vectors[others][0]
    structures = []
    for share in distances:
        atoms = perfect.copy()
        atoms.positions[0] += (1 - share) * towards
        atoms.info |= {"element": element["symbol"], "close": float(share)}
        structures.append(atoms)
    return structures
