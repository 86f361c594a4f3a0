"""What a label costs, told before pw.x is started, relative to other labels of a campaign.

The time of pw.x is that of its k-points, of which symmetry leaves few, times that of one of them.
The exponents are fitted to measured labels: docs/benchmarks.md (``make bench-label-cost``).
"""

import numpy as np
import spglib
from ase import Atoms

from smallcell.labels import Calculation
from smallcell.memory import plane_waves

SYMMETRY_TOLERANCE = 1e-5
"""A; about what pw.x takes for equal positions."""

K_POINTS, PLANE_WAVES, ATOMS = 0.9, 0.6, 1.9
"""Exponents of what the cost grows with; bands and projectors are as many as atoms."""


def expected_cost(atoms: Atoms, calculation: Calculation) -> float:
    """Estimate what pw.x will take for a structure.

    All elements of a campaign are taken to have the same number of electrons.

    Parameters
    ----------
    atoms : Atoms
    calculation : Calculation

    Returns
    -------
    float
        Core-seconds but for a constant factor, which depends on machine and pseudopotentials.
    """
    return (
        irreducible_k_points(atoms, calculation.k_mesh) ** K_POINTS
        * plane_waves(atoms, calculation.system["ecutwfc"]) ** PLANE_WAVES
        * len(atoms) ** ATOMS
    )


def irreducible_k_points(atoms: Atoms, k_mesh: tuple[int, int, int]) -> int:
    """Count the k-points that pw.x calculates: those that neither symmetry nor time gives.

    Parameters
    ----------
    atoms : Atoms
    k_mesh : tuple of int
        Divisions of a Gamma-centred mesh.
    """
    crystal = atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
    mapping, _ = spglib.get_ir_reciprocal_mesh(k_mesh, crystal, symprec=SYMMETRY_TOLERANCE)
    return len(np.unique(mapping))
