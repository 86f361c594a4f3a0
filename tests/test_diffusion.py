"""Diffusion of random walks, viscosity of stresses with a known memory, and what both give."""

import numpy as np
import pytest
from ase.units import GPa, kB
from scipy import constants
from scipy.signal import lfilter

from smallcell.diffusion import (
    SHORTEST_RUN,
    arrhenius,
    corrected_for_size,
    diffusion_coefficients,
    mean_square_displacement,
    shear_stresses,
    size_correction,
    viscosity,
)
from smallcell.series import Estimate, estimate


def test_displacements_are_means_over_atoms_and_origins():
    positions = np.random.default_rng(1).normal(size=(7, 3, 3)).cumsum(axis=0)
    expected = [
        np.mean(((positions[lag:] - positions[: 7 - lag]) ** 2).sum(axis=2)) for lag in range(7)
    ]
    assert mean_square_displacement(positions + 100) == pytest.approx(expected, abs=1e-9)


def test_a_random_walk_has_the_diffusion_coefficient_that_it_was_made_with():
    coefficient, interval = 0.55, 0.2
    steps = np.random.default_rng(2).normal(0, np.sqrt(2 * coefficient * interval), (1000, 400, 3))
    found = estimate(diffusion_coefficients(steps.cumsum(axis=0), interval))
    assert found.error < 0.02 * coefficient
    assert abs(found.value - coefficient) < 4 * found.error


def test_a_run_that_is_too_short_to_diffuse_is_refused():
    positions = np.zeros((round(SHORTEST_RUN / 0.2), 1, 3))
    assert diffusion_coefficients(positions, 0.2) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="blocks of 7.8 ps are too short"):
        diffusion_coefficients(positions[:-10], 0.2)


def test_the_viscosity_is_the_integral_of_what_stress_remembers():
    deviation, memory, interval, number = 0.05, 0.4, 0.01, 100000
    decay = np.exp(-interval / memory)
    noise = np.random.default_rng(3).normal(0, deviation * np.sqrt(1 - decay**2), (number, 6))
    # Half the difference of two normal stresses has the variance of a shear stress.
    noise[:, :3] *= np.sqrt(2)
    stress = lfilter([1], [1, -decay], noise, axis=0)
    assert shear_stresses(stress).std(axis=0) == pytest.approx(deviation, rel=0.1)
    volume, temperature = 5e4, 400.0
    integral = deviation**2 * memory  # GPa^2 ps
    expected = volume * GPa / (kB * temperature) * integral
    found = viscosity(stress, interval, volume, temperature)
    assert found.error < 0.1 * expected
    assert abs(found.value - expected) < 4 * found.error
    with pytest.raises(ValueError, match="blocks are shorter than the 3 ps"):
        viscosity(stress[:3000], interval, volume, temperature)


def test_the_correction_for_size_is_that_of_yeh_and_hummer_in_si_units():
    found = size_correction(Estimate(0.42, 0.042), edge=37.5, temperature=400.0)
    expected = (
        2.837297 * constants.k * 400 / (6 * np.pi * 0.42e-3 * 37.5e-10)  # m^2/s
    )
    assert found.value * 1e-8 == pytest.approx(expected, rel=1e-6)
    assert found.error == pytest.approx(0.1 * found.value)


def test_an_error_of_the_viscosity_goes_into_the_corrected_coefficient():
    found = corrected_for_size(Estimate(0.5, 0.01), Estimate(0.42, 0.042), 37.5, 400.0)
    more = size_correction(Estimate(0.42, 0.042), 37.5, 400.0)
    assert found.corrected.value == pytest.approx(0.5 + more.value)
    assert found.corrected.error == pytest.approx(np.hypot(0.01, more.error))
    with pytest.raises(ValueError, match="corrects nothing"):
        corrected_for_size(Estimate(0.5, 0.01), Estimate(0.1, 0.06), 37.5, 400.0)


def test_the_law_of_arrhenius_is_found():
    temperatures = [400.0, 600.0, 800.0]
    values = [2.0 * np.exp(-0.045 / (kB * temperature)) for temperature in temperatures]
    energy, prefactor = arrhenius(temperatures, [Estimate(one, 0.01 * one) for one in values])
    assert energy.value == pytest.approx(0.045)
    assert prefactor.value == pytest.approx(2.0)
    assert 0.0003 < energy.error < 0.003
    assert prefactor.error == pytest.approx(prefactor.value * energy.error / (kB * 530), rel=0.2)
