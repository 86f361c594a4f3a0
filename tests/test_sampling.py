"""Walkers: what they draw, and real walks in LAMMPS."""

from dataclasses import replace

import numpy as np
import pytest
from random_potentials import random_potential

from smallcell.engine import rows
from smallcell.potential import write_potential
from smallcell.sampling import WalkFate, draw_conditions, provide, walk, write_walk
from smallcell.selection import active_set, grades
from smallcell.wall import Wall

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
CELL = {"cell": [1, 1, 2], "unit": "conventional"}
SAMPLING = {
    "temperature": [100, 200],
    "pressure": [0, 0.5],
    "strain": [0.95, 1.05],
    "displacement": 0.1,
    "cell_change": "isotropic",
    "duration": 0.2,
    "timestep": 1,
    "grade_every": 10,
    "save_above": 2.1,
    "stop_above": 10,
}

WALL = Wall(1.0, 0.9, 1.0)
"""Lower and further in than anything that happens here."""


def draw(elements=(POTASSIUM,), cell=CELL, seed=1, **changes):
    return draw_conditions(elements, cell, SAMPLING | changes, np.random.default_rng(seed))


def test_a_walker_draws_within_the_ranges_and_the_same_from_the_same_seed():
    first, again, other = draw(), draw(), draw(seed=2)
    assert 100 <= first.temperature <= 200
    assert 0 <= first.pressure <= 0.5
    assert 0.95 <= np.cbrt(first.start.get_volume() / 2) / 5.3 <= 1.05
    assert np.array_equal(first.start.positions, again.start.positions)
    assert first.velocity_seed == again.velocity_seed
    assert not np.array_equal(first.start.positions, other.start.positions)


def test_starts_are_displaced_from_perfect_sites():
    displaced, perfect = draw(displacement=0.1), draw(displacement=0.0)
    moved = displaced.start.positions - perfect.start.positions
    assert 0.03 < moved.std() < 0.2


def test_an_alloy_has_all_compositions_and_the_volume_of_vegards_law():
    starts = [draw((POTASSIUM, SODIUM), seed=seed, strain=[1, 1]).start for seed in range(60)]
    counts = {atoms.symbols.count("K") for atoms in starts}
    assert counts == {0, 1, 2, 3, 4}
    for atoms in starts:
        potassium = atoms.symbols.count("K")
        constant = (potassium * 5.3 + (4 - potassium) * 4.2) / 4
        assert np.cbrt(atoms.get_volume() / 2) == pytest.approx(constant)


@pytest.fixture(scope="module")
def known_world(tmp_path_factory):
    """A potential that knows walks of the four-atom cell: its active set is made of such frames."""
    # Negative energies only from the radial sum of one function: attraction without surprises.
    potential = random_potential(("K",), 6, seed=5)
    potential = replace(potential, linear=0.001 * potential.linear)
    starts = [draw(seed=seed, displacement=0.3).start for seed in range(200)]
    potential = replace(potential, active_set=active_set(rows(potential, starts)))
    path = tmp_path_factory.mktemp("potential") / "potential.almtp"
    write_potential(path, potential)
    return potential, path


def run(known_world, folder, conditions, **changes):
    provide(folder, known_world[1])
    write_walk(folder, conditions, SAMPLING | changes, ["K"], WALL)
    return walk(folder, ["K"])


def test_a_walk_below_both_thresholds_finishes_and_saves_nothing(known_world, tmp_path):
    done = run(known_world, tmp_path, draw(strain=[1, 1]), save_above=1e8, stop_above=1e9)
    assert (done.fate, done.frames, done.steps) == (WalkFate.FINISHED, [], 200)


@pytest.mark.parametrize("cell_change", ["isotropic", "triclinic"])
def test_saved_frames_are_those_above_the_threshold(known_world, tmp_path, cell_change):
    done = run(
        known_world,
        tmp_path,
        draw(strain=[0.8, 0.8]),
        save_above=1.5,
        stop_above=1e9,
        cell_change=cell_change,
    )
    assert done.frames
    found = grades(rows(known_world[0], done.frames), known_world[0].active_set)
    assert found.min() > 1.5
    assert all(frame.info["step"] % 10 == 0 for frame in done.frames)


def test_a_walk_stops_where_the_grade_is_too_high(known_world, tmp_path):
    done = run(known_world, tmp_path, draw(strain=[0.6, 0.6]))
    assert done.fate == WalkFate.STOPPED
    assert done.steps == 10
    assert grades(rows(known_world[0], done.frames), known_world[0].active_set).max() > 10


def test_an_atom_alone_walks_too(known_world, tmp_path):
    alone = draw(cell={"cell": [1, 1, 1], "unit": "primitive"})
    done = run(known_world, tmp_path, alone, save_above=1e8, stop_above=1e9)
    assert (done.fate, done.steps) == (WalkFate.FINISHED, 200)


def test_lammps_that_does_not_start_is_an_error_and_no_walk(known_world, tmp_path):
    provide(tmp_path, known_world[1].with_name("none.almtp"))
    write_walk(tmp_path, draw(), SAMPLING, ["K"], WALL)
    with pytest.raises(RuntimeError, match="LAMMPS did not start: ERROR"):
        walk(tmp_path, ["K"])
