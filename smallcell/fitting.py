"""The fit of a moment tensor potential to labelled structures.

The energy is linear in the shifts and the linear coefficients, so that only the radial
coefficients need a search: variable projection (Golub and Pereyra, SIAM J. Numer. Anal. 10, 413
(1973)) with the Jacobian of Kaufman (BIT 15, 49 (1975)). Several starts lead to several minima
under the strongest ridge. Cross-validation (`smallcell.cross_validation`) chooses among them, since
of two minima the lower one is as often as not the worse potential; from there, and from the
potential of the round before, the search goes on under weaker and weaker ridges, among which
cross-validation chooses too.
"""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from smallcell.basis import Basis
from smallcell.cross_validation import log_mean, preferred, scores
from smallcell.errors import groups
from smallcell.least_squares import Point, Problem
from smallcell.loss import Weights, name
from smallcell.potential import Potential
from smallcell.radial import normalised, widened

CLOSEST_MARGIN = 0.99
"""Lower end of the radial basis, as a share of the shortest distance in the training set."""

RIDGES = (1e-6, 1e-7, 1e-8)
"""Strengths of the ridge that a fit tries (see `least_squares.Problem` for the meaning). Stronger
ones cost accuracy on all sets that we know; below 1e-8 cross-validation is too hopeful."""

STARTS = 6
"""Random starts of a fit from scratch; at level 8 about one in two misses the lowest minimum."""

ROUGH_ITERATIONS = 30
"""Most steps of a search as long as starts, minima and ridges are only compared."""

START_STRUCTURES = 200
"""Structures that starts are compared on, which costs less than on all and tells as much."""

MINIMA = 3
"""How many of the minima that starts have led to are compared by cross-validation."""

TOLERANCE = 1e-5
"""Predicted relative decrease of the objective by which a fit counts as converged."""

ROUGH_TOLERANCE = 1e-3
"""The same as long as they are only compared."""


@dataclass(frozen=True)
class Fit:
    """A fitted potential and how it was reached.

    Attributes
    ----------
    potential : Potential
        Without an active set, except where MLIP-3 has fitted it.
    loss : float
        As `smallcell.loss` defines it.
    ridge : float or None
        Strength of the ridge that was kept; None of a fit by MLIP-3, whose ridge is its own.
    scores : dict of float to float
        Cross-validated loss by ridge; empty if there was no choice.
    iterations : int
        Steps that were tried, over all starts and ridges.
    converged : bool
        Whether the next step would have lowered the objective by less than `TOLERANCE` of it.
    condition : float or None
        Condition number of the scaled linear problem, its ridge included; None if MLIP-3 solved it.
    seconds : float
        Wall time.
    """

    potential: Potential
    loss: float
    ridge: float | None
    scores: dict[float, float]
    iterations: int
    converged: bool
    condition: float | None
    seconds: float


def fit(
    structures: Sequence[Atoms],
    starts: Sequence[Potential],
    weights: Weights = Weights(),
    ridges: Sequence[float] = RIDGES,
    limit: int = 200,
    threads: int = 1,
) -> Fit:
    """Fit a potential to labelled structures, starting from the radial functions of others.

    The same input gives the same bits, on any number of threads. Where atoms come closer than a
    start's radial basis reaches, the start is first written in a wider basis, which leaves its
    energies as they are (`widened`).

    Parameters
    ----------
    structures : sequence of Atoms
        With energy (eV), forces (eV/A) and stress (eV/A^3) in a SinglePointCalculator.
    starts : sequence of Potential
        The potential of the round before, `random_starts`, or it and some of these after it.
    weights : Weights
        Of energies, forces and stresses in the loss.
    ridges : sequence of float
        Strengths of the ridge to choose from.
    limit : int
        Steps after which the last search ends unconverged.
    threads : int
        Threads to compute on.

    Raises
    ------
    ValueError
        If there are no structures, a label is missing or not finite, a structure has an element
        that the potential does not know, or the potential one that no structure has.

    Warns
    -----
    UserWarning
        If the labels are fewer than the parameters.
    """
    began = time.perf_counter()
    closest = min(lower_end(structures), *(start.closest for start in starts))
    check_species(structures, starts[0])
    starts = [widened(start, closest) for start in starts]
    problem = Problem(structures, starts[0], weights, threads)
    if problem.n_labels < problem.n_parameters:
        warnings.warn(
            f"{len(structures)} configurations have {problem.n_labels} labels for "
            f"{problem.n_parameters} parameters; the ridge decides what they leave open",
            stacklevel=2,
        )
    path = sorted(ridges, reverse=True)
    iterations = 0
    if len(starts) > 1:
        few = [structures[place] for place in groups(structures, 1)[0][:START_STRUCTURES]]
        part = Problem(few, starts[0], weights, threads)
        tried = [_roughly(part, part.point(start, path[0])) for start in starts]
        begins = [problem.point(point.potential, path[0]) for point in _minima(tried)]
        ends = [_roughly(problem, begin) for begin in begins]
        iterations += sum(end.iterations for end in tried + ends)
        minimum = min(ends, key=lambda end: log_mean(scores(problem, end.point))).point
        # Random starts have no linear coefficients, and have done their part.
        starts = [minimum.potential, *(start for start in starts if start.linear.any())]
    ends = _followed(problem, starts, path)
    iterations += sum(end.iterations for end in ends)
    by_group = [scores(problem, end.point) for end in ends] if len(path) > 1 else []
    chosen = ends[preferred(by_group) if by_group else 0].point
    end = _search(problem, chosen, TOLERANCE, limit)
    return Fit(
        potential=end.point.potential,
        loss=end.point.loss,
        ridge=chosen.ridge,
        scores={ridge: float(one.sum()) for ridge, one in zip(path, by_group, strict=False)},
        iterations=iterations + end.iterations,
        converged=end.converged,
        condition=end.point.condition(),
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True)
class _End:
    """Where a search ended."""

    point: Point
    iterations: int
    converged: bool


