"""Lengths of alloys: Vegard's law, and what takes its place where it fails.

Walks start from a crystal whose lattice constant is the mean of those of its elements. Of the
compounds among the seeds pw.x has told by then at what length they are free of pressure. Where that
is too far from the mean, the lengths of the pair of elements are bent: by Vegard's law and a term
x (1 - x) b with the bowing b that fits its compounds best. A compound that is under pressure, or
under tension, at all strains of the seeds is relaxed by pw.x.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.units import GPa
from scipy.interpolate import PchipInterpolator

from smallcell.cells import vegard_volume

TOLERANCE = 0.02
"""Share of its length that a compound may be off Vegard's law; walks start strained by more."""

FREE = 0.1
"""Pressure below which a compound counts as relaxed (GPa)."""

LABELS = 6
"""Most labels of a relaxation."""

STEP = 0.1
"""Largest change of the lengths between two of them, as a share."""


def edge(atoms: Atoms) -> float:
    """Edge of the cube that an atom fills (A)."""
    return float(np.cbrt(atoms.get_volume() / len(atoms)))


def pressure(atoms: Atoms) -> float:
    """Pressure of a labelled structure (GPa)."""
    return float(-atoms.get_stress()[:3].mean() / GPa)


def free_edge(labelled: Sequence[Atoms]) -> float | None:
    """Edge of an atom's cube (A) at which a compound is free of pressure, between its strains.

    Parameters
    ----------
    labelled : sequence of Atoms
        One compound, strained.

    Returns
    -------
    float or None
        None if its pressure is of one sign throughout.
    """
    points = sorted({edge(atoms): pressure(atoms) for atoms in labelled}.items())
    if len(points) < 2:
        return None
    inside = PchipInterpolator(*np.transpose(points)).roots(extrapolate=False)
    # What is stretched until it breaks has a zero too, where the pressure comes back from below.
    return float(min(inside)) if len(inside) else None


def relaxed_edge(
    labelled: Sequence[Atoms], label: Callable[[Atoms], Atoms | None]
) -> tuple[float | None, int]:
    """Look for a compound's free edge beyond its strains, by secants of the pressure.

    Parameters
    ----------
    labelled : sequence of Atoms
        One compound, strained, of two strains or more.
    label : callable
        Labels a structure by pw.x; None if it fails.

    Returns
    -------
    edge : float or None
        A; None if no label has come close enough to zero pressure, see `FREE`.
    labels : int
        How many it took.
    """
    nearest = sorted(labelled, key=lambda atoms: abs(pressure(atoms)))[:2]
    last, before = nearest
    for number in range(1, LABELS + 1):
        slope = (pressure(last) - pressure(before)) / np.log(edge(last) / edge(before))
        # A crystal resists: where a secant says otherwise it is stepped over.
        wanted = -pressure(last) / slope if slope < 0 else np.sign(pressure(last)) * STEP
        factor = np.exp(np.clip(wanted, -STEP, STEP))
        next_one = last.copy()
        next_one.set_cell(next_one.cell.array * factor, scale_atoms=True)
        found = label(next_one)
        if found is None:
            return None, number
        before, last = last, found
        if abs(pressure(last)) < FREE:
            return edge(last), number
    return None, LABELS


def bowings(edges: Sequence[tuple[Atoms, float]], elements: Sequence[Mapping]) -> list[dict]:
    """Bend the lengths of those pairs of elements of which Vegard's law fails.

    Parameters
    ----------
    edges : sequence of (Atoms, float)
        Compounds of two elements each, whatever their volume, and their free edges (A).
    elements : sequence of Mapping
        The configuration's ``elements``.

    Returns
    -------
    list of dict
        For each pair ``elements``; ``departure``, the largest relative one of its compounds from
        Vegard's law; ``bowing`` (A), 0 where all are within `TOLERANCE`.
    """
    pairs: dict[tuple[str, ...], list[tuple[float, float, float]]] = {}
    order = [element["symbol"] for element in elements]
    for atoms, length in edges:
        pair = tuple(symbol for symbol in order if symbol in set(atoms.symbols))
        share = float(np.mean(atoms.symbols == pair[0]))
        vegard = float(np.cbrt(vegard_volume(atoms, elements) / len(atoms)))
        pairs.setdefault(pair, []).append((share * (1 - share), length - vegard, vegard))
    found = []
    for pair, points in pairs.items():
        weights, differences, vegard = np.transpose(points)
        departure = differences / vegard
        worst = float(departure[np.argmax(np.abs(departure))])
        bowing = float(weights @ differences / (weights @ weights)) if abs(worst) > TOLERANCE else 0
        found.append({"elements": list(pair), "departure": worst, "bowing": bowing})
    return found
