"""Elastic constants from the stress of slightly strained crystals."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_strain
from ase.units import GPa

from smallcell.cells import crystal
from smallcell.orientation import distinct, of_all

STRAIN = 0.01
"""So large that the rounding of pw.x's stress, printed in steps of 1.5e-4 GPa, is an error of only
1 % in C' of potassium. What is of third order in it, about as much, the potential has too."""

CUBIC = ("sc", "bcc", "fcc", "diamond")


def strained(element: Mapping) -> list[Atoms]:
    """Primitive cells strained to both sides along each of Voigt's six components."""
    structures = []
    for component in range(6):
        for sign in (1, -1):
            deformation = voigt_6_to_full_3x3_strain(sign * STRAIN * np.eye(6)[component])
            atoms = crystal(element, "primitive", (1, 1, 1))
            atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
            atoms.info = {"mesh": "strained"}
            structures.append(atoms)
    return structures


def elastic_structures(element: Mapping) -> list[Atoms]:
    """Strained primitive cells, each crystal once: three if the lattice is cubic.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A), that of equilibrium.
    """
    return distinct(strained(element))


def elastic_constants(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Elastic constants (GPa) from central differences of the stress.

    Those that symmetry makes equal are averaged; B is Voigt's mean, C' = (C11 - C12) / 2. If the
    crystal's atoms can move within its strained cell, their places must be relaxed.

    Parameters
    ----------
    element : Mapping
    structures : sequence of Atoms
        Of `elastic_structures`, with energy, forces and stress.

    Returns
    -------
    dict
        By quantity and unit.
    """
    stresses = np.array([atoms.get_stress() for atoms in of_all(strained(element), structures)])
    matrix = (stresses[::2] - stresses[1::2]) / (2 * STRAIN) / GPa
    matrix = (matrix + matrix.T) / 2
    stretch, shear, mixed = np.diag(matrix)[:3], np.diag(matrix)[3:], matrix[[1, 0, 0], [2, 2, 1]]
    if element["lattice"] in CUBIC:
        constants = {"C11": stretch.mean(), "C12": mixed.mean(), "C44": shear.mean()}
        constants["C'"] = (constants["C11"] - constants["C12"]) / 2
    else:
        constants = {
            "C11": stretch[:2].mean(),
            "C12": mixed[2],
            "C13": mixed[:2].mean(),
            "C33": stretch[2],
            "C44": shear[:2].mean(),
        }
    constants["B"] = matrix[:3, :3].mean()
    return {(name, "GPa"): float(value) for name, value in constants.items()}
