"""Potentials that the same labels might as well have given, whose spread tells what is uncertain.

Each member has the groups of the training set weighted by random numbers, the Bayesian bootstrap
(Rubin, Ann. Stat. 9, 130 (1981)). Its radial coefficients are those of the potential after one
Gauss-Newton step, from normal equations that all members share; its linear ones are solved for.
So a member costs three evaluations of the training set, where a fit costs a hundred.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from smallcell.cross_validation import gauss_newton_step
from smallcell.least_squares import Point, Problem, split
from smallcell.loss import Weights
from smallcell.potential import Potential
from smallcell.radial import normalised

FRACTIONS = (1, 1 / 4, 0)
"""Shares of the step that are tried; the best is taken. Of nothing, the radial functions stay."""


def ensemble(
    structures: Sequence[Atoms],
    potential: Potential,
    weights: Weights,
    ridge: float,
    members: int,
    rng: np.random.Generator,
    threads: int = 1,
) -> list[Potential]:
    """Refit a potential to its training set under so many random weights.

    Parameters
    ----------
    structures, weights, ridge, threads
        Those of the fit, see `smallcell.fitting.fit`.
    potential : Potential
        The result of the fit.
    members : int
        How many potentials to make.
    rng : Generator
        Of the random weights.
    """
    problem = Problem(structures, potential, weights, threads)
    point, _ = problem.model(problem.point(potential, ridge))
    by_group = problem.full_equations(point, problem.groups)
    return [
        _member(problem, point, by_group, len(by_group) * rng.dirichlet(np.ones(len(by_group))))
        for _ in range(members)
    ]


def _member(
    problem: Problem, point: Point, by_group: list[np.ndarray], counts: np.ndarray
) -> Potential:
    """Refit with the groups counting for so much."""
    step = gauss_newton_step(point, np.tensordot(counts, by_group, 1))
    step = step[: point.potential.radial.size].reshape(point.potential.radial.shape)
    found = []
    for fraction in FRACTIONS:
        start = normalised(
            replace(point.potential, radial=point.potential.radial + fraction * step)
        )
        equations = problem.linear_equations(start, problem.groups)
        gram, right = split(np.tensordot(counts, equations, 1))
        found.append(problem.solved(start, gram, right, point.ridge, point.penalty))
    return min(found, key=lambda one: one.objective).potential
