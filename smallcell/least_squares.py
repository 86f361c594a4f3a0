"""A training set as a separable least-squares problem, by normal equations.

Normal equations are many times cheaper than a QR decomposition of as many rows as there are
labels, and are summed up block by block, so that memory does not grow with the training set. What
they cost is the square of the condition number: the ridge bounds it, and one step of refinement
with the residuals of the rows themselves gives back the digits that are lost (Bjorck, Linear
Algebra Appl. 88/89, 31 (1987)).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from smallcell.engine import Engine
from smallcell.errors import groups
from smallcell.loss import Weights, labels, scales
from smallcell.potential import Potential
from smallcell.radial import normalised

SMALLEST_COLUMN = 1e-2
"""What has less than this share of the largest effect is charged as if it had that: coefficients
that the structures hardly excite, or by symmetry not at all, stay near zero."""

GROUPS = 20
"""Parts of the training set that are left out in turn by cross-validation."""

BLOCK = 1500
"""Labels in a block, about: enough for BLAS, few enough for the cache."""


@dataclass(frozen=True)
class Point:
    """Radial coefficients and the best linear ones for them.

    Attributes
    ----------
    potential : Potential
        With normalised radial functions.
    coefficients : ndarray, shape (n_linear,)
        Shifts, from the mean energies of the elements, and linear coefficients.
    gram : ndarray, shape (n_linear, n_linear)
        Normal matrix of weighted derivatives with respect to these.
    ridge : float
        Its strength.
    penalty : ndarray, shape (n_linear,)
        Square roots of what the ridge charges for the coefficients.
    loss, objective : float
        Without and with the ridge.
    """

    potential: Potential
    coefficients: np.ndarray
    gram: np.ndarray
    ridge: float
    penalty: np.ndarray
    loss: float
    objective: float

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Solve with the normal matrix, ridge included, scaled to a diagonal of ones."""
        normal = self.gram + np.diag(self.penalty**2)
        sizes = np.sqrt(np.diag(normal))
        factor = cho_factor(normal / np.outer(sizes, sizes))
        return (cho_solve(factor, (right.T / sizes).T).T / sizes).T

    def condition(self) -> float:
        """Condition number of columns and ridge together, scaled to equal sizes."""
        floors = _floored(np.sqrt(np.diag(self.gram)))
        normal = self.gram + np.diag(self.penalty**2)
        return float(np.sqrt(np.linalg.cond(normal / np.outer(floors, floors))))


@dataclass(frozen=True)
class Model:
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
        sizes = _floored(np.sqrt(np.maximum(np.diag(self.normal), 0)))
        gradient = self.gradient / sizes
        normal = self.normal / np.outer(sizes, sizes) + damping * np.eye(len(sizes))
        step = -np.linalg.solve(normal, gradient)
        return step / sizes, float(step @ (damping * step - gradient))


