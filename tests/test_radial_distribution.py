"""Pairs of gases and crystals, of which all is known."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell

from smallcell.prototypes import compound
from smallcell.radial_distribution import (
    bin_edges,
    distribution,
    liquid_structure,
    neighbours_within,
)


def gas(number: int, edge: float, rng: np.random.Generator) -> Atoms:
    """Points anywhere, some on the faces of their box and some outside."""
    places = rng.uniform(-edge, 2 * edge, (number, 3))
    atoms = Atoms(number * ["K"], places, cell=3 * [edge], pbc=True)
    atoms.positions[:3] = [[0, 0, 0], [edge, edge / 2, 1], [-1e-18, 3, 2 * edge]]
    return atoms


def test_a_gas_has_no_structure():
    rng = np.random.default_rng(1)
    frames = [gas(400, 20.0, rng) for _ in range(40)]
    found = liquid_structure(frames)
    far = found.distances > 3
    pairs = 40 * 400 * 400 / 8000 * 4 * np.pi * found.distances[far] ** 2 * 0.05 / 2
    assert np.abs(found.distribution[far] - 1 + 1 / 400).max() < 5 / np.sqrt(pairs.min())
    assert found.distribution[far].mean() == pytest.approx(1, abs=0.01)
    assert found.shell == {}


def test_the_neighbours_of_a_crystal_are_those_of_its_shells():
    atoms = bulk("K", "bcc", a=5.0, cubic=True) * (4, 4, 5)
    radii = np.array([4.0, 4.5, 5.1, 7.2])
    assert neighbours_within(atoms, radii) == pytest.approx([0, 8, 14, 26])


def test_the_neighbours_in_a_compound_are_of_the_element_that_is_asked_for():
    """D0_3: potassium has eight of sodium next to it, of which a third has four of potassium."""
    sodium, potassium = (
        {"symbol": symbol, "lattice": "bcc", "lattice_constant": 5.0} for symbol in ("Na", "K")
    )
    atoms = compound("D0_3", sodium, potassium)
    atoms = make_supercell(atoms, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * (2, 2, 2)
    radii = np.array([4.5, 5.2])
    expected = {"K-Na": [8, 14], "Na-K": [8 / 3, 14 / 3], "K-K": [0, 0]}
    for pair, numbers in expected.items():
        found = neighbours_within(atoms, radii, tuple(pair.split("-")))
        assert found == pytest.approx(numbers)
    total = neighbours_within(atoms, radii)
    of_sodium = expected["Na-K"] + neighbours_within(atoms, radii, ("Na", "Na"))
    assert 0.75 * of_sodium + 0.25 * np.array(expected["K-Na"]) == pytest.approx(total)


def test_names_without_a_meaning_make_partial_functions_alike():
    rng = np.random.default_rng(4)
    crystal = bulk("K", "fcc", a=6.4, cubic=True) * (4, 4, 4)
    frames = []
    for _ in range(20):
        frame = crystal.copy()
        frame.positions += rng.normal(0, 0.25, frame.positions.shape)
        frame.symbols[rng.permutation(len(frame))[:64]] = "Na"
        frames.append(frame)
    whole = liquid_structure(frames)
    for pair, neighbours in (("Na", "K"), 9.0), (("K", "Na"), 3.0), (("K", "K"), 9.0):
        found = liquid_structure(frames, pair)
        near = whole.distances > 3.5
        assert np.abs(found.distribution - whole.distribution)[near].max() < 0.3
        assert found.shell["coordination"].value == pytest.approx(neighbours, rel=0.03)
        assert found.shell["peak"].value == pytest.approx(whole.shell["peak"].value, rel=0.01)


def test_the_first_shell_of_a_warm_crystal_has_its_nearest_neighbours():
    rng = np.random.default_rng(2)
    crystal = bulk("K", "fcc", a=6.4, cubic=True) * (4, 4, 4)
    frames = []
    for _ in range(20):
        frames.append(crystal.copy())
        frames[-1].positions += rng.normal(0, 0.25, crystal.positions.shape)
    found = liquid_structure(frames)
    shell = found.shell
    assert shell["peak"].value == pytest.approx(6.4 / np.sqrt(2), rel=0.02)
    assert 6.4 / np.sqrt(2) < shell["end"].value < 6.4
    assert shell["coordination"].value == pytest.approx(12, abs=0.2)
    assert shell["height"].value == pytest.approx(found.distribution.max(), rel=0.05)
    assert all(0 < one.error < 0.05 * one.value for one in shell.values())


def test_the_distribution_integrates_to_the_neighbours():
    frame = gas(300, 15.0, np.random.default_rng(3))
    edges = bin_edges(frame)
    assert edges[-1] <= 7.5
    neighbours = neighbours_within(frame, edges)
    density = 300 / 15.0**3
    found = distribution(neighbours, edges, density)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    assert density * (found * shells).sum() == pytest.approx(neighbours[-1])
