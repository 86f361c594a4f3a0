"""Self-diffusion and viscosity of a liquid, and what the size of the cell does to the former.

Atoms of a small periodic cell diffuse more slowly than those of a large one, since their images
move with them. The correction of I.-C. Yeh and G. Hummer, J. Phys. Chem. B 108, 15873 (2004), takes
the viscosity, which does not depend on the size and is had from the same run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.units import GPa, kB

from smallcell.series import BLOCKS, Estimate, blocks, estimate, line

FIT_FROM = 2.0
"""Time after which atoms have forgotten how they began to move (ps)."""

SHORTEST = 4 * FIT_FROM
"""A block is that long at least (ps): displacements are fitted up to half of its length."""

SHORTEST_RUN = BLOCKS * SHORTEST
"""Duration that a measurement takes at least (ps)."""

MEMORY = 3.0
"""Time after which a liquid metal has forgotten its stress (ps)."""

CUBE = 2.837297
"""Of a cubic lattice of images (Yeh and Hummer)."""

CENTIMETRES = 10.0
"""A diffusion coefficient of 1 A^2/ps in 1e-5 cm^2/s."""


def mean_square_displacement(positions: np.ndarray) -> np.ndarray:
    """Mean over atoms and origins of the square of the distance gone, by the number of frames.

    Origins overlap; the sums over them are had by Fourier transforms, as of a correlation function.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_atoms, 3)
        Where atoms have gone, out of the box too (A).

    Returns
    -------
    ndarray, shape (n_frames,)
        A^2, 0 at first.
    """
    number, atoms = positions.shape[:2]
    positions = positions - positions[0]
    spectrum = np.fft.rfft(positions, 2 * number, axis=0)
    products = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=(1, 2)), 2 * number)[:number]
    squares = (positions**2).sum(axis=(1, 2))
    origins = number - np.arange(number)
    begins = squares.cumsum()[::-1]
    ends = squares[::-1].cumsum()[::-1]
    return (begins + ends - 2 * products) / (origins * atoms)


def diffusion_coefficients(positions: np.ndarray, interval: float) -> np.ndarray:
    """Diffusion coefficient of each block of a run, from the slope of displacements.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_atoms, 3)
        See `mean_square_displacement`.
    interval : float
        Between frames (ps).

    Returns
    -------
    ndarray, shape (series.BLOCKS,)
        A^2/ps.

    Raises
    ------
    ValueError
        If blocks are shorter than `SHORTEST`.
    """
    parts = blocks(positions)
    length = parts.shape[1] * interval
    if length < SHORTEST * (1 - 1e-9):
        raise ValueError(
            f"blocks of {length:.3g} ps are too short to see atoms diffuse; "
            f"{SHORTEST:g} ps are needed"
        )
    lags = np.arange(parts.shape[1]) * interval
    fitted = (lags >= FIT_FROM) & (lags <= lags[-1] / 2)
    slopes = [
        np.polyfit(lags[fitted], mean_square_displacement(part)[fitted], 1)[0] for part in parts
    ]
    return np.array(slopes) / 6


def shear_stresses(stress: np.ndarray) -> np.ndarray:
    """Five shear stresses of a stress tensor, which have the same statistics in a liquid.

    D. Alfè and M. J. Gillan, Phys. Rev. Lett. 81, 5161 (1998).

    Parameters
    ----------
    stress : ndarray, shape (n, 6)
        xx, yy, zz, xy, xz, yz.

    Returns
    -------
    ndarray, shape (n, 5)
    """
    xx, yy, zz, *shear = stress.T
    return np.column_stack([*shear, (xx - yy) / 2, (yy - zz) / 2])


def autocorrelation(series: np.ndarray, longest: int) -> np.ndarray:
    """Mean of products of values so many steps apart, over time and over columns.

    Parameters
    ----------
    series : ndarray, shape (n, n_columns)
        Of mean 0 in the long run.
    longest : int
        Steps.

    Returns
    -------
    ndarray, shape (longest + 1,)
    """
    number = len(series)
    power = np.abs(np.fft.rfft(series, 2 * number, axis=0)) ** 2
    products = np.fft.irfft(power.mean(axis=1), 2 * number)[: longest + 1]
    return products / (number - np.arange(longest + 1))


def viscosity(stress: np.ndarray, interval: float, volume: float, temperature: float) -> Estimate:
    """Shear viscosity (mPa s) by Green and Kubo, the error from blocks of the run.

    Parameters
    ----------
    stress : ndarray, shape (n, 6)
        xx, yy, zz, xy, xz, yz (GPa).
    interval : float
        Between values (ps).
    volume : float
        Of the box (A^3).
    temperature : float
        K.

    Raises
    ------
    ValueError
        If blocks are shorter than `MEMORY`.
    """
    parts = blocks(shear_stresses(stress))
    longest = round(MEMORY / interval)
    if parts.shape[1] <= longest:
        raise ValueError(f"blocks are shorter than the {MEMORY:g} ps that stress is remembered")
    integrals = [np.trapezoid(autocorrelation(part, longest), dx=interval) for part in parts]
    # 1 GPa ps is 1 mPa s.
    return estimate(integrals).times(volume * GPa / (kB * temperature))


def size_correction(viscosity: Estimate, edge: float, temperature: float) -> Estimate:
    """Find what a diffusion coefficient lacks in a periodic cube (A^2/ps), by Yeh and Hummer.

    Parameters
    ----------
    viscosity : Estimate
        mPa s.
    edge : float
        Of the cube (A).
    temperature : float
        K.
    """
    value = CUBE * kB * temperature / (6 * np.pi * viscosity.value * GPa * edge)
    return Estimate(float(value), float(value * viscosity.error / viscosity.value))


@dataclass(frozen=True)
class Diffusion:
    """Diffusion in a liquid.

    Attributes
    ----------
    of_cell : Estimate
        Diffusion coefficient in the periodic cell (A^2/ps).
    viscosity : Estimate
        mPa s.
    corrected : Estimate
        Diffusion coefficient in a cell without bounds (A^2/ps).
    """

    of_cell: Estimate
    viscosity: Estimate
    corrected: Estimate


def corrected_for_size(
    of_cell: Estimate, viscosity: Estimate, edge: float, temperature: float
) -> Diffusion:
    """Correct a diffusion coefficient (A^2/ps) for the edge (A) of its cubic cell.

    Raises
    ------
    ValueError
        If the viscosity may as well be 0: the run was too short for it.
    """
    if viscosity.value < 2 * viscosity.error:
        raise ValueError(
            f"a viscosity of {viscosity.value:.2g} with an error of {viscosity.error:.2g} mPa s "
            "corrects nothing; the run is too short"
        )
    more = size_correction(viscosity, edge, temperature)
    whole = Estimate(of_cell.value + more.value, float(np.hypot(of_cell.error, more.error)))
    return Diffusion(of_cell, viscosity, whole)


def arrhenius(
    temperatures: Sequence[float], coefficients: Sequence[Estimate]
) -> tuple[Estimate, Estimate]:
    """Fit D = D0 exp(-E / kT).

    Parameters
    ----------
    temperatures : sequence of float
        Two or more (K).
    coefficients : sequence of Estimate
        In any unit.

    Returns
    -------
    energy : Estimate
        E (eV).
    prefactor : Estimate
        D0, in the unit of the coefficients.
    """
    logarithms = [Estimate(np.log(one.value), one.error / one.value) for one in coefficients]
    slope, height = line([1 / (kB * temperature) for temperature in temperatures], logarithms)
    prefactor = float(np.exp(height.value))
    return slope.times(-1), Estimate(prefactor, prefactor * height.error)
