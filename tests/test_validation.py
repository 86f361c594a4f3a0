"""First proofs: equation of state, and a large cell that holds together or does not."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa
from random_potentials import random_potential

from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.engine import rows
from smallcell.fitting import fit, random_starts
from smallcell.potential import write_potential
from smallcell.sampling import provide
from smallcell.selection import active_set
from smallcell.validation import (
    Ramp,
    fit_equation_of_state,
    run_large_cell,
    write_large_cell_run,
)
from smallcell.wall import Wall

LABEL = ("energy", "forces", "stress")


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


def test_a_large_cell_of_a_sound_potential_survives(tmp_path):
    rng = np.random.default_rng(1)
    crystals = []
    for constant in rng.uniform(4.9, 5.9, 40):
        atoms = bulk("K", "bcc", a=constant, cubic=True) * (1, 1, 2)
        atoms.rattle(0.2, rng=rng)
        atoms.calc = MorsePotential(epsilon=0.08, r0=4.9, rho0=4.0, rcut1=6.0, rcut2=7.0)
        label = {name: atoms.calc.get_property(name, atoms) for name in LABEL}
        atoms.calc = SinglePointCalculator(atoms, **label)
        crystals.append(atoms)
    starts = random_starts(crystals, ("K",), generate_basis(8), 7.0, 8, rng)
    potential = fit(crystals, starts, ridges=[1e-6]).potential
    path = tmp_path / "morse.almtp"
    write_potential(path, replace(potential, active_set=active_set(rows(potential, crystals))))
    start = bulk("K", "bcc", a=5.4, cubic=True) * (3, 3, 3)
    provide(tmp_path, path)
    ramps = [Ramp(100, 100, 10)]
    write_large_cell_run(tmp_path, start, ["K"], ramps, wall(potential, crystals), seed=1)
    outcome, _ = run_large_cell(tmp_path, start, ramps)
    assert outcome.survived, outcome.message
    assert outcome.mean_temperature == pytest.approx(100, rel=0.1)
    assert 0 < outcome.highest_grade < 100


@pytest.mark.parametrize("sign", [1, -1])
def test_a_large_cell_that_bursts_or_collapses_is_told(tmp_path, sign):
    potential = random_potential(("K",), 8, seed=2)
    potential = replace(potential, linear=sign * potential.linear)
    path = tmp_path / "wild.almtp"
    write_potential(path, replace(potential, active_set=np.eye(potential.n_parameters)))
    start = bulk("K", "bcc", a=4.0, cubic=True) * (3, 3, 3)
    provide(tmp_path, path)
    ramps = [Ramp(300, 300, 2)]
    write_large_cell_run(tmp_path, start, ["K"], ramps, Wall(1.0, 0.9, 1.0), seed=1)
    outcome, _ = run_large_cell(tmp_path, start, ramps)
    assert not outcome.survived
    assert re.search("Lost atoms|Fix halt condition for fix-id guard", outcome.message)
