"""Structures of a training set that the others say least about, for walks to start from.

A structure's leverage is the share of its own label in what a linear regression says of it: near
one if it stands alone, near zero if others tell the same (T. Hastie, R. Tibshirani and
J. Friedman, The Elements of Statistical Learning, 2nd ed. (Springer, 2009), 3.4.1 and 7.6; there
the diagonal of the hat matrix of a ridge regression).
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from ase import Atoms

RIDGE = 1e-6
"""Ridge as a share of the sum of the squares in each column of the rows; as in `fit.ridges`."""


def least_known_walkers(sampling: Mapping) -> range:
    """Walkers of a round that start from least known structures: the last ones.

    Parameters
    ----------
    sampling : Mapping
        ``walkers`` and ``least_known``, their share.
    """
    walkers = sampling["walkers"]
    return range(walkers - round(sampling["least_known"] * walkers), walkers)


def leverages(rows: np.ndarray) -> np.ndarray:
    """Return ``r (R^T R + ridge)^-1 r^T`` for each row r of R, columns scaled to a norm of one.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
        From `smallcell.engine.rows`.

    Returns
    -------
    ndarray, shape (n_rows,)
        In [0, 1].
    """
    norms = np.linalg.norm(rows, axis=0)
    scaled = rows / np.where(norms > 0, norms, 1)
    vectors, values, _ = np.linalg.svd(scaled, full_matrices=False)
    return vectors**2 @ (values**2 / (values**2 + RIDGE))


def least_known(
    structures: Sequence[Atoms], rows: np.ndarray, sizes: Collection[int], number: int
) -> list[Atoms]:
    """Choose the structures of the highest leverage in a training set.

    Parameters
    ----------
    structures : sequence of Atoms
        The training set.
    rows : ndarray, shape (n_structures, n_parameters)
    sizes : collection of int
        Numbers of atoms that a chosen structure may have.
    number : int
        Of structures to choose.

    Returns
    -------
    list of Atoms
        The least known first, fewer if there are not as many. ``info`` has ``leverage`` and
        ``place``, the number in the training set; labels are left out.
    """
    found = leverages(rows)
    chosen = []
    for place in np.argsort(-found, kind="stable"):
        atoms = structures[place]
        if len(atoms) in sizes and len(chosen) < number:
            bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
            bare.info = {"place": int(place), "leverage": float(found[place])}
            if "batch" in atoms.info:
                bare.info["batch"] = atoms.info["batch"]
            chosen.append(bare)
    return chosen
