"""The LAMMPS pair styles, against motep and against themselves.

LAMMPS runs as a program of its own, on potentials with random coefficients.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers
from ase.io import read, write
from ase.neighborlist import neighbor_list
from motep.calculator import make_calculator
from motep.grade.maxvol import MaxVol
from motep.io.mlip.mtp import read_mtp

from smallcell.basis import generate_basis
from smallcell.potential import Potential, write_potential

REPOSITORY = Path(__file__).parent.parent
PROGRAMS = Path(sys.prefix) / "bin"
PLUGINS = Path(sys.prefix) / "lib" / "smallcell"

BAR = 1 / 1.6021765e6
"""eV/A^3, with the eight digits that LAMMPS knows of it."""

RELATIVE = 1e-9
"""What sums in another order may differ by: the error of a double times the at most 1e6 by which
its terms can exceed a sum. Any figure that LAMMPS and motep have different digits of is above."""


@pytest.fixture(scope="session", autouse=True)
def plugin() -> None:
    """Build the plugin for the Python that runs the tests, if that is not done yet."""
    built = make("plugin", f"PYTHON={sys.executable}")
    assert built.returncode == 0, built.stderr


def make(folder: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder of the repository."""
    command = ["make", "-C", str(folder), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def run_lammps(folder: Path, script: str, ranks: int = 1, **variables: object) -> str:
    """Run LAMMPS in a folder and return what it prints, whether or not it fails."""
    (folder / "in.lammps").write_text(script)
    command = [] if ranks == 1 else [str(PROGRAMS / "mpiexec"), "-n", str(ranks)]
    command += [str(PROGRAMS / "lmp"), "-in", "in.lammps", "-log", "none"]
    for name, value in variables.items():
        command += ["-var", name, str(value)]
    environment = os.environ | {"LAMMPS_PLUGIN_PATH": str(PLUGINS), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    ).stdout


@dataclass(frozen=True)
class Evaluation:
    """What a potential says of a structure.

    Energies in eV, forces (n_atoms, 3) in eV/A, stress in eV/A^3 in ASE's sign and Voigt order.
    """

    energies: np.ndarray
    forces: np.ndarray
    stress: np.ndarray
    grade: float


def by_lammps(
    folder: Path,
    structures: Sequence[Atoms],
    path: Path,
    species: Sequence[str],
    types: Sequence[int],
    ranks: int = 1,
) -> list[Evaluation]:
    """Evaluate structures in one run of LAMMPS, whose atom types are the species in that order."""
    script = []
    for k, atoms in enumerate(structures):
        data = folder / f"{k}.data"
        write(data, atoms, format="lammps-data", specorder=list(species), masses=True)
        script.append(f"""
            clear
            units metal
            read_data {data.name}
            pair_style mtp/extrapolation
            pair_coeff * * {path} {" ".join(map(str, types))}
            compute grade all pair mtp/extrapolation
            compute virial all pressure NULL virial
            compute energy all pe/atom
            compute stress all stress/atom NULL
            thermo_style custom pe c_virial[*]
            dump atoms all custom 1 {k}.dump id fx fy fz c_energy c_stress[*]
            dump_modify atoms format float %.17g sort id
            run 0
            undump atoms
            print "RESULT $(pe:%.17g) $(c_grade[1]:%.17g) &
                $(c_virial[1]:%.17g) $(c_virial[2]:%.17g) $(c_virial[3]:%.17g) &
                $(c_virial[6]:%.17g) $(c_virial[5]:%.17g) $(c_virial[4]:%.17g)"
            """)
    output = run_lammps(folder, "\n".join(script), ranks)
    results = re.findall(r"^RESULT (.*)$", output, re.MULTILINE)
    assert len(results) == len(structures), output
    evaluations = []
    for k, (atoms, result) in enumerate(zip(structures, results, strict=True)):
        energy, grade, *pressure = map(float, result.split())
        table = np.loadtxt(folder / f"{k}.dump", skiprows=9, ndmin=2)
        stress = -BAR * np.array(pressure)
        by_atom = BAR / atoms.get_volume() * table[:, [5, 6, 7, 10, 9, 8]].sum(axis=0)
        assert table[:, 4].sum() == pytest.approx(energy, rel=RELATIVE)
        assert by_atom == pytest.approx(stress, rel=RELATIVE, abs=RELATIVE * abs(stress).max())
        evaluations.append(Evaluation(table[:, 4], table[:, 1:4], stress, grade))
    return evaluations


def by_motep(
    structures: Sequence[Atoms], path: Path, species: Sequence[str]
) -> tuple[list[Evaluation], np.ndarray]:
    """Evaluate structures with motep; grades are those of the active set that `rows` span.

    The rows that are returned as well hold the derivatives of the energy per atom with respect to
    the parameters as MLIP orders them.
    """
    text = path.with_suffix(".text")
    text.write_bytes(path.read_bytes().partition(b"#MVS")[0])
    data = read_mtp(text)
    data.species = [atomic_numbers[symbol] for symbol in species]
    evaluations, rows = [], []
    for atoms in structures:
        calculator = make_calculator(data, engine="cext", mode="train")
        calculator.calculate(atoms)
        results = calculator.results
        jacobian = calculator.engine.jac_energy(atoms)
        rows.append(
            np.concatenate(
                [
                    jacobian.radial_coeffs.ravel(),
                    jacobian.species_coeffs,
                    jacobian.moment_coeffs,
                ]
            )
            / len(atoms)
        )
        evaluations.append(
            Evaluation(results["energies"], results["forces"], results["stress"], np.nan)
        )
    return evaluations, np.array(rows)


def assert_equal(found: Evaluation, right: Evaluation) -> None:
    """Compare energies, forces and stresses, each by the largest of its kind."""
    for name in ("energies", "forces", "stress"):
        numbers, reference = getattr(found, name), getattr(right, name)
        np.testing.assert_allclose(
            numbers, reference, rtol=0, atol=RELATIVE * np.abs(right.__dict__[name]).max()
        )


def random_potential(species: tuple[str, ...], level: int, seed: int) -> Potential:
    """Return a potential of no meaning, whose energies are of the order of an eV per atom."""
    generator = np.random.default_rng(seed)
    basis = generate_basis(level)
    n, n_chebyshev = len(species), 5
    radial = generator.normal(scale=0.01, size=(n, n, basis.n_radial_functions, n_chebyshev))
    return Potential(
        species=species,
        basis=basis,
        closest=2.0,
        cutoff=6.5,
        radial=radial,
        shifts=generator.normal(size=n),
        linear=generator.normal(size=len(basis.scalars)),
    )


def random_structures(species: Sequence[str], sizes: Sequence[int], seed: int) -> list[Atoms]:
    """Return disordered triclinic cells, in the orientation that LAMMPS demands."""
    generator = np.random.default_rng(seed)
    structures = []
    for size in sizes:
        while True:
            cell = np.diag(generator.uniform(0.8, 1.2, 3) * (60 * size) ** (1 / 3))
            cell[np.tril_indices(3, -1)] = generator.uniform(-0.45, 0.45, 3) * cell[0, 0]
            symbols = generator.choice(species, size)
            scaled = generator.random((size, 3))
            atoms = Atoms(symbols, cell=cell, scaled_positions=scaled, pbc=True)
            if len(neighbor_list("i", atoms, 1.8)) == 0:
                break
        structures.append(atoms)
    return structures


def graded(potential: Potential, path: Path, seed: int) -> np.ndarray:
    """Write a potential with an active set that MaxVol selects; return the active set."""
    write_potential(path, potential)
    sizes = 1 + np.arange(2 * potential.n_parameters) % 4
    candidates = random_structures(potential.species, sizes, seed)
    _, rows = by_motep(candidates, path, potential.species)
    active_set = MaxVol(algorithm="mlip").run(rows).submatrix
    write_potential(path, replace(potential, active_set=active_set))
    return active_set


def assert_grades(grades: np.ndarray, rows: np.ndarray, active_set: np.ndarray) -> None:
    """Compare grades with those of rows. An inverse is as exact as its condition lets it be."""
    right = np.abs(np.linalg.solve(active_set.T, rows.T)).max(axis=0)
    tolerance = max(RELATIVE, np.linalg.cond(active_set) * np.finfo(float).eps)
    np.testing.assert_allclose(grades, right, rtol=tolerance)


@pytest.mark.parametrize(
    ("species", "level", "order"),
    [
        (("K",), 8, ("K",)),
        (("K",), 16, ("K",)),
        (("Na", "K"), 8, ("Na", "K")),
        (("Na", "K"), 10, ("K", "Na")),
    ],
)
def test_agrees_with_motep(
    tmp_path: Path, species: tuple[str, ...], level: int, order: tuple[str, ...]
) -> None:
    path = tmp_path / "random.almtp"
    active_set = graded(random_potential(species, level, seed=level), path, seed=1)
    structures = random_structures(species, [1, 1, 1, 2, 2, 3, 4, 5, 8, 9, 13, 16], seed=2)
    right, rows = by_motep(structures, path, species)
    found = by_lammps(tmp_path, structures, path, order, [species.index(x) for x in order])
    for ours, theirs in zip(found, right, strict=True):
        assert_equal(ours, theirs)
    assert_grades(np.array([ours.grade for ours in found]), rows, active_set)


def test_scaling_is_no_part_of_the_parameters(tmp_path: Path) -> None:
    """As in MLIP, rows are derivatives with respect to coefficients that scaling multiplies."""
    path = tmp_path / "scaled.almtp"
    active_set = graded(random_potential(("K",), 8, seed=3), path, seed=4)
    content = path.read_bytes()
    path.write_bytes(re.sub(rb"\nscaling = .*", b"\nscaling = 0.37", content, count=1))
    structures = random_structures(("K",), [1, 2, 3], seed=5)
    right, rows = by_motep(structures, path, ("K",))
    found = by_lammps(tmp_path, structures, path, ("K",), [0])
    for ours, theirs in zip(found, right, strict=True):
        assert_equal(ours, theirs)
    assert_grades(np.array([ours.grade for ours in found]), rows, active_set)


def test_member_of_the_active_set_has_grade_1(tmp_path: Path) -> None:
    potential = random_potential(("K",), 2, seed=6)
    path = tmp_path / "random.almtp"
    write_potential(path, potential)
    structures = random_structures(("K",), [1 + i % 3 for i in range(potential.n_parameters)], 7)
    _, rows = by_motep(structures, path, ("K",))
    # The gauge between radial and linear coefficients is one direction that no row has.
    directions = np.linalg.svd(rows)[2]
    rows[-1] = directions[-1]
    write_potential(path, replace(potential, active_set=rows))
    found = by_lammps(tmp_path, structures[:-1], path, ("K",), [0])
    tolerance = np.linalg.cond(rows) * np.finfo(float).eps
    assert [ours.grade for ours in found] == pytest.approx(
        np.ones(len(rows) - 1), rel=max(RELATIVE, tolerance)
    )


def test_isolated_atoms_have_their_shifts(tmp_path: Path) -> None:
    potential = random_potential(("Na", "K"), 8, seed=8)
    path = tmp_path / "random.almtp"
    graded(potential, path, seed=9)
    atoms = Atoms("NaK", positions=[[1, 1, 1], [10, 10, 10]], cell=[20, 20, 20], pbc=True)
    (found,) = by_lammps(tmp_path, [atoms], path, ("K", "Na"), [1, 0])
    assert found.energies == pytest.approx(potential.shifts)
    assert not found.forces.any()
    assert not found.stress.any()


def test_ranks_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "random.almtp"
    graded(random_potential(("Na", "K"), 8, seed=10), path, seed=11)
    structures = random_structures(("Na", "K"), [1, 2, 7, 16], seed=12)
    alone = by_lammps(tmp_path, structures, path, ("Na", "K"), [0, 1])
    together = by_lammps(tmp_path, structures, path, ("Na", "K"), [0, 1], ranks=2)
    for one, two in zip(alone, together, strict=True):
        assert_equal(two, one)
        assert two.grade == pytest.approx(one.grade, rel=1e-6)  # the active set's condition


def test_forces_are_slopes_of_the_energy(tmp_path: Path) -> None:
    path = tmp_path / "random.almtp"
    graded(random_potential(("Na", "K"), 12, seed=13), path, seed=14)
    (atoms,) = random_structures(("Na", "K"), [3], seed=15)
    step = 1e-3
    displaced = []
    for atom, axis in np.ndindex(3, 3):
        for distance in (step, -step, step / 2, -step / 2):
            other = atoms.copy()
            other.positions[atom, axis] += distance
            displaced.append(other)
    found = by_lammps(tmp_path, [atoms, *displaced], path, ("Na", "K"), [0, 1])
    energies = np.array([ours.energies.sum() for ours in found[1:]]).reshape(3, 3, 4)
    coarse = (energies[..., 1] - energies[..., 0]) / (2 * step)
    fine = (energies[..., 3] - energies[..., 2]) / step
    # The error of a central difference is quadratic in the step: fine has a third of what parts
    # the two, and the extrapolation of both is better than that.
    rounding = 1e-14 * np.abs(energies).max() / step
    assert np.abs(found[0].forces - (4 * fine - coarse) / 3).max() < (
        0.05 * np.abs(fine - coarse).max() + rounding
    )


def test_dynamics_conserve_the_energy(tmp_path: Path) -> None:
    """What velocity Verlet loses of the energy is quadratic in the time step."""
    path = tmp_path / "random.mtp"
    write_potential(path, random_potential(("K",), 8, seed=16))
    atoms = bulk("K", "bcc", a=5.0, cubic=True).repeat((2, 2, 2))
    atoms.rattle(0.05, seed=17)
    write(tmp_path / "start.data", atoms, format="lammps-data", masses=True)
    spread = []
    for time_step in (0.002, 0.001):
        output = run_lammps(
            tmp_path,
            f"""
            units metal
            read_data start.data
            pair_style mtp
            pair_coeff * * {path} 0
            velocity all create 300 1
            fix move all nve
            timestep {time_step}
            thermo_style custom step ke etotal
            thermo_modify format float %.15g
            thermo {round(0.01 / time_step)}
            run {round(0.4 / time_step)}
            """,
        )
        thermo = np.array(re.findall(r"^ *\d+ +(\S+) +(\S+) *$", output, re.MULTILINE), float)
        assert len(thermo) == 41, output
        kinetic, total = np.ptp(thermo, axis=0)
        spread.append(total)
        assert total < 1e-2 * kinetic
    assert spread[1] == pytest.approx(spread[0] / 4, rel=0.2)


def test_example_of_the_readme(tmp_path: Path) -> None:
    """Frames above a grade are saved with it, and a higher grade ends the run, but not LAMMPS."""
    (script,) = re.findall(
        r"```lammps\n(.*?)```", (REPOSITORY / "plugin" / "README.md").read_text(), re.DOTALL
    )
    path = tmp_path / "potential.almtp"
    potential = random_potential(("K",), 8, seed=18)
    active_set = graded(potential, path, seed=19)
    atoms = bulk("K", "bcc", a=5.0, cubic=True).repeat((1, 1, 2))
    atoms.set_cell(atoms.cell + [[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0]], scale_atoms=True)
    data = tmp_path / "start.data"
    write(data, atoms, format="lammps-data", force_skew=True)
    for some, many in [("2.1", 1e-2), ("10", 1e-1)]:
        script = script.replace(f"<= {some}", f"<= {many}").replace(f"> {some}", f"> {many}")
    output = run_lammps(tmp_path, script)
    assert "the walk ended" in output, output
