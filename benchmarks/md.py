"""What the pair style costs: CPU microseconds an atom and step of NVE in LAMMPS.

Body-centred cubic potassium, a = 5.29 A, cut-off 7 A, 300 K, steps of 1 fs; with two species every
other atom is sodium. The potential is a repulsion of pairs in the basis of each level: what a step
costs depends on the basis and on the neighbours alone. The time is that of LAMMPS's loop, all of
it, times the number of ranks and the share of a processor that they had; the least of `REPEATS`
runs counts. ASE calculators evaluate the same cells beside it, ours and motep's.

    python benchmarks/md.py docs/benchmarks.md
"""

import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers
from ase.io import write
from motep.calculator import make_calculator
from motep.io.mlip.mtp import read_mtp
from motep.potentials.mtp.data import MTPData
from numpy.polynomial.chebyshev import chebinterpolate

from benchmarks.pages import write_part
from smallcell.basis import Basis, generate_basis
from smallcell.engine import MTPCalculator, rows
from smallcell.fitting import starting_potential
from smallcell.potential import Potential, write_potential
from smallcell.programs import without_launcher
from smallcell.selection import active_set
from smallcell.speed import dynamics_to_time, microseconds_of_runs

LEVELS = (8, 12, 16, 20)
CELLS = (1, 2, 3, 10, 20)
"""Conventional cells along each axis: 2 to 16 000 atoms."""

LARGE = 37
"""The same for about 100 000 atoms."""

SECONDS = 1
"""Time that a run is to last, warming up aside."""

REPEATS = 3

SPECIES = {1: ("K",), 2: ("K", "Na")}

GRADE = (
    "compute grade all pair mtp/extrapolation",
    "fix grade all ave/time 1 1 1 c_grade[1]",
)


@dataclass(frozen=True)
class Case:
    """One run: what is evaluated, of how many atoms, on how many ranks."""

    level: int
    cells: int
    grade: str | None = None
    ranks: int = 1
    n_species: int = 1


def potential_of(level: int, n_species: int) -> Potential:
    """Make a potential whose atoms repel each other in pairs, with an active set of its own.

    The first radial function is the repulsion,
        f(r) = 0.01 eV/A^2 (cut-off - r)^2 exp(-(r - 4.6 A) / 0.7 A),
    and its sum over the neighbours the only scalar moment with a coefficient that counts. The
    others are too small to feel, but what a step costs does not depend on that.
    """
    potential = repulsion(generate_basis(level), n_species)
    structures = [
        rattled(1 + number % 2, n_species, seed=number)
        for number in range(2 * potential.n_parameters)
    ]
    return replace(potential, active_set=active_set(rows(potential, structures)))


def repulsion(basis: Basis, n_species: int) -> Potential:
    """Make the same of any basis, without an active set."""
    rng = np.random.default_rng(basis.level)
    species = SPECIES[n_species]
    start = starting_potential(species, basis, 7.0, 2.8, 8, rng)

    def decay(xi: np.ndarray) -> np.ndarray:
        distances = start.closest + (start.cutoff - start.closest) * (xi + 1) / 2
        return 0.01 * np.exp((4.6 - distances) / 0.7)

    radial = start.radial.copy()
    radial[:, :, 0] = chebinterpolate(decay, radial.shape[-1] - 1)
    linear = rng.uniform(-1e-9, 1e-9, len(start.linear))
    sum_over_neighbours = np.flatnonzero((basis.basic == 0).all(axis=1))
    linear[np.isin(basis.scalars, sum_over_neighbours)] = 1.0
    return replace(start, radial=radial, shifts=rng.uniform(-1, 1, n_species), linear=linear)


def rattled(cells: int, n_species: int, seed: int) -> Atoms:
    """A displaced crystal of 2, 16, 54, ... atoms."""
    atoms = bulk("K", "bcc", a=5.29, cubic=True) * (cells, cells, cells)
    atoms.rattle(0.1, seed=seed)
    atoms.symbols[:] = [SPECIES[n_species][place % n_species] for place in range(len(atoms))]
    return atoms


def prepare(folder: Path, case: Case, potential: Potential, seconds: int = SECONDS) -> list[str]:
    """Write what LAMMPS needs for a case into a folder; return the command that runs it there."""
    species = SPECIES[case.n_species]
    atoms = rattled(case.cells, case.n_species, seed=0)
    write(folder / "start.data", atoms, format="lammps-data", specorder=species, masses=True)
    path = folder / "bench.almtp"
    write_potential(path, replace(potential, grade_mode=case.grade or "configuration"))
    script = dynamics_to_time(
        "mtp/extrapolation" if case.grade else "mtp",
        path.name,
        range(len(species)),
        ["run 10", f"timer timeout 0:00:{seconds:02d} every 5", "run 100000000"],
        GRADE if case.grade else (),
    )
    (folder / "in.bench").write_text(script)
    ranks = ["mpiexec", "-n", str(case.ranks)] if case.ranks > 1 else []
    return [*ranks, "lmp", "-in", "in.bench", "-log", "none"]


