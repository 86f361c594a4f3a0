"""Memory that pw.x will take for a structure, told before it is started, and what there is.

The figures that this rests on, beside pw.x's own estimate and what it really took, are in
docs/label-fates.md (``make bench-memory``).
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import Bohr

from smallcell.labels import Calculation
from smallcell.programs import k_points_at_most, pools
from smallcell.pseudopotentials import upf_size

MEGABYTE = 1e6
COMPLEX = 16
"""Bytes of a complex number."""

PROGRAM = 70 * MEGABYTE
"""A process of pw.x before it has any data: code, libraries, tables of the pseudopotentials."""

DENSE_ARRAYS = 40
"""Complex numbers for each plane wave of the density: densities and potentials on the grid and
in reciprocal space, the history of eight densities that mixing keeps, structure factors."""

PYTHON = 300 * MEGABYTE
"""What starts pw.x: the script of the job and, where a scheduler runs it, Snakemake."""


def pw_memory(
    atoms: Atoms, calculation: Calculation, pseudopotential_folder: Path, cores: int
) -> float:
    """Estimate the memory of all processes of pw.x together (bytes).

    Symmetry is not counted on: a crystal that has it takes fewer k-points, and less memory.

    Parameters
    ----------
    atoms : Atoms
    calculation : Calculation
    pseudopotential_folder : Path
        Where ``<element>.UPF`` are.
    cores : int
        Processes that pw.x is run on.
    """
    sizes = {
        symbol: upf_size((pseudopotential_folder / f"{symbol}.UPF").read_text())
        for symbol in set(atoms.symbols)
    }
    electrons = sum(sizes[symbol].electrons for symbol in atoms.symbols)
    projectors = sum(sizes[symbol].projectors for symbol in atoms.symbols)
    system = calculation.system
    spins = system.get("nspin", 1)
    bands = max(math.ceil(0.6 * electrons), math.ceil(electrons / 2) + 4)
    # At Gamma alone a plane wave and its opposite share one coefficient.
    share = 0.5 if calculation.k_mesh == (1, 1, 1) else 1.0
    waves = share * plane_waves(atoms, system["ecutwfc"])
    dense = share * plane_waves(atoms, system["ecutrho"])
    ways = pools(cores, calculation.k_mesh)
    k_points = math.ceil(spins * k_points_at_most(calculation.k_mesh) / ways)
    # Davidson's search space: vectors, and what Hamiltonian and overlap make of them.
    search = 3 * calculation.electrons.get("diago_david_ndim", 2)
    wave_functions = waves * bands * (k_points + 1 + search) + waves * projectors
    augmentation = max(size.augmentation for size in sizes.values()) * dense
    density = DENSE_ARRAYS * spins * dense
    data = ways * COMPLEX * (wave_functions + augmentation + density)
    return cores * PROGRAM + data


def plane_waves(atoms: Atoms, cutoff: float) -> float:
    """Plane waves below a cut-off (Ry): those in a sphere of reciprocal space."""
    return atoms.cell.volume / Bohr**3 * cutoff**1.5 / (6 * np.pi**2)


def job_megabytes(atoms: Atoms, calculation: Calculation, upf: Sequence[str], cores: int) -> int:
    """Memory that a scheduler should set aside for a label job (MB): of pw.x and its starter.

    Parameters
    ----------
    atoms : Atoms
    calculation : Calculation
    upf : sequence of str
        Paths of pseudopotentials, all in one folder; none if pw.x is not to be started.
    cores : int
    """
    program = pw_memory(atoms, calculation, Path(upf[0]).parent, cores) if upf else 0.0
    return math.ceil((PYTHON + program) / MEGABYTE)


def free_memory(environment: Mapping[str, str], root: Path = Path("/")) -> float:
    """Memory that this process and its children may still take (bytes).

    That is the least of what the machine has free, what the control groups of this process leave,
    and what SLURM has given to the job.

    Parameters
    ----------
    environment : mapping
        Usually ``os.environ``.
    root : Path
        Where ``proc`` and ``sys`` are.
    """
    limits = [_machine(root), *_control_groups(root), _slurm(environment)]
    return min(limits)


def _machine(root: Path) -> float:
    available = re.search(r"MemAvailable:\s+(\d+) kB", (root / "proc/meminfo").read_text())
    return int(available.group(1)) * 1024


def _control_groups(root: Path) -> Iterator[float]:
    """Yield what each control group of this process, and each above it, has left (bytes)."""
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        top = root / "sys/fs/cgroup"
        if "memory" in controllers.split(","):
            top, names = top / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        elif not controllers:
            names = ("memory.max", "memory.current")
        else:
            continue
        group = top / path.lstrip("/")
        for folder in (group, *(parent for parent in group.parents if top in parent.parents), top):
            if all((folder / name).exists() for name in names):
                yield _left(folder, *names)


def _left(folder: Path, limit: str, usage: str) -> float:
    most = (folder / limit).read_text().strip()
    if most == "max":
        return math.inf
    # Files that were read a while ago are counted as used, but make room when need be.
    statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    cache = statistics.get("total_inactive_file") or statistics["inactive_file"]
    return int(most) - int((folder / usage).read_text()) + int(cache)


def _slurm(environment: Mapping[str, str]) -> float:
    """Return what SLURM has given to the job on this node (bytes); 0 stands for all there is."""
    node = int(environment.get("SLURM_MEM_PER_NODE", 0))
    cores = int(environment.get("SLURM_CPUS_ON_NODE", 1))
    megabytes = node or int(environment.get("SLURM_MEM_PER_CPU", 0)) * cores
    return megabytes * 2**20 or math.inf
