"""First proofs: equation of state, and a large cell that holds together or does not."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.units import GPa
from random_potentials import random_potential

from smallcell.configuration import plugin_path
from smallcell.potential import write_potential
from smallcell.sampling import provide
from smallcell.validation import (
    fit_equation_of_state,
    run_large_cell,
    write_large_cell_run,
)


def birch_murnaghan(volume, minimum, modulus, derivative):
    """Energy per atom (eV), Birch, Phys. Rev. 71, 809 (1947)."""
    x = (minimum / volume) ** (2 / 3)
    bracket = (x - 1) ** 3 * derivative + (x - 1) ** 2 * (6 - 4 * x)
    return 9 * minimum * modulus * GPa / 16 * bracket


def test_the_parameters_of_a_known_curve_are_found():
    volumes = 74.0 * np.linspace(0.85, 1.15, 11) ** 3
    found = fit_equation_of_state(volumes, birch_murnaghan(volumes, 73.0, 3.6, 4.1))
    assert found.volume == pytest.approx(73.0, rel=1e-4)
    assert found.bulk_modulus == pytest.approx(3.6, rel=1e-3)


def test_a_curve_without_a_minimum_is_refused():
    with pytest.raises(ValueError, match="no equation of state from 9 strains"):
        fit_equation_of_state(np.arange(1.0, 10.0), np.arange(9.0))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_large_cell_that_bursts_or_collapses_is_told(tmp_path, sign):
    potential = random_potential(("K",), 8, seed=2)
    potential = replace(potential, linear=sign * potential.linear)
    path = tmp_path / "wild.almtp"
    write_potential(path, potential)
    start = bulk("K", "bcc", a=4.0, cubic=True) * (3, 3, 3)
    provide(tmp_path, path, plugin_path())
    write_large_cell_run(tmp_path, start, ["K"], {"temperature": 300, "duration": 2}, seed=1)
    outcome = run_large_cell(tmp_path, start, 300)
    assert not outcome.survived
    assert outcome.message
