"""Memory: what is estimated beside what pw.x takes, and what is there."""

import math
import multiprocessing
import re
import resource
from pathlib import Path

import pytest
from ase.build import bulk

from smallcell.labels import OUTPUT, Fate, crystal_calculation, run_pw
from smallcell.memory import MEGABYTE, PROGRAM, free_memory, job_megabytes, pw_memory

SETTINGS = {
    "ecutwfc": 20,
    "ecutrho": 120,
    "smearing": "marzari-vanderbilt",
    "degauss": 0.05,
    "conv_thr": 10.0,
    "k_spacing": 0.5,
}


def calculation(atoms, **changes):
    return crystal_calculation(atoms, SETTINGS | changes, {"K": "of the deck"})


def run(upf: Path, folder: Path) -> tuple[Fate, float]:
    """Fate and peak of the memory (bytes) of pw.x for a cell of two atoms without symmetry."""
    atoms = distorted()
    outcome = run_pw(atoms, calculation(atoms), "pw.x", upf.parent, 100, folder)
    return outcome.fate, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def distorted():
    atoms = bulk("K", "bcc", a=5.3, cubic=True)
    atoms.rattle(0.2, seed=1)
    return atoms


def test_the_estimate_is_what_pw_takes_within_a_third(soft_potassium, tmp_path):
    # In a process of its own: the peak of a process's children never comes down.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        fate, taken = pool.apply(run, (soft_potassium, tmp_path))
    assert fate in (Fate.LABELLED, Fate.FORCES_UNSETTLED)
    atoms = distorted()
    estimate = pw_memory(atoms, calculation(atoms), soft_potassium.parent, 1)
    assert taken < estimate < 4 / 3 * taken
    # What pw.x itself says before it begins is without the program.
    said = re.search(r"dynamical RAM per process >\s+([\d.]+) MB", (tmp_path / OUTPUT).read_text())
    assert estimate - PROGRAM == pytest.approx(float(said.group(1)) * MEGABYTE, rel=1 / 3)


def test_more_of_anything_takes_more_memory(soft_potassium):
    folder, atoms = soft_potassium.parent, distorted()
    least = pw_memory(atoms, calculation(atoms), folder, 1)
    for change in ({"ecutwfc": 30}, {"ecutrho": 200}, {"k_spacing": 0.3}):
        assert pw_memory(atoms, calculation(atoms, **change), folder, 1) > least
    assert pw_memory(atoms * (1, 1, 2), calculation(atoms * (1, 1, 2)), folder, 1) > least
    two = pw_memory(atoms, calculation(atoms), folder, 2)
    # Pools share the k-points, but each has densities of its own.
    assert least + PROGRAM < two < 2 * least


def test_a_job_asks_for_its_own_memory_too(soft_potassium):
    atoms = distorted()
    program = pw_memory(atoms, calculation(atoms), soft_potassium.parent, 1) / MEGABYTE
    asked = job_megabytes(atoms, calculation(atoms), [str(soft_potassium)], 1)
    assert asked > program + 100
    assert job_megabytes(atoms, calculation(atoms), [], 1) == pytest.approx(asked - program, abs=1)


@pytest.fixture
def machine(tmp_path):
    """Root of a machine with 4000 kB free and no control groups."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:  4000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text("")
    return tmp_path


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("memory_", "memory.")).write_text(f"{content}\n")


def test_free_is_what_the_machine_has(machine):
    assert free_memory({}, machine) == 4000 * 1024


def test_free_is_what_the_control_groups_leave(machine):
    (machine / "proc/self/cgroup").write_text("0::/jobs/this\n")
    top = machine / "sys/fs/cgroup"
    files = {"memory_current": 300_000, "memory_stat": "anon 250000\ninactive_file 50000"}
    group(top / "jobs/this", memory_max="max", **files)
    assert free_memory({}, machine) == 4000 * 1024
    group(top / "jobs", memory_max=1_000_000, **files)
    assert free_memory({}, machine) == 1_000_000 - 300_000 + 50_000
    group(top / "jobs/this", memory_max=500_000, **files)
    assert free_memory({}, machine) == 500_000 - 300_000 + 50_000


def test_free_is_what_a_control_group_of_the_first_version_leaves(machine):
    (machine / "proc/self/cgroup").write_text("5:cpu,cpuacct:/\n4:memory:/job\n")
    group(
        machine / "sys/fs/cgroup/memory/job",
        memory_limit_in_bytes=1_000_000,
        memory_usage_in_bytes=400_000,
        memory_stat="inactive_file 1\ntotal_inactive_file 100000",
    )
    assert free_memory({}, machine) == 700_000


@pytest.mark.parametrize(
    ("given", "megabytes"),
    [
        ({"SLURM_MEM_PER_NODE": "2"}, 2),
        ({"SLURM_MEM_PER_CPU": "1", "SLURM_CPUS_ON_NODE": "3"}, 3),
        ({"SLURM_MEM_PER_NODE": "0"}, math.inf),
    ],
)
def test_free_is_what_slurm_has_given(machine, given, megabytes):
    assert free_memory(given, machine) == min(4000 * 1024, megabytes * 2**20)


def test_this_machine_has_memory():
    assert 50 * MEGABYTE < free_memory({}) < math.inf
