"""Seeds: the structures that a campaign begins with, hydrostatically strained crystals."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms

from smallcell.cells import crystal


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
