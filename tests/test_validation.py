"""First proofs: equation of state, and a large cell that holds together or does not."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa
from random_potentials import random_potential

from smallcell.potential import write_potential
from smallcell.sampling import provide
from smallcell.validation import (
    Ramp,
    asked_temperature,
    equilibrium,
    fit_equation_of_state,
    large_crystal,
    own_constant,
    run_large_cell,
    write_large_cell_run,
)
from smallcell.wall import Wall


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


def test_the_lattice_constant_is_that_of_the_lattice_whatever_the_cell():
    element = {"symbol": "Ag", "lattice": "fcc", "lattice_constant": 4.0}
    crystals = []
    for edge in np.linspace(3.9, 4.6, 11):
        crystals.append(bulk("Ag", "fcc", a=edge))
        energy = birch_murnaghan(crystals[-1].get_volume(), 4.2**3 / 4, 100.0, 5.0)
        crystals[-1].calc = SinglePointCalculator(crystals[-1], energy=energy)
    constant, modulus = equilibrium(crystals, element)
    assert constant == pytest.approx(4.2, rel=1e-4)
    assert modulus == pytest.approx(100, rel=1e-3)


def test_a_potential_without_a_minimum_has_its_properties_at_the_constant_of_pw():
    assert own_constant({"lattice_constant": 5.2, "lattice_constant_dft": 5.3}) == 5.2
    assert own_constant({"lattice_constant": None, "lattice_constant_dft": 5.3}) == 5.3


def test_a_large_cell_of_a_sound_potential_survives(sound_potential, tmp_path):
    start = bulk("K", "bcc", a=5.4, cubic=True) * (3, 3, 3)
    provide(tmp_path, sound_potential.file)
    ramps = [Ramp(100, 100, 10)]
    write_large_cell_run(tmp_path, start, ["K"], ramps, sound_potential.wall, seed=1)
    outcome, records = run_large_cell(tmp_path, start, ramps)
    assert outcome.survived, outcome.message
    assert records["step"].tolist() == list(range(0, 5001, 20))
    assert outcome.highest_grade == records["grade"].max()
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
    assert re.search("Lost atoms|Fix halt condition for fix-id (volume|pressure)", outcome.message)


def test_a_ramp_takes_the_large_cell_from_one_temperature_to_another(sound_potential, tmp_path):
    ramps = [Ramp(50, 200, 3), Ramp(200, 50, 3)]
    start = bulk("K", "bcc", a=5.4, cubic=True) * (4, 4, 4)
    provide(tmp_path, sound_potential.file)
    write_large_cell_run(tmp_path, start, ["K"], ramps, sound_potential.wall, 1, pressure=0.2)
    outcome, records = run_large_cell(tmp_path, start, ramps)
    assert outcome.survived, outcome.message
    asked = asked_temperature(records["step"].to_numpy(), ramps)
    assert asked[[0, 125, 250, 375, -1]] == pytest.approx([50, 125, 200, 125, 50], abs=0.1)
    # A thermostat of 128 atoms and 0.1 ps is on the average of what was asked for, some way behind.
    found = records["temperature K"].to_numpy()
    assert found[200:300].mean() == pytest.approx(asked[200:300].mean(), rel=0.2)
    assert found[-50:].mean() == pytest.approx(asked[-50:].mean(), rel=0.3)


def test_a_large_crystal_of_an_alloy_has_equal_shares_at_random_places():
    elements = [
        {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3},
        {"symbol": "Na", "lattice": "fcc", "lattice_constant": 4.3},
    ]
    atoms, repeats = large_crystal(elements, 1000, np.random.default_rng(1))
    assert (len(atoms), repeats) == (1024, 8)
    assert atoms.symbols.count("K") == 512
    assert atoms.cell.lengths() == pytest.approx(8 * 4.8)
    assert 0.3 < np.mean(atoms.numbers[1:] == atoms.numbers[:-1]) < 0.7
    again, _ = large_crystal(elements, 1000, np.random.default_rng(1))
    assert np.array_equal(again.numbers, atoms.numbers)
