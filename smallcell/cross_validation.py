"""The strength of the ridge, and which minimum, by cross-validation inside the training set.

Each group of structures is left out in turn. The coefficients without it are those of the whole
set after one Gauss-Newton step on the objective of the rest, and the loss on the group is expanded
about the former to second order. All of it is had from the groups' normal equations, at the cost of
one step of the fit, not of as many fits as there are groups.
"""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from smallcell.least_squares import Point, Problem

DAMPING = 1e-6
"""Relative damping of the Gauss-Newton step: without it radial coefficients that nothing determines
would leap."""


def scores(problem: Problem, point: Point) -> np.ndarray:
    """Return the squared errors of each group as a potential makes them that has not seen it.

    Returns
    -------
    ndarray, shape (n_groups,)
        Contributions to the loss, so that their sum compares with the loss of the whole.
    """
    by_group = problem.full_equations(point, problem.groups)
    whole = sum(by_group)
    found = []
    for group in by_group:
        step = gauss_newton_step(point, whole - group)
        found.append(group[-1, -1] + step @ (2 * group[:-1, -1] + group[:-1, :-1] @ step))
    return np.maximum(found, np.finfo(float).tiny)


def gauss_newton_step(point: Point, equations: np.ndarray) -> np.ndarray:
    """Return the change of radial and linear coefficients that minimises other normal equations.

    Parameters
    ----------
    point : Point
        Where the equations were expanded; its ridge is added to them.
    equations : ndarray
        A weighted sum of what `Problem.full_equations` found.
    """
    normal, gradient = equations[:-1, :-1].copy(), equations[:-1, -1].copy()
    linear = slice(point.potential.radial.size, None)
    normal[linear, linear] += np.diag(point.penalty**2)
    gradient[linear] += point.penalty**2 * point.coefficients
    diagonal = np.diag(normal)
    normal += np.diag(DAMPING * np.maximum(diagonal, DAMPING * diagonal.max()))
    with threadpool_limits(1, "blas"):
        return -np.linalg.solve(normal, gradient)


def log_mean(of_groups: np.ndarray) -> float:
    """Return the mean logarithm of what `scores` found.

    By it potentials are compared, so that one configuration unlike all others does not decide.
    """
    return float(np.log(of_groups).mean())


def preferred(by_group: Sequence[np.ndarray]) -> int:
    """Choose among ridges, the strongest first, by what `scores` found for each.

    Compared is the `log_mean`. The strongest ridge that is not worse than the best by more than one
    standard error of their difference is taken (the rule of Breiman et al., Classification and
    Regression Trees, 1984): what the training set cannot tell apart, large cells may.
    """
    logarithms = np.log(by_group)
    excess = logarithms - logarithms[np.argmin(logarithms.mean(axis=1))]
    errors = excess.std(axis=1) / np.sqrt(excess.shape[1])
    return int(np.flatnonzero(excess.mean(axis=1) <= errors)[0])
