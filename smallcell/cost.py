"""What a label costs, told before pw.x is started, relative to other labels of a campaign.

The time of pw.x is that of its k-points, of which symmetry leaves few, times that of one of them,
which grows with its bands and plane waves. How measured labels agree with it is in
docs/benchmarks.md (``make bench-label-cost``).
"""

import numpy as np
import spglib
from ase import Atoms

from smallcell.canonical import symmetry_of
from smallcell.labels import Calculation
from smallcell.memory import plane_waves
from smallcell.programs import k_points_at_most

K_POINTS = 0.9
"""Exponent of the number of k-points: something is left to do for all of them together."""


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
    k_points = irreducible_k_points(atoms, calculation.k_mesh) ** K_POINTS
    # There are as many bands as atoms, and each is as long as there are plane waves.
    return k_points * plane_waves(atoms, calculation.system["ecutwfc"]) * len(atoms)


def irreducible_k_points(atoms: Atoms, k_mesh: tuple[int, int, int]) -> int:
    """Count the k-points that pw.x calculates: those that neither symmetry nor time gives.

    Parameters
    ----------
    atoms : Atoms
    k_mesh : tuple of int
        Divisions of a Gamma-centred mesh.
    """
    symmetry = symmetry_of(atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    if symmetry is None:
        return k_points_at_most(k_mesh)
    mapping, _ = spglib.get_stabilized_reciprocal_mesh(k_mesh, symmetry.rotations)
    return len(np.unique(mapping))
