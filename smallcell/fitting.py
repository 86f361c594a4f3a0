"""The fit of a moment tensor potential to labelled structures.

The energy is linear in the shifts and the linear coefficients, so that only the radial
coefficients need a search: variable projection (Golub and Pereyra, SIAM J. Numer. Anal. 10, 413
(1973)) with the Jacobian of Kaufman (BIT 15, 49 (1975)). All is done by normal equations, which are
many times cheaper than a QR decomposition of as many rows as there are labels. The ridge bounds
their condition, and one step of refinement with the residual of the rows themselves gives back
what squaring the condition costs (Bjorck, Linear Algebra Appl. 88/89, 31 (1987)).
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.geometry import minkowski_reduce
from ase.stress import voigt_6_to_full_3x3_stress
from scipy.linalg import cho_factor, cho_solve

from smallcell.basis import Basis
from smallcell.engine import Engine
from smallcell.potential import Potential
from smallcell.radial import normalised, widened

CLOSEST_MARGIN = 0.99
"""Lower end of the radial basis, as a share of the shortest distance in the training set."""

RIDGE = 1e-6
"""Default strength of the ridge: a linear coefficient costs the loss this share of the squared
contribution that it makes to the weighted observables. It keeps the
coefficients of an undetermined fit, such as the first of a campaign, from cancelling each other in
the thousands. On the quickstart's labels, 1e-8 fits no better what it has not seen, and one
potential in two then drives a large cell into densities that no label is near; 1e-4 loses bcc K."""

SMALLEST_COLUMN = 1e-2
"""What has less than this share of the largest effect is charged as if it had that: coefficients
that the structures hardly excite, or by symmetry not at all, stay near zero."""

TOLERANCE = 1e-5
"""Predicted relative decrease of the loss by which the fit counts as converged."""


@dataclass(frozen=True)
class Weights:
    """Weights of squared errors in the loss (energies in eV, lengths in A); MLIP's defaults."""

    energy: float = 1.0
    force: float = 0.01
    stress: float = 0.001


@dataclass(frozen=True)
class Fit:
    """A fitted potential and how it was reached.

    Attributes
    ----------
    potential : Potential
        Without an active set.
    loss : float
        Mean over configurations of ``w_E dE^2 / N + w_F |dF|^2 + w_S |V dS|^2 / N``.
    iterations : int
        Steps that were tried, over all starts if there were several.
    converged : bool
        Whether the next step would have lowered the loss by less than `TOLERANCE` of it.
    condition : float
        Condition number of the scaled linear problem, its ridge included.
    seconds : float
        Wall time.
    """

    potential: Potential
    loss: float
    iterations: int
    converged: bool
    condition: float
    seconds: float


@dataclass(frozen=True)
class Errors:
    """Errors of a potential on labelled structures; NaN where there are no structures.

    Attributes
    ----------
    energy, energy_maximum : float
        Root mean square and largest error of the energy (eV/atom).
    force, force_maximum : float
        The same of the force components (eV/A).
    stress, stress_maximum : float
        The same of the nine components of the stress tensor (eV/A^3).
    configurations, atoms : int
        How many there were.
    """

    energy: float
    energy_maximum: float
    force: float
    force_maximum: float
    stress: float
    stress_maximum: float
    configurations: int
    atoms: int


def fit_from_scratch(
    structures: Sequence[Atoms],
    species: tuple[str, ...],
    basis: Basis,
    cutoff: float,
    n_chebyshev: int,
    rng: np.random.Generator,
    weights: Weights = Weights(),
    ridge: float = RIDGE,
    starts: int = 6,
    max_iterations: int = 200,
) -> Fit:
    """Fit from several random starting potentials and keep the lowest loss.

    A start ends in one of a few local minima; at level 8 about one in two misses the lowest.
    The radial basis begins a little below the shortest distance in the structures. Parameters are
    those of `fit` and `starting_potential`.
    """
    began = time.perf_counter()
    closest = _lower_end(structures)
    fits = [
        fit(
            structures,
            starting_potential(species, basis, cutoff, closest, n_chebyshev, rng),
            weights,
            ridge,
            max_iterations,
        )
        for _ in range(starts)
    ]
    return replace(
        min(fits, key=lambda one: one.loss),
        iterations=sum(one.iterations for one in fits),
        seconds=time.perf_counter() - began,
    )


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


