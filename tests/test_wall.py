"""The wall keeps atoms apart, and changes nothing where there are data."""

import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from random_potentials import labelled, random_potential
from test_plugin import run_lammps

from smallcell.approach import approach, wall
from smallcell.basis import generate_basis
from smallcell.files import write_report
from smallcell.fitting import fit, random_starts
from smallcell.potential import write_potential
from smallcell.sampling import write_start
from smallcell.wall import PairWall, Wall, lammps_lines, read_wall, wall_of


@pytest.fixture(scope="module")
def strained():
    """Strained crystals, whose labels say nothing of close pairs."""
    cells = [bulk("K", "bcc", a=5.28 * strain) for strain in np.linspace(0.85, 1.15, 11)]
    return labelled(cells, random_potential(("K",), level=8, seed=1))


@pytest.fixture(scope="module")
def potential(strained):
    """A potential that lets atoms fall into each other."""
    rng = np.random.default_rng(1)
    return fit(strained, random_starts(strained, ("K",), generate_basis(8), 7.0, 8, rng)).potential


def energy_in_lammps(folder, atoms, lines, species=("K",)):
    """Energy and forces by LAMMPS."""
    write_start(folder / "start.data", atoms, species)
    output = run_lammps(
        folder,
        "\n".join(
            [
                "units metal",
                "read_data start.data",
                *lines,
                "dump atoms all custom 1 atoms.dump id fx fy fz",
                "dump_modify atoms format float %.17g sort id",
                "run 0",
                'print "ENERGY $(pe:%.17g)"',
            ]
        ),
    )
    forces = np.loadtxt(folder / "atoms.dump", skiprows=9, ndmin=2)[:, 1:]
    return float(re.search(r"^ENERGY (\S+)$", output, re.MULTILINE)[1]), forces


def test_the_wall_is_that_of_lammps(potential, tmp_path):
    barrier = Wall(3e5, 2.9, 3.2)
    pair = bulk("K", "sc", a=20.0) * (2, 1, 1)
    write_potential(tmp_path / "a.mtp", potential)
    lines = lammps_lines("mtp", "a.mtp", 1, barrier)
    for distance in (2.5, 2.95, 3.05, 3.15, 3.25):
        pair.positions[1] = [distance, 0, 0]
        alone, _ = energy_in_lammps(tmp_path, pair, ["pair_style mtp", "pair_coeff * * a.mtp 0"])
        both, _ = energy_in_lammps(tmp_path, pair, lines)
        expected = float(barrier.energy(np.array(distance)))
        assert both - alone == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_wall_changes_nothing_where_there_are_data(potential, strained, tmp_path):
    write_potential(tmp_path / "a.mtp", potential)
    lines = lammps_lines("mtp", "a.mtp", 1, wall(potential, strained))
    for atoms in strained[:: len(strained) - 1]:
        large = atoms * (3, 3, 3)
        alone = energy_in_lammps(tmp_path, large, ["pair_style mtp", "pair_coeff * * a.mtp 0"])
        both = energy_in_lammps(tmp_path, large, lines)
        assert both[0] == pytest.approx(alone[0], rel=1e-14)
        np.testing.assert_allclose(both[1], alone[1], atol=1e-12)


def test_an_atom_approaches_its_nearest_neighbour_and_nothing_else_moves():
    atoms = bulk("NaCl", "cesiumchloride", a=4.2)
    near, nearer = approach(atoms, [2.0, 1.5])
    assert len(near) == 8 * len(atoms)
    (moved,) = np.flatnonzero(np.any(near.positions != nearer.positions, axis=1))
    for one, distance in ((near, 2.0), (nearer, 1.5)):
        others = np.delete(np.arange(len(one)), moved)
        assert one.get_distances(moved, others, mic=True).min() == pytest.approx(distance)


