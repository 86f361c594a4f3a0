"""The basis of a moment tensor potential of a given level.

A moment M_mu,nu of an atom is a symmetric tensor of rank nu: the sum over its neighbours of radial
function mu times the nu-fold outer product of the unit vector to the neighbour. A basis function is
a product of moments in which every index is contracted with an index of another factor. The level
of M_mu,nu is 2 + 4 mu + nu, that of a product is the sum over its factors, and the basis of a level
holds every such scalar up to it (Shapeev, Multiscale Model. Simul. 14, 1153 (2016); Novikov et al.,
Mach. Learn.: Sci. Technol. 2, 025002 (2021)). As in MLIP's potentials, a product has at most four
factors, and mu and nu are at most 5 and 10, which matters from level 26 on.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from math import factorial, prod

import numpy as np

LEVELS = range(2, 29, 2)
MOST_FACTORS = 4
HIGHEST_MU = 5
HIGHEST_NU = 10

# Powers of x, y, z: one component of a symmetric tensor.
Powers = tuple[int, int, int]


@dataclass(frozen=True)
class Basis:
    """Moments, their products and the scalars among them, as the tables of an ``.mtp`` file.

    Attributes
    ----------
    level : int
        Level of the basis (2, 4, ... 28).
    basic : ndarray of int, shape (n_basic, 4)
        Radial function and powers of x, y, z of each basic moment: ``alpha_index_basic``.
    products : ndarray of int, shape (n_products, 4)
        Left moment, right moment, factor, target moment: ``alpha_index_times``.
    scalars : ndarray of int, shape (n_scalars,)
        The moments that are rotation invariant, one linear coefficient each:
        ``alpha_moment_mapping``.
    """

    level: int
    basic: np.ndarray
    products: np.ndarray
    scalars: np.ndarray

    @property
    def n_moments(self) -> int:
        """Number of moments, basic ones and products: ``alpha_moments_count``."""
        return len(self.basic) + len(np.unique(self.products[:, 3]))

    @property
    def n_radial_functions(self) -> int:
        """Number of radial functions that the basic moments need: ``radial_funcs_count``."""
        return int(self.basic[:, 0].max()) + 1


@dataclass(frozen=True, order=True)
class Contraction:
    """A product of moments, some of their indices contracted with each other.

    Attributes
    ----------
    radial : tuple of int
        Radial function mu of each factor.
    pattern : tuple of tuples of int
        Symmetric matrix: on the diagonal the rank nu of each factor, beside it the number of
        indices that two factors have contracted with each other.
    """

    radial: tuple[int, ...]
    pattern: tuple[tuple[int, ...], ...]

    def open_indices(self, factor: int) -> int:
        """Return how many indices of a factor are not contracted."""
        return 2 * self.pattern[factor][factor] - sum(self.pattern[factor])

    def restricted(self, factors: tuple[int, ...]) -> "Contraction":
        """Return the contraction of some of the factors, in the order in which they are given."""
        return Contraction(
            tuple(self.radial[i] for i in factors),
            tuple(tuple(self.pattern[i][j] for j in factors) for i in factors),
        )


def generate_basis(level: int) -> Basis:
    """Generate the basis of a level, with the moments and the scalars in the order of MLIP's.

    Parameters
    ----------
    level : int
        An even number from 2 to 28.

    Returns
    -------
    Basis
        The tables; those of equal level in MLIP's potentials are the same, row by row, so that
        coefficients can be exchanged.

    Raises
    ------
    ValueError
        If there is no basis of this level.
    """
    if level not in LEVELS:
        raise ValueError(
            f"There is no moment tensor basis of level {level}: "
            f"levels are the even numbers from {LEVELS[0]} to {LEVELS[-1]}."
        )
    scalars = sorted(_scalars(level), key=lambda scalar: (len(scalar.radial), scalar))
    basic, products, indices = _tabulate(_with_intermediates(scalars))
    return Basis(
        level,
        np.array(basic),
        np.array(products, dtype=int).reshape(-1, 4),
        np.array([index for scalar in scalars for index in indices[scalar].values()]),
    )


def _scalars(level: int) -> set[Contraction]:
    """Find all full contractions up to a level, each in its canonical order of factors."""
    return {
        _canonical(Contraction(tuple(mu for mu, _ in factors), pattern))[0]
        for factors in _factors(level, MOST_FACTORS)
        for pattern in _full_contractions(tuple(nu for _, nu in factors))
    }


def _factors(
    level: int, most: int, first: tuple[int, int] = (0, 0)
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the ascending sequences of (mu, nu) whose levels sum up to ``level`` at most."""
    for mu in range(first[0], min((level - 2) // 4, HIGHEST_MU) + 1):
        lowest = first[1] if mu == first[0] else 0
        for nu in range(lowest, min(level - 2 - 4 * mu, HIGHEST_NU) + 1):
            yield ((mu, nu),)
            if most > 1:
                for others in _factors(level - 2 - 4 * mu - nu, most - 1, (mu, nu)):
                    yield ((mu, nu), *others)


@cache
def _full_contractions(ranks: tuple[int, ...]) -> list[tuple[tuple[int, ...], ...]]:
    """List the patterns that contract all indices of factors of these ranks.

    The first factor shares its indices among the others, which are then contracted in turn.
    """
    if not ranks:
        return [()]
    patterns = []
    for shared in product(*(range(min(ranks[0], rank) + 1) for rank in ranks[1:])):
        if sum(shared) != ranks[0]:
            continue
        left = tuple(rank - count for rank, count in zip(ranks[1:], shared, strict=True))
        for rest in _full_contractions(left):
            rows = [
                tuple(ranks[i + 1] if i == j else count for j, count in enumerate(row))
                for i, row in enumerate(rest)
            ]
            patterns.append(
                (
                    (ranks[0], *shared),
                    *((count, *row) for count, row in zip(shared, rows, strict=True)),
                )
            )
    return patterns


@cache
def _canonical(contraction: Contraction) -> tuple[Contraction, tuple[int, ...]]:
    """Return the least among the orders of the factors, and which factor stands where in it."""
    return min(
        (contraction.restricted(order), order)
        for order in permutations(range(len(contraction.radial)))
    )


@cache
def _split(contraction: Contraction) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Cut a product in two where the fewest indices are contracted across the cut.

    Few contracted indices make for small intermediate tensors. Among equal cuts, those of a
    single factor come first, because its moment is there anyway.
    """
    factors = range(len(contraction.radial))
    parts = [(factor,) for factor in factors]
    if len(factors) == MOST_FACTORS:
        parts += [(0, factor) for factor in factors[1:]]

    def others(part: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(factor for factor in factors if factor not in part)

    def contracted(part: tuple[int, ...]) -> int:
        return sum(contraction.pattern[i][j] for i in part for j in others(part))

    part = min(parts, key=contracted)
    return part, others(part)


def _with_intermediates(scalars: list[Contraction]) -> list[Contraction]:
    """Return the scalars and what they are multiplied from, parts before products."""
    found = set()
    pending = list(scalars)
    while pending:
        contraction = pending.pop()
        if contraction not in found:
            found.add(contraction)
            if len(contraction.radial) > 1:
                pending += [
                    _canonical(contraction.restricted(part))[0] for part in _split(contraction)
                ]

    def place(contraction: Contraction) -> tuple[int, int, Contraction]:
        return len(contraction.radial), -len(_split(contraction)[0]), contraction

    return sorted(found, key=place)


def _tabulate(
    contractions: list[Contraction],
) -> tuple[
    list[tuple[int, ...]],
    list[tuple[int, ...]],
    dict[Contraction, dict[tuple[Powers, ...], int]],
]:
    """Give the components of all tensors numbers and write down how they are computed.

    Returns the rows of ``Basis.basic`` and ``Basis.products``, and for each tensor its components:
    from the powers of x, y, z of the open indices of each factor to the number of the moment.
    """
    basic: list[tuple[int, ...]] = []
    products: list[tuple[int, ...]] = []
    indices: dict[Contraction, dict[tuple[Powers, ...], int]] = {}
    count = 0
    for contraction in contractions:
        indices[contraction] = {}
        known: dict[tuple, int] = {}
        n_factors = len(contraction.radial)
        for component in product(
            *(_components(contraction.open_indices(factor)) for factor in range(n_factors))
        ):
            if n_factors == 1:
                basic.append((contraction.radial[0], *component[0]))
                indices[contraction][component] = count
                count += 1
                continue
            terms = _terms(contraction, component, indices)
            # Components that symmetry makes equal are the same sum: they share a moment.
            if terms not in known:
                known[terms] = count
                products += [(left, right, factor, count) for left, right, factor in terms]
                count += 1
            indices[contraction][component] = known[terms]
    return basic, products, indices


def _terms(
    contraction: Contraction,
    component: tuple[Powers, ...],
    indices: dict[Contraction, dict[tuple[Powers, ...], int]],
) -> tuple[tuple[int, int, int], ...]:
    """Return the sum (left, right, factor) that one component of a product tensor is.

    Of ``n`` indices that two factors have in common, n! / (a! b! c!) of the terms have the powers
    a, b, c of x, y, z.
    """
    parts = _split(contraction)
    tensors = [_canonical(contraction.restricted(part)) for part in parts]
    bonds = [(i, j) for i in parts[0] for j in parts[1] if contraction.pattern[i][j]]
    terms: Counter[tuple[int, int]] = Counter()
    for summed in product(*(_components(contraction.pattern[i][j]) for i, j in bonds)):
        powers = list(component)
        for bond, shared in zip(bonds, summed, strict=True):
            for factor in bond:
                powers[factor] = tuple(map(sum, zip(powers[factor], shared, strict=True)))
        pair = sorted(
            indices[tensor][tuple(powers[part[position]] for position in order)]
            for part, (tensor, order) in zip(parts, tensors, strict=True)
        )
        terms[tuple(pair)] += prod(map(_multiplicity, summed))
    return tuple((left, right, factor) for (left, right), factor in sorted(terms.items()))


@cache
def _components(rank: int) -> tuple[Powers, ...]:
    """List the components of a symmetric tensor as powers of x, y, z."""
    return tuple((x, y, rank - x - y) for x in range(rank, -1, -1) for y in range(rank - x, -1, -1))


@cache
def _multiplicity(powers: Powers) -> int:
    """Count the sequences of indices that are the same component of a symmetric tensor."""
    return factorial(sum(powers)) // prod(map(factorial, powers))
