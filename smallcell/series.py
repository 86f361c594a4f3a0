"""Means of series whose values remember each other, and how far they may be off.

Values that molecular dynamics has one after the other are alike, so that their spread over the root
of their number says too little. Means over blocks that are longer than the memory of the series
are as good as independent (H. Flyvbjerg and H. G. Petersen, J. Chem. Phys. 91, 461 (1989)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BLOCKS = 10
"""Into how many parts a series is cut: so many that their spread tells an error to a quarter, and
so few that each is as long as may be."""

DRIFT = 5.0
"""Standard errors by which the halves of a series may differ without being taken for unlike: by
chance they do once in ten thousand series."""


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error, in the same unit."""

    value: float
    error: float

    def times(self, factor: float) -> "Estimate":
        """Return it in another unit."""
        return Estimate(self.value * factor, self.error * abs(factor))


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of independent values and its standard error, from their spread."""
    values = np.asarray(values, dtype=float)
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def blocks(series: np.ndarray) -> np.ndarray:
    """Cut a series into `BLOCKS` parts of one length; what is over is left out at its begin.

    Returns
    -------
    ndarray, shape (BLOCKS, length, ...)

    Raises
    ------
    ValueError
        If there are fewer values than blocks.
    """
    series = np.asarray(series)
    length = len(series) // BLOCKS
    if length == 0:
        raise ValueError(f"a series of {len(series)} values has no {BLOCKS} blocks")
    return series[len(series) - BLOCKS * length :].reshape(BLOCKS, length, *series.shape[1:])


def mean_of_series(series: np.ndarray) -> Estimate:
    """Mean of a series, its standard error from the spread of its blocks."""
    return estimate(blocks(series).mean(axis=1))


def settled(series: np.ndarray) -> bool:
    """Whether the two halves of a series have the same mean, as far as their errors tell."""
    first, second = (mean_of_series(half) for half in np.array_split(np.asarray(series), 2))
    return abs(first.value - second.value) <= DRIFT * np.hypot(first.error, second.error)


def jackknife(parts: np.ndarray, found: Callable[[np.ndarray], float]) -> Estimate:
    """Estimate what follows, in whatever way, from the mean of independent parts.

    Parameters
    ----------
    parts : ndarray, shape (n_parts, ...)
    found : callable
        Of the mean over parts, a number.

    Returns
    -------
    Estimate
        That of all parts, the error from leaving out one after the other.
    """
    total, number = parts.sum(axis=0), len(parts)
    without = np.array([found((total - part) / (number - 1)) for part in parts])
    return Estimate(float(found(total / number)), float(np.sqrt((number - 1) * without.var())))


def line(places: Sequence[float], values: Sequence[Estimate]) -> tuple[Estimate, Estimate]:
    """Fit a straight line to values with errors.

    Parameters
    ----------
    places : sequence of float
        Two or more, different.
    values : sequence of Estimate

    Returns
    -------
    slope, intercept : Estimate
        Errors are those of the values, or larger where these lie farther from the line than their
        errors say.
    """
    ordinates = np.array([one.value for one in values])
    weights = 1 / np.array([one.error for one in values])
    # At their centre, slope and intercept do not depend on each other, whatever the numbers.
    centre = np.average(places, weights=weights**2)
    matrix = np.column_stack([np.asarray(places) - centre, np.ones(len(ordinates))])
    weighted = matrix * weights[:, None]
    (slope, height), *_ = np.linalg.lstsq(weighted, ordinates * weights)
    covariance = np.linalg.inv(weighted.T @ weighted)
    misfit = np.sum((weights * (ordinates - matrix @ (slope, height))) ** 2)
    freedom = len(ordinates) - 2
    covariance *= max(1.0, misfit / freedom) if freedom else 1.0
    away = np.sqrt(covariance[1, 1] + centre**2 * covariance[0, 0])
    return (
        Estimate(float(slope), float(np.sqrt(covariance[0, 0]))),
        Estimate(float(height - slope * centre), float(away)),
    )