def fit(
    structures: Sequence[Atoms],
    start: Potential,
    weights: Weights = Weights(),
    ridge: float = RIDGE,
    max_iterations: int = 200,
) -> Fit:
    """Fit a potential to labelled structures, starting from the radial functions of another.

    Levenberg-Marquardt over the radial coefficients, damped as by Nielsen (Madsen, Nielsen and
    Tingleff, Methods for non-linear least squares problems, 2004), with shifts and linear
    coefficients solved exactly at every step. The same input gives the same bits on one thread.

    Where atoms come closer than the start's radial basis reaches, the start is first written in
    a wider basis, which leaves its energies as they are (`widened`).

    Parameters
    ----------
    structures : sequence of Atoms
        With energy (eV), forces (eV/A) and stress (eV/A^3) in a SinglePointCalculator.
    start : Potential
        The potential of the round before, or `starting_potential`.
    weights : Weights
        Of energies, forces and stresses in the loss.
    ridge : float
        Strength of the ridge on shifts and linear coefficients, see `RIDGE`.
    max_iterations : int
        Steps after which the fit ends unconverged.

    Raises
    ------
    ValueError
        If there are no structures, a label is missing or not finite, a structure has an element
        that the potential does not know, or the potential one that no structure has.
    """
    began = time.perf_counter()
    closest = min(start.closest, _lower_end(structures))
    _check_species(structures, start)
    problem = _Problem(structures, widened(start, closest), weights, ridge)
    point = problem.start()
    model = problem.model(point)
    damping, growth = 1e-3, 2.0
    converged = False
    iterations = 0
    while not converged and iterations < max_iterations:
        iterations += 1
        step, predicted = model.step(damping)
        trial = problem.moved(point, step)
        gain = (point.objective - trial.objective) / predicted
        converged = bool(predicted < TOLERANCE * point.objective + problem.rounding)
        if gain > 0:
            point = problem.recharged(trial)
            model = problem.model(point)
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
            growth = 2.0
        else:
            damping *= growth
            growth *= 2
    return Fit(
        potential=point.potential,
        loss=point.loss,
        iterations=iterations,
        converged=converged,
        condition=point.condition(),
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True)
class _Point:
    """Radial coefficients, the best linear ones for them, and what is left.

    Attributes
    ----------
    potential : Potential
        With normalised radial functions.
    columns : ndarray, shape (n_observables, n_linear)
        Weighted derivatives with respect to shifts and linear coefficients.
    gram : ndarray, shape (n_linear, n_linear)
        ``columns.T @ columns``.
    penalty : ndarray, shape (n_linear,)
        Square roots of what the ridge charges for these.
    residual : ndarray, shape (n_observables,)
        Weighted errors.
    loss, objective : float
        Without and with the ridge.
    """

    potential: Potential
    columns: np.ndarray
    gram: np.ndarray
    penalty: np.ndarray
    residual: np.ndarray
    loss: float
    objective: float

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Solve with the matrix of the normal equations, gram and ridge, scaled to equal sizes."""
        return _solve(self.gram, self.penalty, right)

    def condition(self) -> float:
        """Condition number of columns and ridge together, scaled to equal sizes."""
        sizes = _sizes(np.sqrt(np.diag(self.gram)))
        normal = self.gram + np.diag(self.penalty**2)
        return float(np.sqrt(np.linalg.cond(normal / np.outer(sizes, sizes))))


@dataclass(frozen=True)
class _Model:
    """The objective about a point as a quadratic function of the radial coefficients.

    Attributes
    ----------
    gradient : ndarray, shape (n_radial,)
        Half the derivatives of the objective, linear coefficients following.
    normal : ndarray, shape (n_radial, n_radial)
        ``jacobian.T @ jacobian`` of Kaufman's Jacobian.
    """

    gradient: np.ndarray
    normal: np.ndarray

    def step(self, damping: float) -> tuple[np.ndarray, float]:
        """Levenberg-Marquardt step and the decrease of the objective that is predicted for it."""
        sizes = _sizes(np.sqrt(np.maximum(np.diag(self.normal), 0)))
        gradient = self.gradient / sizes
        normal = self.normal / np.outer(sizes, sizes) + damping * np.eye(len(sizes))
        step = -np.linalg.solve(normal, gradient)
        return step / sizes, float(step @ (damping * step - gradient))


class _Problem:
    """A training set as a least-squares problem."""

    def __init__(
        self, structures: Sequence[Atoms], potential: Potential, weights: Weights, ridge: float
    ) -> None:
        self.potential = potential
        self.ridge = ridge
        self.engine = Engine(potential, structures)
        self.scales = _scales(structures, weights)
        self.labels = self.scales * _labels(structures)
        self.rounding = (np.finfo(float).eps * np.linalg.norm(self.labels)) ** 2

    def start(self) -> _Point:
        """Solve for the linear coefficients at the radial coefficients that were given."""
        potential = normalised(self.potential)
        columns = self._columns(potential)
        gram = columns.T @ columns
        return self._solved(potential, columns, gram, self._penalty(gram))

    def moved(self, point: _Point, step: np.ndarray) -> _Point:
        """Solve at other radial coefficients, charged as at the point so that they compare."""
        radial = point.potential.radial + step.reshape(point.potential.radial.shape)
        potential = normalised(replace(point.potential, radial=radial))
        columns = self._columns(potential)
        return self._solved(potential, columns, columns.T @ columns, point.penalty)

    def recharged(self, point: _Point) -> _Point:
        """Solve at the same radial coefficients, charged by their own columns."""
        return self._solved(point.potential, point.columns, point.gram, self._penalty(point.gram))

    def _columns(self, potential: Potential) -> np.ndarray:
        return self.scales[:, None] * self.engine.linear_derivatives(potential)

    def _penalty(self, gram: np.ndarray) -> np.ndarray:
        return np.sqrt(self.ridge) * _sizes(np.sqrt(np.diag(gram)))

    def _solved(
        self, potential: Potential, columns: np.ndarray, gram: np.ndarray, penalty: np.ndarray
    ) -> _Point:
        """Find the best linear coefficients."""
        # The ridge draws shifts to the mean energies of the elements, so that it is the same
        # whatever energies are counted from.
        n_species = len(potential.shifts)
        coefficients = np.zeros(columns.shape[1])
        coefficients[:n_species] = np.linalg.lstsq(columns[:, :n_species], self.labels)[0]
        centre = coefficients
        residual = columns @ coefficients - self.labels
        for _ in range(2):  # the second time is the refinement
            slope = columns.T @ residual + penalty**2 * (coefficients - centre)
            coefficients = coefficients - _solve(gram, penalty, slope)
            residual = columns @ coefficients - self.labels
        shifts, linear = np.split(coefficients, [n_species])
        loss = float(np.sum(residual**2))
        return _Point(
            potential=replace(potential, shifts=shifts, linear=linear),
            columns=columns,
            gram=gram,
            penalty=penalty,
            residual=residual,
            loss=loss,
            objective=loss + float(np.sum((penalty * (coefficients - centre)) ** 2)),
        )

    def model(self, point: _Point) -> _Model:
        """Expand the objective in the radial coefficients, linear ones following.

        Kaufman's approximation: the derivative at fixed linear coefficients, less its part that
        linear coefficients can undo. Sizes of radial functions, which are normalised away, have no
        effect either.
        """
        radial = point.potential.radial
        jacobian = self.engine.radial_derivatives(point.potential)
        jacobian *= self.scales[:, None]
        by_function = jacobian.reshape(-1, *radial.shape)
        along = np.einsum("nijmb,ijmb->nm", by_function, radial) / np.sum(radial**2, axis=(0, 1, 3))
        by_function -= along[:, None, None, :, None] * radial
        mixed = point.columns.T @ jacobian
        return _Model(
            gradient=jacobian.T @ point.residual,
            normal=jacobian.T @ jacobian - mixed.T @ point.solve(mixed),
        )


def _solve(gram: np.ndarray, penalty: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve normal equations with a ridge, scaled to a diagonal of ones."""
    normal = gram + np.diag(penalty**2)
    sizes = np.sqrt(np.diag(normal))
    factor = cho_factor(normal / np.outer(sizes, sizes))
    return (cho_solve(factor, (right.T / sizes).T).T / sizes).T


