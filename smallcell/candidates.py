"""Candidates of a selection: frames of walks, thinned, and the rows that they are judged by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from smallcell.engine import graded_rows
from smallcell.potential import Potential
from smallcell.selection import distinct


@dataclass(frozen=True)
class Candidates:
    """Structures that may be labelled.

    Attributes
    ----------
    structures : list of Atoms
    rows : ndarray, shape (n_rows, n_parameters)
        Of the mode of the potential's active set.
    owners : ndarray of int, shape (n_rows,)
        Structure that each row belongs to.
    """

    structures: list[Atoms]
    rows: np.ndarray
    owners: np.ndarray


def gather(
    potential: Potential,
    walks: Iterable[Sequence[Atoms]],
    tolerance: float,
) -> Candidates:
    """Collect from walks what is worth looking at.

    Walks are taken one by one, so that of most frames no more than one walk's rows are held.

    Parameters
    ----------
    potential : Potential
        With the active set that the walks' grades come from.
    walks : iterable of sequences of Atoms
        The frames of each walk in their order.
    tolerance : float
        Of `smallcell.selection.distinct`; at 0 only equal frames are left out.
    """
    structures: list[Atoms] = []
    rows, sizes = [np.empty((0, potential.n_parameters))], [np.empty(0, dtype=int)]
    for frames in walks:
        own, owners = graded_rows(potential, frames, potential.grade_mode)
        kept = distinct(own, owners, potential.active_set, tolerance)
        structures += [frames[number] for number in kept]
        rows.append(own[np.isin(owners, kept)])
        sizes.append(np.bincount(owners)[kept])
    owners = np.repeat(np.arange(len(structures)), np.concatenate(sizes))
    return Candidates(structures, np.vstack(rows), owners)
