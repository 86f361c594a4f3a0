"""What a step costs is measured on the spot, and more of a larger basis."""

from dataclasses import replace

import pytest

from benchmarks.md import repulsion
from smallcell.basis import generate_basis
from smallcell.potential import write_potential
from smallcell.speed import measured_cost

BCC = {"lattice": "bcc", "lattice_constant": 5.29}


def test_a_larger_basis_costs_more(tmp_path):
    costs = []
    for level in (8, 16):
        file = tmp_path / f"{level}.mtp"
        write_potential(file, repulsion(generate_basis(level), 1))
        costs.append(measured_cost(file, [{"symbol": "K"} | BCC]))
    # On any machine of these years, whatever else it does: 0.3 and 1.1 on ours.
    assert 0.01 < costs[0] < costs[1] < 100


def test_types_are_those_of_the_potential(tmp_path):
    file = tmp_path / "alloy.mtp"
    write_potential(file, repulsion(generate_basis(6), 2))
    elements = [{"symbol": symbol} | BCC for symbol in ("Na", "K")]
    assert measured_cost(file, elements) > 0
    with pytest.raises(ValueError, match="one of K Na and knows no Li"):
        measured_cost(file, [{"symbol": "Li"} | BCC])


def test_a_potential_that_lammps_gives_up_is_not_timed(tmp_path):
    file = tmp_path / "bursting.mtp"
    potential = repulsion(generate_basis(6), 1)
    write_potential(file, replace(potential, linear=1e12 * potential.linear))
    with pytest.raises(RuntimeError, match="bursting.mtp cannot be timed: ERROR"):
        measured_cost(file, [{"symbol": "K"} | BCC])
