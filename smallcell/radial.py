"""Radial functions of a potential, written in other ways that leave its energies as they are."""

from dataclasses import replace

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import chebvander
from numpy.polynomial.legendre import leggauss

from smallcell.basis import Basis
from smallcell.potential import Potential

RADIAL_SCALE = 0.02
"""Root mean square of a radial function over its interval; with the some fifty neighbours within
a usual cut-off the moments are then of the order of one."""


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
    determines it. It is chosen such that the function's root mean square over the interval and
    over pairs of species is `RADIAL_SCALE`, since the active set depends on it.

    Parameters
    ----------
    potential : Potential
        Its active set, whose columns belong to the old sizes, is dropped.
    """
    n_chebyshev = potential.radial.shape[-1]
    # Gauss-Legendre nodes, exact for the square of a polynomial times (cutoff - r)^2.
    nodes, weights = leggauss(n_chebyshev + 2)
    width = potential.cutoff - potential.closest
    smooth = (width * (1 - nodes) / 2) ** 2
    functions = potential.radial @ (smooth * chebvander(nodes, n_chebyshev - 1).T)
    sizes = np.sqrt(np.mean(functions**2 @ weights / 2, axis=(0, 1)))
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
