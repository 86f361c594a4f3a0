"""Radial distribution function of a liquid, and the number of nearest neighbours.

Of a mixture there are partial ones: of the atoms of one element around those of another.
Pairs are counted with the periodic k-d tree of scipy, from frames that are recorded for the
diffusion anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.signal import savgol_filter
from scipy.spatial import cKDTree

from smallcell.series import Estimate, blocks, jackknife

WIDTH = 0.05
"""Of the bins (A)."""

SMOOTH = 13
"""Bins over which a cubic is laid to find a maximum or minimum: 0.65 A, half the width of a first
maximum."""

SHELL = 1.75
"""Where the first minimum is looked for, at most, in units of the first maximum's place."""

LEAST = 3.0
"""Neighbours of an atom of a liquid, at least; with fewer, a maximum is chance. Of one element of a
mixture its share of these is enough."""


def bin_edges(frame: Atoms) -> np.ndarray:
    """Edges of bins up to half of the shortest edge of a box (A)."""
    return np.arange(0, frame.cell.lengths().min() / 2, WIDTH)


def neighbours_within(
    frame: Atoms, radii: np.ndarray, pair: tuple[str, str] | None = None
) -> np.ndarray:
    """Mean number of neighbours of an atom within distances (A), up to half of a box's edge.

    Parameters
    ----------
    frame : Atoms
        In a box with right angles.
    radii : ndarray, shape (n,)
        Ascending.
    pair : tuple of str, optional
        Two elements: neighbours of the second of an atom of the first. Of all atoms without.
    """
    fractions = frame.cell.scaled_positions(frame.positions) % 1.0
    # What is a rounding error below 0 is 1 by now.
    fractions[fractions == 1.0] = 0.0
    lengths = frame.cell.lengths()
    places = np.minimum(fractions * lengths, np.nextafter(lengths, 0))
    of, around = (places[frame.symbols == symbol] for symbol in pair) if pair else (places, places)
    counted = cKDTree(of, boxsize=lengths).count_neighbors(cKDTree(around, boxsize=lengths), radii)
    itself = pair is None or pair[0] == pair[1]
    return counted / len(of) - itself


def distribution(neighbours: np.ndarray, edges: np.ndarray, density: float) -> np.ndarray:
    """Radial distribution function in the bins between edges (A).

    Parameters
    ----------
    neighbours : ndarray, shape (n,)
        Within each edge.
    edges : ndarray, shape (n,)
    density : float
        Of those that are counted (atoms in A^3).
    """
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    return np.diff(neighbours) / (density * shells)


@dataclass(frozen=True)
class Shell:
    """Nearest neighbours in a liquid.

    Attributes
    ----------
    peak : float
        Place of the first maximum of the radial distribution function (A).
    height : float
        Its value there.
    end : float
        Place of the first minimum (A).
    coordination : float
        Neighbours up to there.
    """

    peak: float
    height: float
    end: float
    coordination: float


def first_shell(
    neighbours: np.ndarray, edges: np.ndarray, density: float, least: float = LEAST
) -> Shell:
    """Find the first shell of neighbours.

    Parameters
    ----------
    neighbours, edges, density
        As of `distribution`.
    least : float
        Neighbours that make a shell.

    Raises
    ------
    ValueError
        If there is no maximum with a minimum behind it, as in a gas.
    """
    centres = (edges[1:] + edges[:-1]) / 2
    smooth = savgol_filter(distribution(neighbours, edges, density), SMOOTH, 3)
    highest = int(np.argmax(smooth))
    behind = centres <= SHELL * centres[highest]
    lowest = highest + int(np.argmin(smooth[highest:][behind[highest:]]))
    if not 0 < highest < lowest < behind.sum() - 1:
        raise ValueError("the radial distribution function has no first maximum and minimum")
    peak, height = _extremum(centres, smooth, highest)
    end, _ = _extremum(centres, smooth, lowest)
    coordination = float(np.interp(end, edges, neighbours))
    if coordination < least:
        raise ValueError(f"{coordination:.1f} neighbours are no shell")
    return Shell(peak, height, end, coordination)


def _extremum(places: np.ndarray, values: np.ndarray, near: int) -> tuple[float, float]:
    """Place and value of the extremum of the parabola through a point and its neighbours."""
    before, here, after = values[near - 1 : near + 2]
    curvature = before - 2 * here + after
    shift = (before - after) / (2 * curvature) if curvature else 0.0
    place = places[near] + shift * (places[near + 1] - places[near])
    return float(place), float(here - (before - after) * shift / 4)


@dataclass(frozen=True)
class LiquidStructure:
    """Structure of a liquid from frames of one volume.

    Attributes
    ----------
    distances, distribution : ndarray, shape (n,)
        Radial distribution function (A, no unit).
    shell : dict of str to Estimate
        What `Shell` has; empty if there is none.
    """

    distances: np.ndarray
    distribution: np.ndarray
    shell: dict[str, Estimate]


def liquid_structure(
    frames: Sequence[Atoms], pair: tuple[str, str] | None = None
) -> LiquidStructure:
    """Analyse frames, of which there are as many as `series.BLOCKS` at least.

    Parameters
    ----------
    frames : sequence of Atoms
    pair : tuple of str, optional
        As of `neighbours_within`.
    """
    edges = bin_edges(frames[0])
    number = (frames[0].symbols == pair[1]).sum() if pair else len(frames[0])
    density = number / frames[0].get_volume()
    least = LEAST * number / len(frames[0])
    counted = np.array([neighbours_within(frame, edges, pair) for frame in frames])
    parts = blocks(counted).mean(axis=1)
    shell = {}
    try:
        for name in Shell.__dataclass_fields__:
            shell[name] = jackknife(
                parts,
                lambda mean, name=name: getattr(first_shell(mean, edges, density, least), name),
            )
    except ValueError:
        shell = {}
    return LiquidStructure(
        (edges[1:] + edges[:-1]) / 2, distribution(parts.mean(axis=0), edges, density), shell
    )