class Problem:
    """Labelled structures, whose squared errors a potential's coefficients shall make small.

    A ridge of strength s adds to the loss, for each linear coefficient and each shift's distance
    from the mean energy of its element, s times the squared contribution that it makes to all
    weighted labels. It keeps coefficients of an undetermined fit, such as the first of a campaign,
    from cancelling each other in the thousands.

    Parameters
    ----------
    structures : sequence of Atoms
        With labels.
    potential : Potential
        Any potential of the species, basis, cut-off and lower end of what shall be fitted.
    weights : Weights
        Of the loss.
    threads : int
        Threads to compute on; nothing depends on their number.

    Attributes
    ----------
    places : list of ndarray of int
        Where the structures of each of the `GROUPS` stand in the training set.
    groups : list of slice
        The groups as parts that `full_equations` and `linear_equations` take.
    n_labels, n_parameters : int
        How many there are.
    rounding : float
        Changes of the objective below this mean nothing.
    """

    def __init__(
        self, structures: Sequence[Atoms], potential: Potential, weights: Weights, threads: int = 1
    ) -> None:
        self.places = groups(structures, GROUPS)
        self.groups = _slices(map(len, self.places))
        order = np.concatenate(self.places)
        ordered = [structures[place] for place in order]
        self._engine = Engine(potential, ordered, threads)
        by_place = labels(structures), scales(structures, weights)
        label, scale = ([one[place] for place in order] for one in by_place)
        self._ends = np.cumsum([0, *map(len, label)])
        self._scale = np.concatenate(scale)
        weighted = self._scale * np.concatenate(label)
        counts = np.zeros((len(weighted), len(potential.species)))
        counts[self._ends[:-1]] = [
            [atoms.get_chemical_symbols().count(one) for one in potential.species]
            for atoms in ordered
        ]
        counts *= self._scale[:, None]
        self._mean_energies = np.linalg.lstsq(counts, weighted)[0]
        self._label = weighted - counts @ self._mean_energies
        self._square = float(self._label @ self._label)
        self.n_labels = len(weighted)
        self.n_parameters = potential.n_parameters
        self.rounding = np.finfo(float).eps * self._square

    def point(self, potential: Potential, ridge: float) -> Point:
        """Solve for the linear coefficients at the radial coefficients of a potential."""
        potential = normalised(potential)
        gram, right = split(sum(self.linear_equations(potential, self._blocks())))
        return self.solved(potential, gram, right, ridge, _penalty(gram, ridge))

    def moved(self, point: Point, step: np.ndarray) -> Point:
        """Solve at other radial coefficients, charged as at the point so that they compare."""
        radial = point.potential.radial + step.reshape(point.potential.radial.shape)
        potential = normalised(replace(point.potential, radial=radial))
        gram, right = split(sum(self.linear_equations(potential, self._blocks())))
        return self.solved(potential, gram, right, point.ridge, point.penalty)

    def recharged(self, point: Point) -> Point:
        """Solve at the same radial coefficients, charged by their own columns."""
        right = point.gram @ point.coefficients + point.penalty**2 * point.coefficients
        penalty = _penalty(point.gram, point.ridge)
        return self.solved(point.potential, point.gram, right, point.ridge, penalty)

    def model(self, point: Point) -> tuple[Point, Model]:
        """Refine the linear coefficients of a point and expand the objective about it.

        Kaufman's approximation: the derivative at fixed linear coefficients, less its part that
        linear coefficients can undo. Sizes of radial functions, which are normalised away, have no
        effect either.
        """
        full = sum(self.full_equations(point, self._blocks()))
        n = point.potential.radial.size
        radial, linear = slice(n), slice(n, -1)
        slope = full[linear, -1] + point.penalty**2 * point.coefficients
        change = -point.solve(slope)
        residual = full[-1, -1] + change @ (2 * full[linear, -1] + point.gram @ change)
        refined = self._with(point, point.coefficients + change, float(residual))
        mixed = full[linear, radial]
        gradient = full[radial, -1] + mixed.T @ change
        return refined, Model(gradient, full[radial, radial] - mixed.T @ point.solve(mixed))

    def full_equations(self, point: Point, parts: Sequence[slice]) -> list[np.ndarray]:
        """Return the normal equations of all coefficients and the residual, for each part.

        Returns
        -------
        list of ndarray, shape (n_radial + n_linear + 1,) * 2
            ``rows.T @ rows`` with rows of derivatives by radial and linear coefficients and, at
            the end, weighted errors. Sizes of radial functions have no effect.
        """

        def equations(part: slice, radial: np.ndarray, linear: np.ndarray) -> np.ndarray:
            rows = self._rows(part)
            error = linear @ point.coefficients * self._scale[rows] - self._label[rows]
            scale = self._scale[rows, None]
            table = np.hstack([radial * scale, linear * scale, error[:, None]])
            return table.T @ table

        with threadpool_limits(1, "blas"):
            found = self._engine.by_parts(point.potential, parts, equations, with_radial=True)
            projection = _without_sizes(point.potential.radial)
            n = len(projection)
            for one in found:
                one[:n] = projection @ one[:n]
                one[:, :n] = one[:, :n] @ projection
        return found

    def linear_equations(self, potential: Potential, parts: Sequence[slice]) -> list[np.ndarray]:
        """Return the normal equations of the linear coefficients for each part; `split` them.

        Returns
        -------
        list of ndarray, shape (n_linear + 1, n_linear)
            The normal matrix and, below it, the right-hand side.
        """

        def equations(part: slice, _: np.ndarray, linear: np.ndarray) -> np.ndarray:
            rows = self._rows(part)
            linear *= self._scale[rows, None]
            return np.vstack([linear.T @ linear, linear.T @ self._label[rows]])

        with threadpool_limits(1, "blas"):
            return self._engine.by_parts(potential, parts, equations, with_radial=False)

    def solved(
        self,
        potential: Potential,
        gram: np.ndarray,
        right: np.ndarray,
        ridge: float,
        penalty: np.ndarray,
    ) -> Point:
        """Return the point with the best linear coefficients by the normal equations given."""
        empty = np.zeros(len(right))
        point = Point(potential, empty, gram, ridge, penalty, self._square, self._square)
        with threadpool_limits(1, "blas"):
            coefficients = point.solve(right)
            loss = self._square + coefficients @ (gram @ coefficients - 2 * right)
        return self._with(point, coefficients, float(loss))

    def _with(self, point: Point, coefficients: np.ndarray, loss: float) -> Point:
        shifts, linear = np.split(coefficients, [len(point.potential.shifts)])
        return replace(
            point,
            potential=replace(point.potential, shifts=self._mean_energies + shifts, linear=linear),
            coefficients=coefficients,
            loss=loss,
            objective=loss + float(np.sum((point.penalty * coefficients) ** 2)),
        )

    def _rows(self, part: slice) -> slice:
        return slice(self._ends[part.start], self._ends[part.stop])

    def _blocks(self) -> list[slice]:
        """Parts of about `BLOCK` labels each."""
        return _slices(np.unique(self._ends[:-1] // BLOCK, return_counts=True)[1])


def split(equations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return normal matrix and right-hand side of what `Problem.linear_equations` found."""
    return equations[:-1], equations[-1]


def _slices(lengths: Iterable[int]) -> list[slice]:
    """Slices of the given lengths, one after the other."""
    ends = np.cumsum([0, *lengths])
    return [slice(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]


def _penalty(gram: np.ndarray, ridge: float) -> np.ndarray:
    return np.sqrt(ridge) * _floored(np.sqrt(np.diag(gram)))


def _floored(norms: np.ndarray) -> np.ndarray:
    """Norms of columns, none below the share `SMALLEST_COLUMN` of the largest."""
    return np.maximum(norms, SMALLEST_COLUMN * norms.max())


def _without_sizes(radial: np.ndarray) -> np.ndarray:
    """Return the projection that takes from radial coefficients the sizes of radial functions."""
    n_species, _, n_radial, n_chebyshev = radial.shape
    along = np.zeros((n_radial, n_species, n_species, n_radial, n_chebyshev))
    for function in range(n_radial):
        along[function, :, :, function] = radial[:, :, function]
    along = along.reshape(n_radial, -1)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return np.eye(radial.size) - along.T @ along
