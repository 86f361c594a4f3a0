"""Real walks in LAMMPS: what they save, how they end, what they average to."""

import os
import re
import subprocess
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.units import GPa, kB
from random_potentials import random_potential

from smallcell import sampling
from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.draws import Walker, draw_conditions
from smallcell.engine import MTPCalculator, rows
from smallcell.fitting import fit, random_starts
from smallcell.potential import write_potential
from smallcell.programs import without_launcher
from smallcell.sampling import (
    FLATTEST,
    Conditions,
    WalkFate,
    guard,
    provide,
    read_frames,
    walk,
    whole_frames,
    write_start,
    write_walk,
)
from smallcell.selection import active_set, grades
from smallcell.wall import Wall

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
CELL = {"cell": [1, 1, 2], "unit": "conventional"}
SAMPLING = {
    "walkers": 8,
    "draws": "stratified",
    "temperature": [100, 200],
    "hottest": 0,
    "pressure": [0, 0.5],
    "ramp": True,
    "strain": [0.95, 1.05],
    "displacement": 0.1,
    "velocities": True,
    "swap_every": 0,
    "pair_style": "mtp",
    "cell_change": "isotropic",
    "duration": 0.2,
    "timestep": 1,
    "grade_every": 10,
    "save_above": 2.1,
    "stop_above": 10,
    "samples": 0,
}

WALL = Wall(1.0, 0.9, 1.0)
"""Lower and further in than anything that happens here."""


def draw(elements=(POTASSIUM,), cell=CELL, seed=1, **changes):
    return draw_conditions(Walker(seed, "a", 0, 0), elements, cell, SAMPLING | changes)


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