def _sizes(norms: np.ndarray) -> np.ndarray:
    """Norms of columns, none below the share `SMALLEST_COLUMN` of the largest."""
    return np.maximum(norms, SMALLEST_COLUMN * norms.max())


def _scales(structures: Sequence[Atoms], weights: Weights) -> np.ndarray:
    """Square roots of what the squared errors of the observables count for in the loss."""
    scales = []
    for atoms in structures:
        n = len(atoms)
        # Components off the diagonal stand twice in the tensor, once in Voigt order.
        stress = weights.stress / n * np.array([1, 1, 1, 2, 2, 2])
        scales += [[weights.energy / n], np.full(3 * n, weights.force), stress]
    return np.sqrt(np.concatenate(scales) / len(structures))


def _labels(structures: Sequence[Atoms]) -> np.ndarray:
    """Labels in the order of the observables of `Engine`."""
    labels = [np.empty(0)]
    for number, atoms in enumerate(structures):
        try:
            energy = atoms.get_potential_energy()
            forces = atoms.get_forces()
            virial = atoms.get_stress() * atoms.cell.volume
        except (RuntimeError, PropertyNotImplementedError) as error:
            raise ValueError(
                f"{_name(number, atoms)} has not all of energy, forces and stress as labels: "
                f"{error}"
            ) from error
        label = np.concatenate([[energy], forces.ravel(), virial])
        if not np.isfinite(label).all():
            raise ValueError(f"{_name(number, atoms)} has a label that is not a finite number")
        labels.append(label)
    return np.concatenate(labels)


