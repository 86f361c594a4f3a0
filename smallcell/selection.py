"""Extrapolation grades and the selection of structures by them: MaxVol on rows of derivatives.

The rows of the active set are those n of the training set whose determinant is (locally) the
largest. A structure's grade is the largest coefficient, in absolute value, of its row as a linear
combination of these: the factor by which the determinant would grow if the row took the best of
their places (Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017)). Rows come from
`smallcell.engine.rows`. The algorithm and its two constants are those of MLIP-2 and MLIP-3.
"""

import numpy as np

EPSILON = 1e-6
"""The active set begins as this times the identity, so that it always has an inverse."""

SWAP_THRESHOLD = 1.001
"""A row of the training set takes a place in the active set if its grade exceeds this."""


def active_set(rows: np.ndarray) -> np.ndarray:
    """Choose rows of nearly the largest determinant.

    Directions in the space of parameters that no row reaches keep their row of `EPSILON` times
    the identity.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)

    Returns
    -------
    ndarray, shape (n_parameters, n_parameters)

    Raises
    ------
    ValueError
        If a row is not finite.
    """
    chosen = EPSILON * np.eye(rows.shape[1])
    places = _swap_in(chosen, rows, SWAP_THRESHOLD)
    taken = places >= 0
    chosen[taken] = rows[places[taken]]
    return chosen


def grades(rows: np.ndarray, active_set: np.ndarray) -> np.ndarray:
    """Return the extrapolation grades of rows, the largest ``|row @ inverse(active_set)|`` of each.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
    active_set : ndarray, shape (n_parameters, n_parameters)

    Returns
    -------
    ndarray, shape (n_rows,)
    """
    return np.abs(_coefficients(rows, active_set)).max(axis=1)


def select(
    training_rows: np.ndarray,
    candidate_rows: np.ndarray,
    threshold: float,
    at_most: int | None = None,
) -> np.ndarray:
    """Choose the candidates that extend a training set the most.

    Candidates take places in the active set of the training set, the largest grade first, until
    the grade of none exceeds the threshold. One whose place another candidate takes later is not
    chosen; what it knew is known from the others. Of equal candidates the first is chosen, once.

    Parameters
    ----------
    training_rows : ndarray, shape (n_training, n_parameters)
    candidate_rows : ndarray, shape (n_candidates, n_parameters)
    threshold : float
        Largest grade, above 1, that a candidate may keep without being chosen.
    at_most : int, optional
        Largest number of candidates to choose.

    Returns
    -------
    ndarray of int
        Indices of candidates, ascending.

    Raises
    ------
    ValueError
        If the threshold is not above 1 or a row is not finite.
    """
    if threshold <= 1:
        raise ValueError(f"the selection threshold is {threshold}; it must be above 1")
    places = _swap_in(active_set(training_rows), candidate_rows, threshold, at_most)
    return np.sort(places[places >= 0])


def _coefficients(rows: np.ndarray, active_set: np.ndarray) -> np.ndarray:
    """Rows as linear combinations of those of the active set."""
    return np.linalg.solve(active_set.T, rows.T).T


def _swap_in(
    active_set: np.ndarray, rows: np.ndarray, threshold: float, at_most: int | None = None
) -> np.ndarray:
    """Let rows take places in an active set as long as a grade exceeds the threshold.

    Every swap multiplies the determinant by the grade; the coefficients of all rows follow by a
    rank-one update (Goreinov et al., How to find a good submatrix, 2010), so that a swap costs
    n_rows times n_parameters.

    Parameters
    ----------
    active_set : ndarray, shape (n_parameters, n_parameters)
    rows : ndarray, shape (n_rows, n_parameters)
    threshold : float
    at_most : int, optional
        Stop as soon as this many places are taken by rows.

    Returns
    -------
    ndarray of int, shape (n_parameters,)
        Index of the row that has taken each place, -1 where none has.
    """
    if not np.isfinite(rows).all():
        number = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise ValueError(f"row {number} has derivatives that are not finite numbers")
    places = np.full(len(active_set), -1)
    coefficients = _coefficients(rows, active_set)
    while len(rows) and (at_most is None or np.sum(places >= 0) < at_most):
        row, place = np.unravel_index(np.argmax(np.abs(coefficients)), coefficients.shape)
        grade = abs(coefficients[row, place])
        if grade <= threshold:
            break
        places[place] = row
        change = coefficients[row] / coefficients[row, place]
        change[place] = 1 - 1 / coefficients[row, place]
        coefficients -= np.outer(coefficients[:, place], change)
    return places
