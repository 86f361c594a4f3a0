"""Cells that walks start in: crystals of an element's lattice."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell


def crystal(element: Mapping, unit: str, repeats: Sequence[int]) -> Atoms:
    """Build a crystal of one element's lattice.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    unit : {"primitive", "conventional"}
    repeats : sequence of int
        How often the unit is repeated along its vectors.
    """
    atoms = bulk(
        element["symbol"],
        element["lattice"],
        a=element["lattice_constant"],
        cubic=unit == "conventional" and element["lattice"] != "sc",
    )
    return make_supercell(atoms, np.diag(repeats))


def starts(element: Mapping, stage: Mapping) -> list[Atoms]:
    """Perfect cells of an element that walks of a stage start in, one for each of its cells.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    stage : Mapping
        ``cell`` and ``unit``.
    """
    return [crystal(element, stage["unit"], stage["cell"])]
