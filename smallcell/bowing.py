"""Lengths of alloys: Vegard's law, and what takes its place where it fails.

Walks start from a crystal whose lattice constant is the mean of those of its elements. Of the
compounds among the seeds pw.x has told by then at what length their energy is lowest. Where that
is too far from the mean, the lengths of the pair of elements are bent: by Vegard's law and a term
x (1 - x) b with the bowing b that fits its compounds best. A compound whose energy is lowest at an
end of the seeds' strains is relaxed by pw.x, which goes on in that direction.

Energies decide, not pressures: where cut-offs are low these are off by far more.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ase import Atoms

from smallcell.cells import vegard_volume

TOLERANCE = 0.02
"""Share of its length that a compound may be off Vegard's law; walks start strained by more."""

LABELS = 6
"""Most labels of a relaxation."""


def edge(atoms: Atoms) -> float:
    """Edge of the cube that an atom fills (A)."""
    return float(np.cbrt(atoms.get_volume() / len(atoms)))


def rest_edge(labelled: Sequence[Atoms]) -> float | None:
    """Edge of an atom's cube (A) at which a compound has its lowest energy.

    A parabola in the inverse square of the edge goes through the lowest energy and its two
    neighbours: to this order the equation of state of F. Birch, Phys. Rev. 71, 809 (1947).

    Parameters
    ----------
    labelled : sequence of Atoms
        One compound, strained.

    Returns
    -------
    float or None
        None if the lowest energy is at an end.
    """
    points = sorted((edge(atoms), atoms.get_potential_energy()) for atoms in labelled)
    edges, energies = np.transpose(points)
    lowest = int(np.argmin(energies))
    if lowest in (0, len(points) - 1):
        return None
    around = slice(lowest - 1, lowest + 2)
    curvature, slope, _ = np.polyfit(edges[around] ** -2, energies[around], 2)
    return float(np.sqrt(-2 * curvature / slope))


def relaxed_edge(
    labelled: Sequence[Atoms], label: Callable[[Atoms], Atoms | None]
) -> tuple[float | None, int]:
    """Find the edge at which a compound has its lowest energy, beyond its strains if need be.

    Parameters
    ----------
    labelled : sequence of Atoms
        One compound, of two strains or more.
    label : callable
        Labels a structure by pw.x; None if it fails.

    Returns
    -------
    edge : float or None
        A; None if it is not found within `LABELS` or a label fails.
    labels : int
        How many it took.
    """
    known = sorted(labelled, key=edge)
    for number in range(LABELS + 1):
        found = rest_edge(known)
        if found is not None or number == LABELS:
            return found, number
        down = known[0].get_potential_energy() < known[-1].get_potential_energy()
        last, before = known[:2] if down else known[:-3:-1]
        further = last.copy()
        further.set_cell(last.cell.array * edge(last) / edge(before), scale_atoms=True)
        new = label(further)
        if new is None:
            return None, number + 1
        known = [new, *known] if down else [*known, new]


def bowings(edges: Sequence[tuple[Atoms, float]], elements: Sequence[Mapping]) -> list[dict]:
    """Bend the lengths of those pairs of elements of which Vegard's law fails.

    Parameters
    ----------
    edges : sequence of (Atoms, float)
        Compounds of two elements each, whatever their volume, and their edges at rest (A).
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
