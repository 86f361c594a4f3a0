"""The programs that compute for us: the environment that they run in, and which pw.x it is.

A job of ours is a world of its own. In a step of SLURM the variables of the launcher say otherwise:
an MPI program that finds them takes itself for a part of that step, looks for its other parts, and
ends before it began (Open MPI: "MPI_INIT ... on a NULL communicator").
"""

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smallcell.pw_output import version

LAUNCHER_PREFIXES = ("SLURM_", "PMI_", "PMIX_", "PALS_", "OMPI_", "PRTE_")


def without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for one program, or one mpirun, on one thread a process.

    Jobs run side by side, one a core: threads would only get in each other's way.

    Parameters
    ----------
    environment : mapping
        Usually ``os.environ``.
    """
    kept = {
        name: value for name, value in environment.items() if not name.startswith(LAUNCHER_PREFIXES)
    }
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def leave_launcher() -> None:
    """Make this process's own environment such, for programs that a library starts from it."""
    alone = without_launcher(os.environ)
    os.environ.clear()
    os.environ.update(alone)


@dataclass(frozen=True)
class Program:
    """A program that labels come from.

    Attributes
    ----------
    name : str
    version : str or None
        As the program prints it, ``6.7MaX``; None for whatever version a label store has.
    """

    name: str
    version: str | None

    @property
    def release(self) -> str:
        """Name and major version, ``pw.x-6``; without a version, ``pw.x``."""
        if self.version is None:
            return self.name
        return f"{self.name}-{re.match(r'[0-9]+', self.version).group()}"


def ask_pw(command: str) -> Program:
    """Ask pw.x for its version.

    Parameters
    ----------
    command : str
        How to start it, e.g. ``mpirun -np 4 pw.x``.

    Raises
    ------
    ValueError
        If what the command starts does not introduce itself as pw.x.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Without input pw.x says its name and ends with an error.
        try:
            run = subprocess.run(
                shlex.split(command),
                stdin=subprocess.DEVNULL,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=120,
                env=without_launcher(os.environ),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"dft.command: {command!r} does not start pw.x ({error})") from None
    if (found := version(run.stdout)) is None:
        said = " / ".join((run.stdout + run.stderr).strip().splitlines()[-4:])
        raise ValueError(f"dft.command: {command!r} does not start pw.x; it said: {said}")
    return Program("pw.x", found)


def read_program(path: str | Path) -> Program:
    """Read what ``scripts/program.py`` wrote."""
    return Program(**json.loads(Path(path).read_text()))
