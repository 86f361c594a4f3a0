"""Isolated atoms: how far the energy in a finite box is from that of an atom alone.

What is left of an atom's neighbours in a periodic box is the overlap of their outermost orbitals,
which decays exponentially with the edge of the box. Two smaller boxes, cheaper than the one in
question, show the rate, and the rest of the geometric series is the error.
"""

import math
from collections.abc import Sequence

import numpy as np

BOXES = (0.7, 0.85, 1.0)
"""Edges of the boxes that tell the error, in units of that of the largest."""

SLOWEST = 0.9
"""Ratio of successive differences above which they are noise or do not decay."""


def box_error(energies: Sequence[float]) -> float:
    """Estimate the error of an isolated atom's energy in the largest of `BOXES`.

    For K in boxes of 10, 12 and 14 A it gives 4.5 meV, a box of 16 A 2.2 meV and one more term.

    Parameters
    ----------
    energies : sequence of float
        In the boxes, the smallest first (eV).

    Returns
    -------
    float
        Its absolute value (eV).
    """
    difference, ratio = _last_difference(energies)
    return difference * ratio / (1 - ratio)


def sufficient_box(energies: Sequence[float], box: float, tolerance: float) -> float:
    """Extrapolate to the box in which the error is within a tolerance.

    Parameters
    ----------
    energies : sequence of float
        As of `box_error`.
    box : float
        Edge of the largest box (A).
    tolerance : float
        eV.

    Returns
    -------
    float
        Edge, a multiple of 0.5 A.
    """
    _, ratio = _last_difference(energies)
    steps = max(0.0, math.log(tolerance / box_error(energies)) / math.log(ratio))
    edge = box * (1 + steps * (BOXES[2] - BOXES[1]))
    return math.ceil(2 * edge) / 2


def _last_difference(energies: Sequence[float]) -> tuple[float, float]:
    """Difference between the two largest boxes, and its ratio to the one before."""
    first, second = np.abs(np.diff(energies))
    return float(second), float(min(SLOWEST, second / first)) if first else SLOWEST