def microseconds(case: Case, potential: Potential, instructions: str | None = None) -> float:
    """CPU microseconds an atom and step of a case, by the best instruction set or a given one."""
    environment = without_launcher(os.environ) | {"OMP_NUM_THREADS": "1"}
    if instructions:
        environment["MTP_INSTRUCTION_SET"] = instructions
    with tempfile.TemporaryDirectory() as name:
        run = subprocess.run(
            prepare(Path(name), case, potential),
            cwd=name,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    found = microseconds_of_runs(run.stdout, case.ranks)
    if run.returncode != 0 or len(found) != 2:
        raise RuntimeError(f"{case}: LAMMPS failed:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return found[1]


def best(case: Case, potential: Potential, instructions: str | None = None) -> float:
    """The least of several runs: what disturbs a run only makes it longer."""
    return min(microseconds(case, potential, instructions) for _ in range(REPEATS))


def by_python(cells: int, engine: Calculator, n_species: int) -> float:
    """Microseconds an atom of an evaluation by an ASE calculator, neighbours included."""
    atoms = rattled(cells, n_species, seed=0)
    times: list[float] = []
    while len(times) < 3 or sum(times) < SECONDS:
        atoms.rattle(0.01, seed=len(times))
        began = time.perf_counter()
        engine.get_property("energy", atoms)
        times.append(time.perf_counter() - began)
    return 1e6 * min(times) / len(atoms)


def motep_calculator(potential: Potential) -> Calculator:
    """Motep's ASE calculator of the same potential."""
    return make_calculator(motep_data(potential), engine="cext", mode="run")


def motep_data(potential: Potential) -> MTPData:
    """Motep's form of the same potential, without its active set."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bench.mtp"
        write_potential(path, replace(potential, active_set=None))
        data = read_mtp(path)
    data.species = [atomic_numbers[symbol] for symbol in potential.species]
    return data


def table(heads: list[str], lines: list[list[str]]) -> str:
    """A table of Markdown."""
    ruled = [heads, ["---"] + ["---:"] * (len(heads) - 1), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in ruled) + "\n"


def costs(potentials: dict[int, Potential]) -> str:
    """Cost by level, size and grade, one species, one rank."""
    heads = ["level, grade", *(f"{2 * cells**3} atoms" for cells in CELLS)]
    lines = []
    for level, potential in potentials.items():
        for grade in (None, "configuration", "neighbourhood"):
            found = [best(Case(level, cells, grade), potential) for cells in CELLS]
            lines.append([f"{level}, {grade or 'no grade'}", *(f"{cost:.2f}" for cost in found)])
            print(*lines[-1], sep="\t", flush=True)
        for words, make in (("our ASE calculator", MTPCalculator), ("motep's", motep_calculator)):
            found = [by_python(cells, make(potential), 1) for cells in CELLS[:4]]
            lines.append([f"{level}, {words}", *(f"{cost:.2f}" for cost in found), ""])
            print(*lines[-1], sep="\t", flush=True)
    return table(heads, lines)


def scaling(potentials: dict[int, Potential]) -> str:
    """Parallel efficiency at 16 000 atoms, cost of a second species, cost at 100 000 atoms."""
    heads = ["level", "1 rank", "2 ranks", "efficiency", "two species", f"{2 * LARGE**3} atoms"]
    lines = []
    for level, potential in potentials.items():
        one = best(Case(level, 20), potential)
        two = best(Case(level, 20, ranks=2), potential)
        alloy = best(Case(level, 20, n_species=2), potential_of(level, 2))
        large = best(Case(level, LARGE), potential)
        lines.append(
            [f"{level}", f"{one:.2f}", f"{two:.2f}", f"{one / two:.0%}", f"{alloy:.2f}"]
            + [f"{large:.2f}"]
        )
        print(*lines[-1], sep="\t", flush=True)
    return table(heads, lines)


def by_instructions(potentials: dict[int, Potential]) -> str:
    """Cost by instruction set, of 2 atoms and of 2000, one species, one rank, no grade."""
    names = ("avx512", "avx2", "portable")
    lines = []
    for level, potential in potentials.items():
        cells = [f"{level}"]
        for name in names:
            try:
                small, large = (best(Case(level, n), potential, name) for n in (1, 10))
            except RuntimeError:  # of the plugin, on a processor that has not got it
                cells.append("not on this processor")
            else:
                cells.append(f"{large:.2f} ({small:.2f})")
        lines.append(cells)
        print(*cells, sep="\t", flush=True)
    return table(["level", *names], lines)


def processor() -> str:
    """Name of this machine's processor."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


def main(path: str) -> None:
    """Measure, print as it goes, and write the page."""
    potentials = {level: potential_of(level, 1) for level in LEVELS}
    page = f"""# Benchmarks

`make bench-md` on {datetime.date.today()}: {processor()}, {os.cpu_count()} cores, LAMMPS
{version("lammps")}, motep {version("motep")}. How it is measured: `benchmarks/md.py`.

## Molecular dynamics

CPU microseconds an atom and step in LAMMPS, NVE of bcc K, one rank; grades at every step. ASE
calculators: an evaluation, neighbours included.

{costs(potentials)}
CPU microseconds an atom and step at 16 000 atoms, without grade; two species and the largest cell
on one rank.

{scaling(potentials)}
CPU microseconds an atom and step by instruction set, 2000 atoms (2 atoms), without grade.

{by_instructions(potentials)}"""
    write_part(path, page)


if __name__ == "__main__":
    main(*sys.argv[1:])
