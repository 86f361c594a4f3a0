"""Ordered compounds: elements on the sites of prototypes, under the names of the Strukturbericht.

All sites of these prototypes are fixed by symmetry, so that a crystal has its volume to choose and
nothing else. Those of bcc and fcc sites are ordered ways to decorate the lattices that alloys of
simple metals have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import spglib
from ase import Atoms
from ase.spacegroup import crystal as with_symmetry

from smallcell.canonical import CanonicalForm, canonical_form
from smallcell.cells import vegard_volume


@dataclass(frozen=True)
class Prototype:
    """A structure type of two kinds of sites.

    Attributes
    ----------
    space_group : int
    sites : tuple
        For each kind, one position (in units of the conventional cell) of each of its orbits.
    shape : tuple of float
        Edges of the conventional cell relative to the first.
    setting : int
        Origin choice of the space group.
    numbers : tuple of int
        Atoms of both kinds in a formula unit.
    """

    space_group: int
    sites: tuple[tuple[tuple[float, float, float], ...], tuple[tuple[float, float, float], ...]]
    shape: tuple[float, float, float] = (1, 1, 1)
    setting: int = 1
    numbers: tuple[int, int] = (1, 1)


PROTOTYPES = {
    "B1": Prototype(225, (((0, 0, 0),), ((1 / 2, 1 / 2, 1 / 2),))),
    "B2": Prototype(221, (((0, 0, 0),), ((1 / 2, 1 / 2, 1 / 2),))),
    "B3": Prototype(216, (((0, 0, 0),), ((1 / 4, 1 / 4, 1 / 4),))),
    "B32": Prototype(227, (((0, 0, 0),), ((1 / 2, 1 / 2, 1 / 2),))),
    "L1_0": Prototype(123, (((0, 0, 0),), ((1 / 2, 1 / 2, 1 / 2),)), (1, 1, np.sqrt(2))),
    "L1_2": Prototype(221, (((0, 1 / 2, 1 / 2),), ((0, 0, 0),)), numbers=(3, 1)),
    "D0_3": Prototype(
        225, (((1 / 2, 1 / 2, 1 / 2), (1 / 4, 1 / 4, 1 / 4)), ((0, 0, 0),)), numbers=(3, 1)
    ),
    "C11_b": Prototype(139, (((0, 0, 1 / 3),), ((0, 0, 0),)), (1, 1, 3), numbers=(2, 1)),
    "C15": Prototype(
        227, (((1 / 2, 1 / 2, 1 / 2),), ((1 / 8, 1 / 8, 1 / 8),)), setting=2, numbers=(2, 1)
    ),
    "A15": Prototype(223, (((1 / 4, 0, 1 / 2),), ((0, 0, 0),)), numbers=(3, 1)),
}
"""By their names in the Strukturbericht: CsCl is B2, NaTl B32, Cu3Au L1_2, BiF3 D0_3, MoSi2 C11_b,
MgCu2 C15, Cr3Si A15. Where there is a majority its sites come first."""


def formula(name: str, elements: Sequence[str]) -> str:
    """Write the formula of a compound of two elements, such as Na3K."""
    numbers = PROTOTYPES[name].numbers
    return "".join(
        symbol + (str(number) if number > 1 else "")
        for symbol, number in zip(elements, numbers, strict=True)
    )


def compound(name: str, first: Mapping, second: Mapping) -> Atoms:
    """Build the primitive cell of a compound of two elements.

    Parameters
    ----------
    name : str
        Of `PROTOTYPES`.
    first, second : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A) of the elements on the two kinds of
        sites.

    Returns
    -------
    Atoms
        With the volume of `vegard_volume`.
    """
    prototype = PROTOTYPES[name]
    symbols, positions = [], []
    for element, orbits in zip((first, second), prototype.sites, strict=True):
        symbols += [element["symbol"]] * len(orbits)
        positions += orbits
    edges = [*prototype.shape, 90, 90, 90]
    built = with_symmetry(
        symbols,
        positions,
        spacegroup=prototype.space_group,
        setting=prototype.setting,
        cellpar=edges,
    )
    description = (built.cell.array, built.get_scaled_positions(), built.numbers)
    cell, fractions, numbers = spglib.find_primitive(description)
    atoms = Atoms(numbers, cell=cell, scaled_positions=fractions, pbc=True)
    scale = np.cbrt(vegard_volume(atoms, (first, second)) / atoms.get_volume())
    atoms.set_cell(atoms.cell * scale, scale_atoms=True)
    return atoms


def compounds(elements: Sequence[Mapping], names: Sequence[str]) -> list[Atoms]:
    """Build the compounds of some prototypes, of all pairs of elements.

    Where the two kinds of sites are alike, as in B2, a pair of elements has one compound, else two.

    Returns
    -------
    list of Atoms
        ``info`` has ``prototype``.
    """
    found: dict[CanonicalForm, Atoms] = {}
    for name in names:
        for first, second in permutations(elements, 2):
            atoms = compound(name, first, second)
            atoms.info = {"prototype": name}
            found.setdefault(canonical_form(atoms), atoms)
    return list(found.values())
