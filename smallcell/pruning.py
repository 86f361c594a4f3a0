"""Pruning of a fitted basis: the scalars go that cost most for the accuracy that they bring.

The basis of a level is a rule, not a choice: some of its scalars hardly lower the loss, but need
long products. Backward elimination drops, one after the other, what raises the objective least for
the time that it saves, the linear coefficients refitted each time, the radial functions now and
then. What is left is a basis like any other, which every reader of ``.mtp`` files evaluates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from smallcell.basis import Basis
from smallcell.cross_validation import log_mean, scores
from smallcell.fitting import Fit, fit
from smallcell.least_squares import Point, Problem
from smallcell.loss import Weights
from smallcell.potential import Potential

ACCEPTED_RISE = 0.05
"""Share by which pruning may raise the cross-validated error: less than the intervals of errors on
some hundred held-out structures reach to either side."""


@dataclass(frozen=True)
class Cost:
    """What a step of molecular dynamics costs an atom, linear in the sizes of a basis.

    The defaults are microseconds of our pair style at some fifty neighbours on a busy machine
    (`benchmarks/pruning.py` measures them); only their ratios matter for what is dropped.

    Attributes
    ----------
    step : float
        What does not depend on the basis.
    moment : float
        Each basic moment. The kernel computes for a radial function all of them up to the highest
        rank in use, so that these count.
    product : float
        Each product of two moments.
    """

    step: float = 0.40
    moment: float = 0.0094
    product: float = 0.00040

    def of(self, basis: Basis) -> float:
        """Return the cost of a basis."""
        return self.of_moments(basis, np.ones(basis.n_moments, dtype=bool))

    def of_moments(self, basis: Basis, used: np.ndarray) -> float:
        """Return the cost if only some of the moments are computed."""
        basic = basis.basic[used[: len(basis.basic)]]
        rank = basic[:, 1:].sum(axis=1)
        highest = [rank[basic[:, 0] == mu].max() for mu in np.unique(basic[:, 0])]
        moments = sum((n + 1) * (n + 2) * (n + 3) // 6 for n in highest)
        products = np.count_nonzero(used[basis.products[:, 3]])
        return self.step + self.moment * moments + self.product * products


def prune(
    structures: Sequence[Atoms],
    potential: Potential,
    weights: Weights,
    ridge: float,
    factor: float = 0.8,
    cost: Cost = Cost(),
    limit: int = 40,
    threads: int = 1,
) -> Iterator[Fit]:
    """Yield fits of ever smaller parts of a potential's basis, as long as more can be saved.

    Parameters
    ----------
    structures, weights, ridge, threads
        Those of the fit that the potential is from, see `smallcell.fitting.fit`.
    potential : Potential
        A fitted potential.
    factor : float
        By which what the basis costs, beyond `Cost.step`, falls at least before the radial
        functions are fitted again.
    cost : Cost
        What is saved.
    limit : int
        Steps of each fit of the radial functions.
    """
    while len(potential.linear) > 2:
        point = Problem(structures, potential, weights, threads).point(potential, ridge)
        goal = cost.step + factor * (cost.of(potential.basis) - cost.step)
        kept = cheaper(point, goal, cost)
        if kept.all():
            return
        potential = with_scalars(point.potential, kept)
        found = fit(structures, [potential], weights, (ridge,), limit, threads)
        potential = found.potential
        yield found


def preferred_part(
    structures: Sequence[Atoms], fits: Sequence[Fit], weights: Weights, threads: int = 1
) -> int:
    """Choose by cross-validation among the whole and its parts, as `prune` has yielded them.

    Compared are geometric means over the groups (`smallcell.cross_validation`).

    Returns
    -------
    int
        The last, hence cheapest, whose error is not above the lowest by more than `ACCEPTED_RISE`.
    """
    means = []
    for one in fits:
        problem = Problem(structures, one.potential, weights, threads)
        point, _ = problem.model(problem.point(one.potential, one.ridge))
        means.append(log_mean(scores(problem, point)))
    # The loss is the square of an error.
    return int(np.flatnonzero(np.array(means) <= min(means) + 2 * np.log1p(ACCEPTED_RISE))[-1])


def cheaper(point: Point, goal: float, cost: Cost) -> np.ndarray:
    """Choose the scalars that stay when a basis is to cost so much at most.

    In turn those go, one scalar or all that need some moment, that raise the objective least for
    the cost that they save; the rise is exact for the radial functions as they are.

    Parameters
    ----------
    point : Point
        The fit of the whole basis.
    goal : float
        Cost to reach; at least one scalar stays.

    Returns
    -------
    ndarray of bool, shape (n_scalars,)
    """
    basis = point.potential.basis
    n_species = len(point.potential.shifts)
    needs = needed_moments(basis)
    candidates = _candidates(needs)
    kept = np.ones(len(needs), dtype=bool)
    now = cost.of_moments(basis, needs.any(axis=0))
    inverse = point.solve(np.eye(len(point.coefficients)))
    inverse = inverse[n_species:, n_species:]
    coefficients = point.coefficients[n_species:].copy()
    while now > goal and kept.sum() > 1:
        best = None
        counts = needs[kept].sum(axis=0)
        tried = set()
        for candidate in candidates:
            going = np.flatnonzero(candidate & kept)
            if not 0 < len(going) < kept.sum() or (key := going.tobytes()) in tried:
                continue
            tried.add(key)
            left = cost.of_moments(basis, counts > needs[going].sum(axis=0))
            if left < now:
                change = np.linalg.solve(inverse[np.ix_(going, going)], coefficients[going])
                price = coefficients[going] @ change / (now - left)
                if best is None or price < best[0]:
                    best = price, going, change, left
        if best is None:
            break
        _, going, change, now = best
        coefficients -= inverse[:, going] @ change
        inverse -= inverse[:, going] @ np.linalg.solve(
            inverse[np.ix_(going, going)], inverse[going]
        )
        kept[going] = False
    return kept


def _candidates(needs: np.ndarray) -> np.ndarray:
    """List sets of scalars that may go together: each alone, and all that need a moment."""
    return np.unique(np.vstack([np.eye(len(needs), dtype=bool), needs.T]), axis=0)


def needed_moments(basis: Basis) -> np.ndarray:
    """Tell which moments each scalar is made of, itself included.

    Returns
    -------
    ndarray of bool, shape (n_scalars, n_moments)
    """
    needs = np.eye(basis.n_moments, dtype=bool)
    for left, right, _, target in basis.products:
        needs[target] |= needs[left] | needs[right]
    return needs[basis.scalars]


def with_scalars(potential: Potential, kept: np.ndarray) -> Potential:
    """Return a potential with some of its scalars and with only what these need.

    Parameters
    ----------
    potential : Potential
        Its active set, whose columns belong to the whole basis, is dropped.
    kept : ndarray of bool, shape (n_scalars,)
        Which scalars stay, with the coefficients that they have.

    Returns
    -------
    Potential
        Radial functions that nothing needs are gone, the others numbered anew in their order.

    Raises
    ------
    ValueError
        If no scalar stays.
    """
    if not kept.any():
        raise ValueError("all scalars would go; a potential needs at least one")
    basis = potential.basis
    used = needed_moments(basis)[kept].any(axis=0)
    number = np.cumsum(used) - 1
    basic = basis.basic[used[: len(basis.basic)]].copy()
    radial, basic[:, 0] = np.unique(basic[:, 0], return_inverse=True)
    products = basis.products[used[basis.products[:, 3]]].copy()
    products[:, [0, 1, 3]] = number[products[:, [0, 1, 3]]]
    scalars = number[basis.scalars[kept]]
    return replace(
        potential,
        basis=Basis(basis.level, basic, products, scalars),
        radial=potential.radial[:, :, radial],
        linear=potential.linear[kept],
        active_set=None,
    )