def _check_species(structures: Sequence[Atoms], potential: Potential) -> None:
    """Refuse a training set whose elements are not those of the potential."""
    seen = set()
    for number, atoms in enumerate(structures):
        elements = set(atoms.get_chemical_symbols())
        if unknown := elements - set(potential.species):
            raise ValueError(
                f"{_name(number, atoms)} contains {', '.join(sorted(unknown))}, which is not among "
                f"the potential's species {', '.join(potential.species)}"
            )
        seen |= elements
    if absent := [symbol for symbol in potential.species if symbol not in seen]:
        raise ValueError(
            f"no configuration of the training set contains {', '.join(absent)}, so that the "
            "potential cannot be fitted for it"
        )


def _name(number: int, atoms: Atoms) -> str:
    """Say what a person finds a configuration by: its place and its name if it has one."""
    name = atoms.info.get("name")
    return f"configuration {number}{f' ({name})' if name else ''} {atoms.get_chemical_formula()}"


def _lower_end(structures: Sequence[Atoms]) -> float:
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


def errors(potential: Potential, structures: Sequence[Atoms]) -> Errors:
    """Compare a potential with the labels of structures, as in the tables of the paper.

    Raises
    ------
    ValueError
        If a label is missing or not finite.
    """
    _labels(structures)
    energies, forces, stresses = [], [], []
    values = Engine(potential, structures).values(potential)
    for atoms, (energy, force, virial) in zip(structures, values, strict=True):
        energies.append((energy.sum() - atoms.get_potential_energy()) / len(atoms))
        forces.extend((force - atoms.get_forces()).flat)
        stress = virial / atoms.cell.volume - atoms.get_stress()
        stresses.extend(voigt_6_to_full_3x3_stress(stress).flat)
    return Errors(
        *_rms_and_maximum(energies),
        *_rms_and_maximum(forces),
        *_rms_and_maximum(stresses),
        configurations=len(structures),
        atoms=sum(map(len, structures)),
    )


def _rms_and_maximum(differences: list[float]) -> tuple[float, float]:
    """Root mean square and maximum of the absolute values; NaN of nothing."""
    if not differences:
        return np.nan, np.nan
    return float(np.sqrt(np.mean(np.square(differences)))), float(np.max(np.abs(differences)))


def held_out(structures: Sequence[Atoms], share: float) -> np.ndarray:
    """Choose structures that a fit shall not see, each by itself.

    A structure is held out if the hash of its elements, positions and cell (to 1e-6 A) falls
    into the given share of all hashes; so neither its place nor the other structures matter,
    and nothing that was trained on is ever held out later.

    Parameters
    ----------
    structures : sequence of Atoms
        Labels are not looked at.
    share : float
        Expected share of structures to hold out, from 0 to below 1.

    Returns
    -------
    ndarray of bool, shape (n_structures,)

    Raises
    ------
    ValueError
        If the share is out of range.
    """
    if not 0 <= share < 1:
        raise ValueError(f"the held-out share is {share}; it must be at least 0 and below 1")
    return np.array([_hash_fraction(atoms) < share for atoms in structures], dtype=bool)


def _hash_fraction(atoms: Atoms) -> float:
    """Map the content of a structure to a number in [0, 1)."""
    lengths = np.rint(np.vstack([atoms.cell.array, atoms.positions]) * 1e6).astype("<i8")
    content = atoms.numbers.astype("<i8").tobytes() + lengths.tobytes()
    return int.from_bytes(hashlib.sha256(content).digest()[:6], "little") / 2**48
