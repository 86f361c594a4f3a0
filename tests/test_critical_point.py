"""The critical point from densities that obey its laws, and densities from a known profile."""

import numpy as np
import pytest
from ase import Atoms

from smallcell.critical_point import (
    BINS,
    ISING,
    coexisting_densities,
    critical_point,
    density_profile,
    slab_in_words,
    slab_start,
)
from smallcell.series import Estimate


def phases(exponent: float, temperatures: np.ndarray, noise: float, seed: int):
    """Densities of a fluid with a critical point at 2200 K and 180 kg/m3."""
    rng = np.random.default_rng(seed)
    mean = 180 + 0.13 * (2200 - temperatures)
    half = 450 * (1 - temperatures / 2200) ** exponent
    return [
        [Estimate(value, noise) for value in mean + sign * half + rng.normal(0, noise, len(half))]
        for sign in (1, -1)
    ]


def test_the_critical_point_is_where_both_laws_meet():
    temperatures = np.array([1200.0, 1400, 1600, 1800, 2000])
    found = critical_point(temperatures, *phases(ISING, temperatures, 1.0, 1), free=False)
    assert found.temperature.error < 20
    assert abs(found.temperature.value - 2200) < 3 * found.temperature.error
    assert abs(found.density.value - 180) < 3 * found.density.error
    assert found.exponent == Estimate(ISING, 0.0)


def test_the_exponent_is_found_if_it_is_free():
    temperatures = np.linspace(1200, 2150, 8)
    found = critical_point(temperatures, *phases(0.5, temperatures, 0.5, 2), free=True)
    assert found.exponent.error < 0.05
    assert abs(found.exponent.value - 0.5) < 3 * found.exponent.error
    assert abs(found.temperature.value - 2200) < 3 * found.temperature.error


@pytest.mark.parametrize(("number", "free", "least"), [(2, False, 3), (4, True, 5)])
def test_too_few_temperatures_have_no_critical_point(number, free, least):
    temperatures = np.linspace(1200, 1600, number)
    with pytest.raises(ValueError, match=f"{number} temperatures with two phases, {least} are"):
        critical_point(temperatures, *phases(ISING, temperatures, 1.0, 3), free)


def test_the_densities_of_a_slab_are_those_of_its_phases_wherever_it_is():
    rng = np.random.default_rng(4)
    cell = [30.0, 30.0, 150.0]
    liquid = rng.uniform(0, 1, (900, 3)) * [30, 30, 50]
    vapour = rng.uniform(0, 1, (60, 3)) * [30, 30, 100] + [0, 0, 50]
    places = np.concatenate([liquid, vapour])
    # A soft interface, and a slab across the faces of the box.
    places[:, 2] += rng.normal(0, 3, len(places)) + 120
    profiles = [
        density_profile(Atoms("K960", places + [0, 0, shift], cell=cell, pbc=True))
        for shift in np.linspace(0, 150, 40)
    ]
    unit = 39.0983 * 1.66053907e3
    found = coexisting_densities(np.mean(profiles, axis=0), 150.0)
    assert found[0] == pytest.approx(900 / 45000 * unit, rel=0.02)
    assert found[1] == pytest.approx(60 / 90000 * unit, rel=0.15)
    flat = np.random.default_rng(5).poisson(50, BINS).astype(float)
    with pytest.raises(ValueError, match="two phases|as wide as"):
        coexisting_densities(flat, 150.0)


def test_a_slab_fills_a_third_of_its_box():
    element = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
    start = slab_start(element, 100, seed=1)
    lengths = start.cell.lengths()
    assert lengths[2] == pytest.approx(3 * lengths[0])
    assert np.ptp(start.positions[:, 2]) < lengths[0]
    report = {"temperature": 1200.0, "reason": "there is no profile of two phases"}
    assert slab_in_words(report) == "slab at 1200 K: there is no profile of two phases"
