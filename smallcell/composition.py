"""Compositions of alloys, in tenths: what is spread evenly over walks and labels.

Cells of few atoms have few compositions, and those of the elements alone are among them in every
cell. Where all compositions of all cells counted alike, most walks would be of elements and simple
ratios, and some ranges would have none. So it is tenths that count alike: ranges of the shares of
all elements but the first, each a tenth wide.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from ase import Atoms

PARTS = 10
"""Of the range from none of an element to all."""


def tenths(counts: Sequence[int]) -> tuple[int, ...]:
    """Tenths that the shares of all elements but the first are in, 0 to 9.

    Parameters
    ----------
    counts : sequence of int
        Atoms of each element.
    """
    # In whole numbers: three of ten atoms are in the tenth that begins with them.
    return tuple(min(PARTS * count // sum(counts), PARTS - 1) for count in counts[1:])


def tenths_of(atoms: Atoms, species: Sequence[str]) -> tuple[int, ...]:
    """`tenths` of a structure, its elements in the order of the potential's types."""
    symbols = atoms.get_chemical_symbols()
    return tenths([symbols.count(symbol) for symbol in species])


@cache
def compositions(atoms: int, elements: int) -> tuple[tuple[int, ...], ...]:
    """All ways to share a number of atoms among elements, in ascending order."""
    return tuple(_compositions(atoms, elements))


def _compositions(atoms: int, elements: int) -> Iterator[tuple[int, ...]]:
    if elements == 1:
        yield (atoms,)
        return
    for first in range(atoms + 1):
        for others in _compositions(atoms - first, elements - 1):
            yield (first, *others)


def drawn_composition(coordinate: float, cells: Sequence[Mapping[int, int]]) -> tuple[int, ...]:
    """Draw the composition of a cell so that all tenths that the cells can have are alike.

    Within a tenth all compositions of all cells are alike.

    Parameters
    ----------
    coordinate : float
        Uniform in [0, 1).
    cells : sequence of Mapping
        For each element, in its place, how many cells there are by their number of atoms, where
        this element has the largest share.

    Returns
    -------
    tuple of int
        Atoms of each element.
    """
    ranges: dict[tuple[int, ...], Counter] = {}
    for atoms in sorted({size for sizes in cells for size in sizes}):
        for counts in compositions(atoms, len(cells)):
            if number := cells[int(np.argmax(counts))].get(atoms, 0):
                ranges.setdefault(tenths(counts), Counter())[counts] += number
    place, within = divmod(coordinate * len(ranges), 1)
    chosen = ranges[sorted(ranges)[int(place)]]
    # Neighbours in a Sobol sequence are neighbours in composition too.
    ordered = sorted(chosen, key=lambda counts: (np.divide(counts, sum(counts)).tolist(), counts))
    bounds = np.cumsum([chosen[counts] for counts in ordered]) / chosen.total()
    return ordered[int(np.searchsorted(bounds, within, side="right"))]


def most_of_each(number: int, kinds: Sequence[tuple[int, ...]]) -> int:
    """How many of a number of structures may be of one composition: an even share, rounded up."""
    return -(-number // max(1, len(set(kinds))))