@pytest.mark.parametrize("walled", [False, True])
def test_atoms_never_fuse_behind_it(strained, walled, tmp_path):
    # Energies of a random potential fall without end as atoms come close.
    potential = random_potential(("K",), 8, seed=2)
    potential = replace(potential, closest=4.0, linear=-potential.linear)
    barrier = wall(potential, strained)
    write_potential(tmp_path / "a.mtp", potential)
    write_start(tmp_path / "start.data", bulk("K", "bcc", a=5.28, cubic=True) * (3, 3, 3), ["K"])
    bare = ["pair_style mtp", "pair_coeff * * a.mtp 0"]
    output = run_lammps(
        tmp_path,
        "\n".join(
            [
                "units metal",
                "read_data start.data",
                *(lammps_lines("mtp", "a.mtp", 1, barrier) if walled else bare),
                "velocity all create 3000 7 dist gaussian",
                "timestep 0.0002",
                "fix move all nve",
                # A thermostat takes the heat of what falls.
                "fix heat all langevin 3000 3000 0.02 7",
                f"compute count all coord/atom cutoff {0.75 * barrier.inner:g}",
                "compute closer all reduce max c_count",
                "thermo_style custom step temp pe c_closer",
                "thermo 10",
                "run 3000",
            ]
        ),
    )
    rows = re.findall(r"^ +\d+ +\S+ +\S+ +(\S+) *$", output, re.MULTILINE)
    fused = any(float(row) > 0 for row in rows)
    if walled:
        assert len(rows) > 300, output[-1000:]
        assert not fused
    else:
        assert fused, output[-1000:]


def test_elements_that_stay_apart_have_a_wall_of_their_own(tmp_path):
    potential = random_potential(("Na", "K"), 6, seed=2)
    near = bulk("NaK", "cesiumchloride", a=4.0)
    far = bulk("K", "bcc", a=5.4)
    potential = replace(potential, closest=0.99 * 4.0 * np.sqrt(3) / 2)
    barrier = wall(potential, [near, far])
    # Na meets Na and K meets K at 4 A, Na meets K at 3.46 A.
    ends = {(one.first, one.second): (one.inner, one.outer) for one in barrier.pairs}
    assert ends == {
        pair: (pytest.approx(0.9 * 0.99 * 4.0), pytest.approx(0.99 * 4.0))
        for pair in ((0, 0), (1, 1))
    }
    write_potential(tmp_path / "a.mtp", potential)
    lines = lammps_lines("mtp", "a.mtp", 2, barrier)
    bare = ["pair_style mtp", "pair_coeff * * a.mtp 0 1"]
    for symbols, place in (("K2", 1), ("NaK", None)):
        pair = Atoms(symbols, positions=[[0, 0, 0], [3.6, 0, 0]], cell=[20] * 3, pbc=True)
        energies = [
            energy_in_lammps(tmp_path, pair, some, ("Na", "K"))[0] for some in (lines, bare)
        ]
        expected = 0.0 if place is None else walled(barrier.pairs[place], 3.6)
        assert energies[0] - energies[1] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def walled(one, distance):
    return float(Wall(one.strength, one.inner, one.outer).energy(np.array(distance)))


def test_the_wall_of_a_result_is_read_back(tmp_path):
    barrier, file = Wall(100851.44, 2.3942, 2.6602), tmp_path / "potential.lammps"
    file.write_text(
        "\n".join(lammps_lines("mtp", "results/x y/potential.almtp", 1, barrier)) + "\n"
    )
    assert wall_of(file) == barrier
    barrier = Wall(100851.44, 2.3942, 2.6602, (PairWall(0, 1, 5e6, 3.0, 3.3),))
    file.write_text("\n".join(lammps_lines("mtp", "a.almtp", 2, barrier)) + "\n")
    assert wall_of(file) == barrier
    write_report(tmp_path / "fit.json", {"wall": asdict(barrier)})
    assert read_wall(tmp_path / "fit.json") == barrier
    file.write_text("pair_style mtp\npair_coeff * * potential.almtp 0\n")
    with pytest.raises(ValueError, match="potential.lammps has no wall"):
        wall_of(file)
