"""Errors of means: of series with a known memory, and of what follows from them."""

import numpy as np
import pytest
from scipy.signal import lfilter

from smallcell.series import (
    BLOCKS,
    Estimate,
    blocks,
    estimate,
    jackknife,
    line,
    mean_of_series,
    settled,
)


def autoregressive(memory: float, number: int, rng: np.random.Generator) -> np.ndarray:
    """Each value the one before times the memory, plus noise of variance 1."""
    return lfilter([1], [1, -memory], rng.normal(size=number))


def test_the_error_of_a_series_with_a_memory_is_that_of_its_mean():
    rng = np.random.default_rng(1)
    series = [autoregressive(0.9, 20000, rng) for _ in range(150)]
    exact = 1 / (1 - 0.9) / np.sqrt(20000)
    found = np.sqrt(np.mean([mean_of_series(one).error ** 2 for one in series]))
    assert found == pytest.approx(exact, rel=0.12)
    assert np.std([mean_of_series(one).value for one in series]) == pytest.approx(exact, rel=0.2)
    # As if values were independent, it would be a fourth of that.
    assert estimate(series[0]).error < exact / 3


def test_what_does_not_fill_a_block_is_left_out_at_the_begin():
    parts = blocks(np.arange(2 * BLOCKS + 3))
    assert parts.shape == (BLOCKS, 2)
    assert parts[0].tolist() == [3, 4]
    with pytest.raises(ValueError, match="9 values has no 10 blocks"):
        blocks(np.arange(9))


def test_a_drift_is_seen_and_noise_is_none():
    rng = np.random.default_rng(2)
    noise = [autoregressive(0.9, 4000, rng) for _ in range(200)]
    assert all(settled(one) for one in noise)
    assert not settled(noise[0] + np.linspace(0, 20, 4000))


def test_leaving_parts_out_gives_the_error_of_what_follows_from_the_mean():
    parts = np.random.default_rng(3).normal(5, 0.1, size=50)
    plain, square = estimate(parts), jackknife(parts, lambda mean: mean**2)
    assert jackknife(parts, lambda mean: mean).error == pytest.approx(plain.error)
    assert square.value == pytest.approx(plain.value**2)
    assert square.error == pytest.approx(2 * plain.value * plain.error, rel=0.01)


def test_a_line_has_the_errors_of_its_points_or_those_of_its_misfit():
    places = np.array([300.0, 400.0, 500.0, 600.0])
    rng = np.random.default_rng(4)
    slopes, told = [], []
    for _ in range(400):
        values = 2 + 0.01 * places + rng.normal(0, 0.1, 4)
        slope, height = line(places, [Estimate(value, 0.1) for value in values])
        slopes.append(slope.value)
        told.append(slope.error)
    assert np.mean(slopes) == pytest.approx(0.01, rel=0.02)
    # For certain no less than by chance; more where chance has put points far from the line.
    assert np.std(slopes) == pytest.approx(min(told), rel=0.1)
    _, height = line(places, [Estimate(2 + 0.01 * place, 0.1) for place in places])
    assert height.value == pytest.approx(2)
    assert height.error == pytest.approx(0.1 * np.sqrt(1 / 4 + 450**2 / 50000))
    off, _ = line(places, [Estimate(value, 1e-3) for value in (5.0, 6.2, 6.8, 8.0)])
    assert off.error > 10 * 1e-3 / np.sqrt(50000)
    two, _ = line([0, 1], [Estimate(1, 0.3), Estimate(2, 0.4)])
    assert (two.value, two.error) == (pytest.approx(1), pytest.approx(0.5))