@pytest.fixture(scope="module")
def noble_gas(tmp_path_factory):
    """A potential that holds crystals together, fitted to Lennard-Jones, and its wall."""
    rng = np.random.default_rng(1)
    structures = []
    for number in range(60):
        lattice, constant, cubic = (("fcc", 6.4, False), ("bcc", 5.1, True))[number % 2]
        atoms = bulk("K", lattice, a=constant, cubic=cubic) * (1, 1, 1 if number % 3 else 2)
        strain = np.eye(3) * rng.uniform(0.93, 1.15) + rng.uniform(-0.1, 0.1, (3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.positions += rng.normal(0, 0.25, atoms.positions.shape)
        atoms.calc = LennardJones(sigma=4.0, epsilon=0.1, rc=6.9, smooth=True)
        atoms.get_stress()
        structures.append(atoms)
    start = random_starts(structures, ("K",), generate_basis(6), 7.0, 8, rng)[:1]
    potential = fit(structures, start).potential
    potential = replace(potential, active_set=active_set(rows(potential, structures)))
    path = tmp_path_factory.mktemp("potential") / "potential.almtp"
    write_potential(path, potential)
    return path, wall(potential, structures)


def run(known_world, folder, conditions, **changes):
    provide(folder, known_world[1])
    write_walk(folder, conditions, SAMPLING | changes, ["K"], WALL)
    return walk(folder, ["K"])


def prepare_gas(noble_gas, folder, conditions, **changes):
    provide(folder, noble_gas[0])
    endless = {"save_above": 1e8, "stop_above": 1e9}
    write_walk(folder, conditions, SAMPLING | endless | changes, ["K"], noble_gas[1])


def run_gas(noble_gas, folder, conditions, **changes):
    prepare_gas(noble_gas, folder, conditions, **changes)
    return walk(folder, ["K"])


def also(folder, commands):
    """Put commands of LAMMPS in front of a walk's run."""
    script = folder / "in.walk"
    script.write_text(script.read_text().replace("\nrun ", f"\n{commands}\nrun "))


def thermo(folder):
    """Step, temperature (K), pressure (bar), volume (A^3), energy (eV) and grade from the log."""
    rows = re.findall(
        r"^\s*(\d+)" + 5 * r"\s+([-+.\de]+)" + r"\s*$", (folder / "log.lammps").read_text(), re.M
    )
    return np.array(rows, dtype=float)


def test_a_walk_below_both_thresholds_finishes_and_saves_nothing(known_world, tmp_path):
    done = run(known_world, tmp_path, draw(strain=[1, 1]), save_above=1e8, stop_above=1e9)
    assert (done.fate, done.message) == (WalkFate.FINISHED, "")
    assert (done.frames, done.samples, done.steps) == ([], [], 200)


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
    done = run(known_world, tmp_path, draw(strain=[0.6, 0.6]), samples=20)
    assert done.fate == WalkFate.STOPPED
    assert done.steps == 10
    assert grades(rows(known_world[0], done.frames), known_world[0].active_set).max() > 10
    assert [frame.info["step"] for frame in done.samples] == [10]


def test_an_atom_alone_walks_too(known_world, tmp_path):
    alone = draw(cell={"cell": [1, 1, 1], "unit": "primitive"})
    done = run(known_world, tmp_path, alone, save_above=1e8, stop_above=1e9)
    assert (done.fate, done.steps) == (WalkFate.FINISHED, 200)


def test_lammps_that_does_not_start_is_an_error_and_no_walk(known_world, tmp_path):
    provide(tmp_path, known_world[1].with_name("none.almtp"))
    write_walk(tmp_path, draw(), SAMPLING, ["K"], WALL)
    with pytest.raises(RuntimeError, match="LAMMPS did not start: ERROR"):
        walk(tmp_path, ["K"])


@pytest.mark.parametrize(("number", "steps"), [(4, [50, 100, 150, 200]), (3, [67, 134, 200])])
def test_samples_are_evenly_spaced_with_the_last_step(known_world, tmp_path, number, steps):
    done = run(known_world, tmp_path, draw(), save_above=1e8, stop_above=1e9, samples=number)
    assert [frame.info["step"] for frame in done.samples] == steps
    assert done.frames == []
    moved = done.samples[-1].positions - done.samples[0].positions
    assert np.abs(moved).max() > 1e-3


def test_temperature_and_pressure_ramp_from_one_end_to_the_other(noble_gas, tmp_path):
    start = draw(cell={"cell": [2, 2, 2], "unit": "conventional"}).start
    conditions = Conditions((20, 100), (0, 1), start, start.get_volume(), 1)
    done = run_gas(noble_gas, tmp_path, conditions, duration=20, timestep=4)
    assert done.fate == WalkFate.FINISHED
    table = thermo(tmp_path)
    _, temperature, pressure, *_ = np.array_split(table, 4)[0].mean(axis=0)
    assert temperature == pytest.approx(30, abs=5)
    assert pressure * 1e-4 == pytest.approx(1 / 8, abs=0.03)
    _, temperature, pressure, *_ = np.array_split(table, 4)[-1].mean(axis=0)
    assert temperature == pytest.approx(90, abs=10)
    assert pressure * 1e-4 == pytest.approx(7 / 8, abs=0.03)
    assert done.temperature == pytest.approx(60, abs=6)


@pytest.mark.parametrize("unit", ["primitive", "conventional"])
def test_cells_of_one_and_two_atoms_have_the_temperature_and_pressure_asked_for(
    noble_gas, tmp_path, unit
):
    start = draw(cell={"cell": [1, 1, 1], "unit": unit}).start
    changes = {"duration": 480, "timestep": 4, "cell_change": "triclinic"}
    means = (
        "fix means all ave/time 1 120000 120000 c_thermo_temp c_thermo_press v_vol file means.txt"
    )
    # A cell of one atom may go astray in so long a walk, on one machine or another; not thrice.
    for seed in (1, 2, 3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        conditions = Conditions((100, 100), (0.2, 0.2), start, start.get_volume(), seed)
        prepare_gas(noble_gas, folder, conditions, **changes)
        also(folder, f"variable vol equal vol\n{means}")
        fate = walk(folder, ["K"]).fate
        if fate == WalkFate.FINISHED:
            break
    assert fate == WalkFate.FINISHED
    _, temperature, pressure, volume = np.loadtxt(folder / "means.txt")
    # LAMMPS's barostat gives each atom three degrees of freedom, also that which rests with the
    # whole; its share of the pressure is then too much.
    excess = kB * temperature / volume / GPa / len(start) if len(start) > 1 else 0
    assert temperature == pytest.approx(100, rel=0.05)
    assert pressure * 1e-4 == pytest.approx(0.2 + excess, abs=0.003)


def test_without_velocities_and_displacements_atoms_stay_on_their_sites(noble_gas, tmp_path):
    changes = {"displacement": 0, "velocities": False, "samples": 1, "ramp": False}
    conditions = draw(**changes)
    done = run_gas(noble_gas, tmp_path, conditions, duration=2, **changes)
    assert done.fate == WalkFate.FINISHED
    (last,) = done.samples
    assert last.get_volume() != pytest.approx(conditions.start.get_volume(), rel=1e-3)
    sites = conditions.start.get_scaled_positions() - last.get_scaled_positions()
    sites -= sites[0]
    assert np.abs(sites - np.round(sites * 4) / 4).max() < 1e-6


def test_a_walk_that_explodes_keeps_its_last_good_frames(known_world, tmp_path):
    conditions = draw(temperature=[10000, 10000])
    done = run(
        known_world, tmp_path, conditions, stop_above=1e9, duration=20, samples=1000, timestep=2
    )
    assert done.fate in (WalkFate.ASTRAY, WalkFate.EXPLODED)
    assert done.message.startswith("ERROR: ")
    assert 0 < done.steps < 10000
    assert done.frames
    assert done.samples[-1].info["step"] > done.steps - 20
    found = grades(rows(known_world[0], done.frames), known_world[0].active_set)
    assert found.min() > 2.1
    for frame in done.frames:
        assert np.isfinite(frame.positions).all()
        assert 0.4 < frame.get_volume() / conditions.perfect_volume < 2.1


def test_a_walk_without_an_end_is_ended_and_keeps_its_frames(noble_gas, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "LONGEST", 2)
    conditions = draw(temperature=[50, 50])
    done = run_gas(noble_gas, tmp_path, conditions, duration=2000, save_above=0)
    assert done.fate == WalkFate.EXPLODED
    assert done.message == "LAMMPS came to no end within 2 s"
    assert done.steps > 0
    assert len(done.frames) > 10


def test_a_dump_that_was_cut_off_anywhere_has_its_whole_frames(known_world, tmp_path):
    run(known_world, tmp_path, draw(), save_above=0, stop_above=1e9, duration=0.02)
    text = (tmp_path / "frames.dump").read_text()
    begins = [found.start() for found in re.finditer("ITEM: TIMESTEP", text)] + [len(text)]
    assert len(begins) == 4
    for cut in range(len(text) + 1):
        assert whole_frames(text[:cut]) == text[: max(end for end in begins if end <= cut)]
    (tmp_path / "cut.dump").write_text(text[:-5])
    assert [frame.info["step"] for frame in read_frames(tmp_path / "cut.dump", ["K"])] == [0, 10]


def test_what_is_not_finite_is_left_out(known_world, tmp_path):
    run(known_world, tmp_path, draw(), save_above=0, stop_above=1e9, duration=0.02)
    lines = (tmp_path / "frames.dump").read_text().splitlines()
    lines[-1] = "4 1 nan nan -nan"
    (tmp_path / "frames.dump").write_text("\n".join(lines) + "\n")
    frames = read_frames(tmp_path / "frames.dump", ["K"])
    assert [frame.info["step"] for frame in frames] == [0, 10]


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_cell_that_becomes_a_needle_ends_the_run(tmp_path, axis):
    start = bulk("K", "bcc", a=5.3)
    write_start(tmp_path / "start.data", start, ["K"])
    others = " ".join(f"{other} volume" for other in "xyz" if other != axis)
    script = [
        "units metal",
        "atom_style atomic",
        "read_data start.data",
        "pair_style zero 5.0",
        "pair_coeff * *",
        *guard(start.get_volume()),
        f"fix flatten all deform 1 {axis} scale 0.01 {others} remap x",
        "dump all all custom 10 all.dump id type x y z",
        "thermo 100",
        "run 2000",
    ]
    (tmp_path / "in.flatten").write_text("\n".join(script) + "\n")
    run = subprocess.run(
        ["lmp", "-in", "in.flatten", "-log", "none"],
        cwd=tmp_path,
        env=without_launcher(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Fix halt condition for fix-id shape met" in run.stdout + run.stderr
    frames = ase.io.read(tmp_path / "all.dump", index=":", format="lammps-dump-text")
    assert len(frames) > 10
    heights = np.array([1 / np.linalg.norm(frame.cell.reciprocal(), axis=1) for frame in frames])
    flatness = heights.min(axis=1) / np.cbrt([frame.get_volume() for frame in frames])
    assert FLATTEST < flatness.min() < 1.1 * FLATTEST


@pytest.fixture(scope="module")
def alloy(tmp_path_factory):
    """A potential of two elements, and where it is."""
    potential = random_potential(("K", "Na"), 6, seed=5)
    potential = replace(potential, linear=0.01 * potential.linear)
    starts = [
        draw((POTASSIUM, SODIUM), {"cell": [1, 2, 2], "unit": "conventional"}, seed).start
        for seed in range(100)
    ]
    potential = replace(potential, active_set=active_set(rows(potential, starts)))
    path = tmp_path_factory.mktemp("potential") / "potential.almtp"
    write_potential(path, potential)
    return potential, path


def prepare_alloy(alloy, folder, symbols, **changes):
    start = bulk("K", "bcc", a=5.0, cubic=True) * (1, 2, 2)
    start.symbols = symbols
    start.positions += np.random.default_rng(1).normal(0, 0.2, start.positions.shape)
    conditions = Conditions((300, 300), (0, 0), start, start.get_volume(), 1)
    provide(folder, alloy[1])
    endless = {"save_above": 0, "stop_above": 1e9, "swap_every": 10}
    write_walk(folder, conditions, SAMPLING | endless | changes, ["K", "Na"], WALL)


def run_alloy(alloy, folder, symbols, **changes):
    prepare_alloy(alloy, folder, symbols, **changes)
    return walk(folder, ["K", "Na"])


def test_atoms_are_swapped_and_energies_are_right_after_it(alloy, tmp_path):
    done = run_alloy(alloy, tmp_path, ["K", "Na"] * 4)
    assert done.fate == WalkFate.FINISHED
    assert {frame.get_chemical_formula() for frame in done.frames} == {"K4Na4"}
    arrangements = {str(frame.symbols) for frame in done.frames}
    assert len(arrangements) > 3
    table = thermo(tmp_path)
    engine = MTPCalculator(alloy[0])
    for frame, row in zip(done.frames, table, strict=True):
        assert frame.info["step"] == row[0]
        engine.calculate(frame)
        assert engine.results["energy"] == pytest.approx(row[4], abs=1e-6)
    found = grades(rows(alloy[0], done.frames), alloy[0].active_set)
    assert found == pytest.approx(table[:, 5], rel=1e-5)


def test_swaps_leave_the_whole_at_rest(alloy, tmp_path):
    prepare_alloy(alloy, tmp_path, ["K", "Na"] * 4, swap_every=5)
    motion = "$(vcm(all,x)) $(vcm(all,y)) $(vcm(all,z))"
    also(tmp_path, f'fix motion all print 1 "{motion}" file motion.txt')
    assert walk(tmp_path, ["K", "Na"]).fate == WalkFate.FINISHED
    velocities = np.loadtxt(tmp_path / "motion.txt", skiprows=1)
    assert len(velocities) > 190
    assert np.abs(velocities).max() < 1e-10


@pytest.mark.parametrize(
    ("symbols", "swap_every"), [(["K"] * 8, 10), (["K", "Na"] * 4, 0)], ids=["pure", "off"]
)
def test_nothing_is_swapped_in_a_pure_cell_or_where_it_is_off(alloy, tmp_path, symbols, swap_every):
    done = run_alloy(alloy, tmp_path, symbols, swap_every=swap_every)
    assert done.fate == WalkFate.FINISHED
    assert len({str(frame.symbols) for frame in done.frames}) == 1
    assert "atom/swap" not in (tmp_path / "in.walk").read_text()
