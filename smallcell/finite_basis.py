"""The stress that a finite basis of plane waves feigns.

A label's energies have one cut-off at all volumes; its stress is the derivative of the energy with
the same plane waves, which is not the same: a crystal that expands takes in more of them. The
stress is too large by what that gains (G. P. Francis and M. C. Payne, J. Phys.: Condens. Matter 2,
4395 (1990)),

    stress - dE/dV = -2/3 / V dE/d(ln cut-off),

as if the crystal were pulled from outside. Per atom, stress times volume, it hardly depends on the
crystal, so that one measurement per element serves all labels. A potential is fitted to energies
and stresses at once, and has to be told of one function only: docs/results.md has what it makes of
the two as they are.
"""

import math
from collections.abc import Mapping, Sequence

SHARES = (0.98, 1.02)
"""Cut-offs between which the derivative is taken, in units of the campaign's."""


def with_cutoffs(settings: Mapping, share: float) -> dict:
    """Copy of the settings ``dft`` with both cut-offs times a share."""
    return dict(settings) | {name: share * settings[name] for name in ("ecutwfc", "ecutrho")}


def missing_virial(energies: Sequence[float]) -> float:
    """Return what the volume times the stress of a label lacks, of an atom.

    Parameters
    ----------
    energies : sequence of float
        Of the crystal at the cut-offs of `SHARES` (eV/atom).

    Returns
    -------
    float
        To be added to each normal component (eV/atom), negative where energies fall with the
        cut-off.
    """
    low, high = energies
    return 2 / 3 * (high - low) / math.log(SHARES[1] / SHARES[0])
