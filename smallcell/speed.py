"""What a step of molecular dynamics costs: CPU microseconds an atom, by LAMMPS's own clock."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from smallcell.potential import read_potential_of
from smallcell.sampling import POTENTIAL, complaint, provide, run_lammps, write_start
from smallcell.validation import large_crystal

ATOMS = 2000
"""Of the crystal that a potential is timed on, at least: no more is gained by a larger one."""

STEPS = 200
"""Of each run that is timed, after a tenth of that to warm up."""

RUNS = 5
"""Of which the quickest counts: what disturbs a run only makes it longer."""

NEVER = 1000000
"""Steps between two records of a run of which nothing but the time is looked at."""


def dynamics_to_time(
    style: str,
    potential: str,
    types: Sequence[int],
    runs: Sequence[str],
    between: Sequence[str] = (),
) -> str:
    """LAMMPS input of molecular dynamics that conserves energy, from ``start.data`` at 300 K.

    Parameters
    ----------
    style : {"mtp", "mtp/extrapolation"}
    potential : str
        Its file.
    types : sequence of int
        The potential's types of the atom types.
    runs : sequence of str
        Commands of the runs.
    between : sequence of str
        Commands before the dynamics.
    """
    lines = [
        "units metal",
        "atom_style atomic",
        "read_data start.data",
        f"pair_style {style}",
        f"pair_coeff * * {potential} {' '.join(map(str, types))}",
        "velocity all create 300 1 loop geom",
        *between,
        "fix move all nve",
        f"thermo {NEVER}",
        *runs,
    ]
    return "\n".join(lines) + "\n"


def microseconds_of_runs(log: str, ranks: int = 1) -> list[float]:
    """CPU microseconds an atom and step of each run in what LAMMPS printed.

    That is the time of its loop, all of it, times the ranks and the share of a processor that they
    had.
    """
    line = r"Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms"
    return [
        1e6 * float(wall) * float(share) / 100 * ranks / (int(steps) * int(atoms))
        for wall, steps, atoms, share in re.findall(rf"{line}.*?(\S+)% CPU use", log, re.DOTALL)
    ]


def measured_cost(file: Path, elements: Sequence[Mapping]) -> float:
    """Measure what a potential costs on this machine, one core, without its grade.

    Parameters
    ----------
    file : Path
        The potential's.
    elements : sequence of Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A): of more than one, atoms are at random
        places of the first one's lattice.

    Returns
    -------
    float
        CPU microseconds an atom and step.

    Raises
    ------
    RuntimeError
        If the crystal does not last so long.
    """
    symbols = [element["symbol"] for element in elements]
    species = read_potential_of(file, symbols).species
    types = [species.index(symbol) for symbol in symbols]
    start, _ = large_crystal(elements, ATOMS, np.random.default_rng(0))
    runs = [f"run {STEPS // 10}", *RUNS * [f"run {STEPS}"]]
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        folder = Path(name)
        provide(folder, file)
        write_start(folder / "start.data", start, symbols)
        (folder / "in.speed").write_text(dynamics_to_time("mtp", POTENTIAL, types, runs))
        status, log = run_lammps(folder, "in.speed")
    if status != 0:
        raise RuntimeError(f"{file} cannot be timed: {complaint(status, log)}")
    return min(microseconds_of_runs(log)[1:])
