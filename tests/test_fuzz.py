"""Damaged potential files: whatever is wrong with one, reading it is safe.

What is damaged is three potentials made here and those of tests/samples, in which is kept what was
read wrongly once. The reader is compiled with sanitizers, which end the program at the first access
out of bounds, overflow or other undefined behaviour.
"""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_potentials import random_potential

from smallcell.potential import Potential, write_potential

REPOSITORY = Path(__file__).parent.parent
TIMES = int(os.environ.get("FUZZ_TIMES", "20_000"))
"""Damaged files, a million by `make fuzz`."""

OPTIMISATION = "-O1" if TIMES > 100_000 else "-O0"
"""Few files are read sooner than the reader is optimised."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the program that damages files and reads them."""
    path = tmp_path_factory.mktemp("fuzz") / "fuzz_potential"
    sources = [REPOSITORY / "tests" / "fuzz_potential.cpp", *(REPOSITORY / "kernel").glob("*.cpp")]
    subprocess.run(
        ["g++", "-std=c++17", OPTIMISATION, "-g", "-fsanitize=address,undefined", "-Wno-psabi"]
        + ["-fno-sanitize-recover=all", f"-I{REPOSITORY / 'kernel'}", *sources, "-o", path],
        check=True,
    )
    return path


def potential(level: int, species: tuple[str, ...], mode: str) -> Potential:
    """Return a potential with random coefficients and an active set."""
    made = random_potential(species, level, seed=level)
    size = made.n_parameters
    active_set = np.random.default_rng(level).normal(size=(size, size))
    return replace(made, active_set=active_set, grade_mode=mode)


def test_damaged_files_are_refused_or_read(tmp_path: Path, program: Path) -> None:
    files = []
    for number, (level, species, mode) in enumerate(
        [
            (2, ("K",), "configuration"),
            (6, ("Na", "K"), "neighbourhood"),
            (8, ("K",), "configuration"),
        ]
    ):
        files.append(tmp_path / f"{number}.almtp")
        write_potential(files[-1], potential(level, species, mode))
    kept = sorted((REPOSITORY / "tests/samples").rglob("*mtp"))
    assert len(kept) > 1
    files += kept
    run = subprocess.run(
        [program, "1", str(TIMES), *files], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    counts = re.fullmatch(r"(\d+) read, (\d+) refused\n", run.stdout)
    assert counts is not None, run.stdout
    read, refused = map(int, counts.groups())
    assert read > TIMES / 100  # damage that a reader cannot see, as another digit
    assert refused > TIMES / 2
