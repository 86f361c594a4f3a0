"""Radial functions of a potential, written in other ways that leave its energies as they are."""

from dataclasses import replace

import numpy as np
from numpy.polynomial import Chebyshev

from smallcell.basis import Basis
from smallcell.potential import Potential

RADIAL_SCALE = 0.5
"""Size of a normalised radial function. With some fifty neighbours within the cut-off, moments and
their products are then of the order of one to ten, and contribute to energies as shifts do."""


def widened(potential: Potential, closest: float) -> Potential:
    """Write a potential's radial functions in the basis of another interval; energies stay.

    Chebyshev polynomials up to one degree span the same space on every interval, but grow
    steeply outside of theirs, and coefficients become ill-conditioned.

    Parameters
    ----------
    potential : Potential
        Its active set, whose columns belong to the old basis, is dropped.
    closest : float
        New lower end of the radial basis (A).
    """
    old, new = (potential.closest, potential.cutoff), (closest, potential.cutoff)

    def convert(coefficients: np.ndarray) -> np.ndarray:
        converted = np.zeros_like(coefficients)
        polynomial = Chebyshev(coefficients, domain=old).convert(domain=new)
        converted[: len(polynomial.coef)] = polynomial.coef
        return converted

    radial = np.apply_along_axis(convert, -1, potential.radial)
    return replace(potential, closest=closest, radial=radial, active_set=None)


def normalised(potential: Potential) -> Potential:
    """Give all radial functions one size; energies stay.

    A factor on radial function mu can be undone in the linear coefficients, so that no label
    determines it; but ridge and active set depend on it. The size of a function is the root of
    the sum of its squared coefficients, averaged over pairs of species, times the square of the
    interval, which is the largest value of ``(cutoff - r)^2``; it is set to `RADIAL_SCALE`.

    Parameters
    ----------
    potential : Potential
        Its active set, whose columns belong to the old sizes, is dropped.
    """
    squares = np.sum(potential.radial**2, axis=-1).mean(axis=(0, 1))
    sizes = np.sqrt(squares) * (potential.cutoff - potential.closest) ** 2
    factors = np.divide(RADIAL_SCALE, sizes, out=np.ones_like(sizes), where=sizes > 0)
    powers = _powers_of_radial_functions(potential.basis, len(factors))
    return replace(
        potential,
        radial=potential.radial * factors[:, None],
        linear=potential.linear / np.prod(factors**powers, axis=1),
        active_set=None,
    )


def _powers_of_radial_functions(basis: Basis, n_radial: int) -> np.ndarray:
    """How often each radial function occurs in each scalar, shape (n_scalars, n_radial)."""
    powers = np.zeros((basis.n_moments, n_radial), dtype=int)
    powers[np.arange(len(basis.basic)), basis.basic[:, 0]] = 1
    for left, right, _, target in basis.products:
        powers[target] = powers[left] + powers[right]
    return powers[basis.scalars]