def _roughly(problem: Problem, begin: Point) -> _End:
    """Search as far as it takes to compare the end with others."""
    return _search(problem, begin, ROUGH_TOLERANCE, ROUGH_ITERATIONS)


def _minima(ends: Sequence[_End]) -> list[Point]:
    """Return the lowest ends, `MINIMA` at most; those of one objective are taken for the same."""
    found = []
    for point in sorted((end.point for end in ends), key=lambda point: point.objective):
        if not found or point.objective > (1 + ROUGH_TOLERANCE) * found[-1].objective:
            found.append(point)
    return found[:MINIMA]


def _followed(problem: Problem, starts: Sequence[Potential], ridges: Sequence[float]) -> list[_End]:
    """Search under one ridge after the other, the strongest first; return the lowest end of each.

    A strong ridge may lead out of a good minimum, and the way back may look like a climb. So each
    search sets out not only from the end before, but from every start too.
    """
    ends = []
    for ridge in ridges:
        begins = [*starts, *(end.point.potential for end in ends[-1:])]
        tried = [_roughly(problem, problem.point(begin, ridge)) for begin in begins]
        lowest = min(tried, key=lambda end: end.point.objective)
        ends.append(replace(lowest, iterations=sum(end.iterations for end in tried)))
    return ends


def _search(problem: Problem, point: Point, tolerance: float, limit: int) -> _End:
    """Levenberg-Marquardt over the radial coefficients, linear ones solved exactly.

    Damped as by Nielsen (Madsen, Nielsen and Tingleff, Methods for non-linear least squares
    problems, 2004).
    """
    point, model = problem.model(point)
    damping, growth = 1e-3, 2.0
    converged = False
    iterations = 0
    while not converged and iterations < limit:
        iterations += 1
        step, predicted = model.step(damping)
        trial = problem.moved(point, step)
        gain = (point.objective - trial.objective) / predicted
        converged = bool(predicted < tolerance * point.objective + problem.rounding)
        if gain > 0:
            point, model = problem.model(problem.recharged(trial))
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
            growth = 2.0
        else:
            damping *= growth
            growth *= 2
    return _End(point, iterations, converged)


def random_starts(
    structures: Sequence[Atoms],
    species: tuple[str, ...],
    basis: Basis,
    cutoff: float,
    n_chebyshev: int,
    rng: np.random.Generator,
    number: int = STARTS,
) -> list[Potential]:
    """Return starting potentials whose radial basis begins just below the shortest distance."""
    closest = lower_end(structures)
    return [
        starting_potential(species, basis, cutoff, closest, n_chebyshev, rng) for _ in range(number)
    ]


def starting_potential(
    species: tuple[str, ...],
    basis: Basis,
    cutoff: float,
    closest: float,
    n_chebyshev: int,
    rng: np.random.Generator,
) -> Potential:
    """Return an untrained potential: random radial functions, everything linear zero.

    Radial function mu is mostly the Chebyshev polynomial of degree mu, which keeps the functions
    apart from each other.
    """
    n_radial = basis.n_radial_functions
    n_species = len(species)
    radial = rng.uniform(-0.3, 0.3, (n_species, n_species, n_radial, n_chebyshev))
    for degree in range(n_radial):
        radial[:, :, degree, min(degree, n_chebyshev - 1)] = rng.uniform(
            1.0, 1.5, (n_species, n_species)
        )
    return normalised(
        Potential(
            species=tuple(species),
            basis=basis,
            closest=closest,
            cutoff=cutoff,
            radial=radial,
            shifts=np.zeros(n_species),
            linear=np.zeros(len(basis.scalars)),
        )
    )


def check_species(structures: Sequence[Atoms], potential: Potential) -> None:
    """Refuse a training set whose elements are not those of the potential."""
    seen = set()
    for number, atoms in enumerate(structures):
        elements = set(atoms.get_chemical_symbols())
        if unknown := elements - set(potential.species):
            raise ValueError(
                f"{name(number, atoms)} contains {', '.join(sorted(unknown))}, which is not among "
                f"the potential's species {', '.join(potential.species)}"
            )
        seen |= elements
    if absent := [symbol for symbol in potential.species if symbol not in seen]:
        raise ValueError(
            f"no configuration of the training set contains {', '.join(absent)}, so that the "
            "potential cannot be fitted for it"
        )


def lower_end(structures: Sequence[Atoms]) -> float:
    """Lower end of a radial basis that reaches all distances in the structures (A)."""
    if not structures:
        raise ValueError("the training set is empty; a fit needs at least one configuration")
    return CLOSEST_MARGIN * min(map(shortest_distance, structures))


def shortest_distance(atoms: Atoms) -> float:
    """Shortest distance between two atoms of a structure, periodic images included (A).

    Returns
    -------
    float
        Infinity for a single atom without periodic images.
    """
    lattice, _ = minkowski_reduce(atoms.cell, atoms.pbc)
    images = np.linalg.norm(lattice[atoms.pbc], axis=1)
    pairs = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    return float(min([*images, *pairs], default=np.inf))
