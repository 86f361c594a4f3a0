"""Extrapolation grades and the selection of structures by them: MaxVol on rows of derivatives.

The rows of the active set are those n of the training set whose determinant is (locally) the
largest. A structure's grade is the largest coefficient, in absolute value, of its row as a linear
combination of these: the factor by which the determinant would grow if the row took the best of
their places (Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017)). Rows come from
`smallcell.engine.graded_rows`: a structure owns one, or one for each of its atoms. The algorithm
and its two constants are those of MLIP-2 and MLIP-3; that labels differ in cost is our own.
"""

import numpy as np

EPSILON = 1e-6
"""The active set begins as this times the identity, so that it always has an inverse."""

SWAP_THRESHOLD = 1.001
"""A row of the training set takes a place in the active set if its grade exceeds this."""

BLOCK = 2048
"""Rows that are worked on together: their coefficients stay in the processor's cache."""


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


def grades(
    rows: np.ndarray, active_set: np.ndarray, owners: np.ndarray | None = None
) -> np.ndarray:
    """Return the extrapolation grades of rows, the largest ``|row @ inverse(active_set)|`` of each.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
    active_set : ndarray, shape (n_parameters, n_parameters)
    owners : ndarray of int, shape (n_rows,), optional
        Structure that each row belongs to, ascending from 0, none left out: then the grades are
        those of structures, the highest of their rows.

    Returns
    -------
    ndarray, shape (n_rows,) or (n_structures,)
    """
    found = np.abs(_coefficients(rows, active_set)).max(axis=1)
    return found if owners is None else np.maximum.reduceat(found, _starts(owners))


def unspanned(rows: np.ndarray, active_set: np.ndarray) -> np.ndarray:
    """Tell the rows that owe their grade to a place which no row of the training set has taken.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
    active_set : ndarray, shape (n_parameters, n_parameters)

    Returns
    -------
    ndarray of bool, shape (n_rows,)
    """
    empty = np.isclose(active_set, EPSILON * np.eye(len(active_set)), atol=1e-6 * EPSILON)
    return empty.all(axis=1)[np.abs(_coefficients(rows, active_set)).argmax(axis=1)]


def select(
    active_set: np.ndarray,
    rows: np.ndarray,
    threshold: float,
    at_most: int | None = None,
    owners: np.ndarray | None = None,
    costs: np.ndarray | None = None,
    kinds: np.ndarray | None = None,
    at_most_of_a_kind: int | None = None,
) -> np.ndarray:
    """Choose the structures that extend a training set the most.

    Rows of candidates take places in the active set of the training set until the grade of none
    exceeds the threshold; structures that hold a place then are chosen. One whose places others
    take later is not; what it knew is known from the others. Of equal candidates the first is
    chosen, once.

    Without costs, the row of the largest grade comes first, as in MLIP. With costs it is the row
    that adds most to the logarithm of the determinant, which is that of its grade, for the cost
    of its label. Other rows of a structure that holds a place come with it for nothing, and take
    places as those of the training set do.

    Parameters
    ----------
    active_set : ndarray, shape (n_parameters, n_parameters)
        Of the training set.
    rows : ndarray, shape (n_rows, n_parameters)
        Of the candidates.
    threshold : float
        Largest grade, above 1, that a candidate may keep without being chosen.
    at_most : int, optional
        Largest number of structures to choose.
    owners : ndarray of int, shape (n_rows,), optional
        Structure that each row belongs to, ascending; without, each row is a structure.
    costs : ndarray, shape (n_structures,), optional
        What the label of each structure costs, in any unit.
    kinds : ndarray of int, shape (n_structures,), optional
        By which structures are told apart.
    at_most_of_a_kind : int, optional
        Largest number of structures to choose of each kind.

    Returns
    -------
    ndarray of int
        Structures, ascending.

    Raises
    ------
    ValueError
        If the threshold is not above 1, a cost not above 0, or a row is not finite.
    """
    if threshold <= 1:
        raise ValueError(f"the selection threshold is {threshold}; it must be above 1")
    if costs is not None and not np.all(np.asarray(costs) > 0):
        raise ValueError(f"a label is said to cost {np.min(costs)}; costs must be above 0")
    if owners is None:
        owners = np.arange(len(rows))
    places = _swap_in(active_set, rows, threshold, at_most, owners, costs, kinds, at_most_of_a_kind)
    return np.unique(owners[places[places >= 0]])


