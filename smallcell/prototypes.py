"""Ordered compounds of two elements, by the names that Strukturbericht gave to their prototypes.

All are cubic and have no free coordinate: symmetry holds every atom in its place at any volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms
from ase.spacegroup import crystal

Site = tuple[float, float, float]


@dataclass(frozen=True)
class Prototype:
    """A crystal of two kinds of sites.

    Attributes
    ----------
    space_group : int
        In the first setting of the International Tables.
    first, second : tuple of Site
        Wyckoff positions of both elements, one of each orbit.
    numbers : tuple of int
        Atoms of both elements in a formula unit.
    conventional : int
        Atoms in the cube whose edge is the lattice constant.
    """

    space_group: int
    first: tuple[Site, ...]
    second: tuple[Site, ...]
    numbers: tuple[int, int]
    conventional: int


ORIGIN, CENTRE, QUARTER = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)

PROTOTYPES = {
    "B2": Prototype(221, (ORIGIN,), (CENTRE,), (1, 1), 2),
    "B32": Prototype(227, (ORIGIN,), (CENTRE,), (1, 1), 16),
    "D0_3": Prototype(225, (CENTRE, QUARTER), (ORIGIN,), (3, 1), 16),
    "L1_2": Prototype(221, ((0.0, 0.5, 0.5),), (ORIGIN,), (3, 1), 4),
    "C15": Prototype(227, ((0.625, 0.625, 0.625),), (ORIGIN,), (2, 1), 24),
}
"""CsCl and NaTl; BiF3 and Cu3Au; MgCu2, the cubic one of Laves's phases."""


def prototype(name: str, elements: Sequence[str], lattice_constant: float) -> Atoms:
    """Build the primitive cell of an ordered compound.

    Parameters
    ----------
    name : str
        One of `PROTOTYPES`.
    elements : sequence of str
        Two symbols; where there is more of one, it is the first.
    lattice_constant : float
        Edge of the cube (A).
    """
    kind = PROTOTYPES[name]
    first, second = elements
    atoms = crystal(
        [first] * len(kind.first) + [second] * len(kind.second),
        [*kind.first, *kind.second],
        spacegroup=kind.space_group,
        cellpar=[lattice_constant] * 3 + [90] * 3,
        primitive_cell=True,
    )
    # What ASE notes of the space group is of no use once the cell is strained.
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)


def formula(name: str, elements: Sequence[str]) -> str:
    """Write the formula of a compound, such as Na3K."""
    numbers = PROTOTYPES[name].numbers
    return "".join(
        symbol + (str(number) if number > 1 else "")
        for symbol, number in zip(elements, numbers, strict=True)
    )
