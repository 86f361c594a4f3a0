"""Seeds: the structures that a campaign begins with.

Hydrostatically strained crystals tell how the energy goes with the volume, but their atoms are all
on their sites; a fit to them alone says nothing of forces, and walks end at once. Crystals in which
two neighbours have come close tell of both for few labels: they keep the rotations about the line
between the two, which spares pw.x most k-points, and mark out the repulsion that the rare events of
long runs need (docs/results.md has the effect). Of an alloy, ordered compounds tell what one
element is to the other, at the price of crystals.
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
    close = [
        atoms
        for pair in combinations_with_replacement(elements, 2)
        for entry in settings["close"]
        for atoms in close_pairs(pair, entry["cell"], entry["distances"])
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
    pair: Sequence[Mapping], repeats: Sequence[int], distances: Sequence[float]
) -> list[Atoms]:
    """Crystals in which the first atom has moved towards its nearest neighbour.

    Parameters
    ----------
    pair : sequence of Mapping
        Of the configuration's ``elements`` that of the first atom, and that of its neighbour, which
        may be the same. They alternate on the lattice of the first, at the volume of Vegard's law.
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
        If the first atom's nearest neighbours are all its own images, or of the wrong element.
    """
    element, other = pair
    perfect = crystal(element, "conventional", repeats)
    symbols = np.where(np.arange(len(perfect)) % 2, other["symbol"], element["symbol"])
    perfect.symbols = symbols
    scale = np.cbrt(vegard_volume(perfect, pair) / perfect.get_volume())
    perfect.set_cell(perfect.cell * scale, scale_atoms=True)
    first, second, lengths, vectors = neighbor_list(
        "ijdD", perfect, 2.0 * scale * element["lattice_constant"]
    )
    nearest = lengths.min()
    others = (first == 0) & (second != 0) & (lengths < 1.001 * nearest)
    others &= symbols[second] == other["symbol"]
    if not others.any():
        raise ValueError(
            f"{tuple(repeats)} conventional cells of {element['lattice']} {element['symbol']} have "
            f"no two atoms that are nearest neighbours, {element['symbol']} and {other['symbol']}"
        )
    towards = vectors[others][0]
    kind = {"element": element["symbol"]} if element is other else {}
    structures = []
    for share in distances:
        atoms = perfect.copy()
        atoms.positions[0] += (1 - share) * towards
        atoms.info |= kind | {"close": float(share)}
        structures.append(atoms)
    return structures