def distinct(
    rows: np.ndarray,
    owners: np.ndarray,
    active_set: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Leave out the frames of a walk that are much like the last one kept.

    Structures are alike if each coefficient of their rows, as combinations of the active set's,
    is the same to the tolerance. Once a row has taken a place, one like it has a grade of no more
    than the larger of ``1 + tolerance`` and ``2 * tolerance``: at half the threshold of the
    selection nothing is lost in the first swap, and less tolerance leaves room for more of them.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_parameters)
        Of the frames of one walk in their order.
    owners : ndarray of int, shape (n_rows,)
        Frame that each row belongs to, ascending from 0, none left out.
    active_set : ndarray, shape (n_parameters, n_parameters)
    tolerance : float

    Returns
    -------
    ndarray of int
        Frames that are kept, ascending.
    """
    if not len(rows):
        return np.arange(0)
    coefficients = _coefficients(rows, active_set)
    kept, last = [], None
    for frame, own in enumerate(np.split(coefficients, _starts(owners)[1:])):
        if last is None or own.shape != last.shape or np.abs(own - last).max() > tolerance:
            kept.append(frame)
            last = own
    return np.array(kept, dtype=int)


def _starts(owners: np.ndarray) -> np.ndarray:
    """First row of each structure."""
    return np.flatnonzero(np.diff(owners, prepend=-1))


def _coefficients(rows: np.ndarray, active_set: np.ndarray) -> np.ndarray:
    """Rows as linear combinations of those of the active set."""
    result = np.empty_like(rows, dtype=float)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        result[start : start + BLOCK] = np.linalg.solve(active_set.T, block.T).T
    return result


def _swap_in(
    active_set: np.ndarray,
    rows: np.ndarray,
    threshold: float,
    at_most: int | None = None,
    owners: np.ndarray | None = None,
    costs: np.ndarray | None = None,
    kinds: np.ndarray | None = None,
    at_most_of_a_kind: int | None = None,
) -> np.ndarray:
    """Let rows take places in an active set as long as a grade exceeds the threshold.

    Every swap multiplies the determinant by the grade; the coefficients of all rows follow by a
    rank-one update (Goreinov et al., How to find a good submatrix, 2010), so that a swap costs
    n_rows times n_parameters.

    Parameters
    ----------
    active_set, rows, threshold, at_most, owners, costs, kinds, at_most_of_a_kind
        As in `select`.

    Returns
    -------
    ndarray of int, shape (n_parameters,)
        Index of the row that has taken each place, -1 where none has.
    """
    if not np.isfinite(rows).all():
        number = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise ValueError(f"row {number} has derivatives that are not finite numbers")
    if owners is None:
        owners = np.arange(len(rows))
    places = np.full(len(active_set), -1)
    coefficients = _coefficients(rows, active_set)
    largest = np.abs(coefficients).max(axis=1)
    while True:
        holders = np.unique(owners[places[places >= 0]])
        if not len(rows) or (at_most is not None and len(holders) >= at_most):
            return places
        allowed = largest
        if kinds is not None and at_most_of_a_kind is not None:
            full = np.flatnonzero(np.bincount(kinds[holders]) >= at_most_of_a_kind)
            closed = np.setdiff1d(np.flatnonzero(np.isin(kinds, full)), holders)
            allowed = np.where(np.isin(owners, closed), 0, largest)
        row = _next(allowed, threshold, owners, holders, costs)
        if row is None:
            return places
        place = int(np.argmax(np.abs(coefficients[row])))
        places[place] = row
        change = coefficients[row] / coefficients[row, place]
        change[place] = 1 - 1 / coefficients[row, place]
        for start in range(0, len(rows), BLOCK):
            block = coefficients[start : start + BLOCK]
            block -= np.outer(block[:, place], change)
            largest[start : start + BLOCK] = np.abs(block).max(axis=1)


def _next(
    largest: np.ndarray,
    threshold: float,
    owners: np.ndarray,
    holders: np.ndarray,
    costs: np.ndarray | None,
) -> int | None:
    """Choose the row that takes a place next, None if no grade exceeds the threshold."""
    if costs is None:
        row = int(np.argmax(largest))
        return row if largest[row] > threshold else None
    paid = np.where(np.isin(owners, holders), largest, 0)
    row = int(np.argmax(paid))
    if paid[row] > SWAP_THRESHOLD:
        return row
    gains = np.log(np.where(largest > threshold, largest, 1)) / costs[owners]
    row = int(np.argmax(gains))
    return row if gains[row] > 0 else None
