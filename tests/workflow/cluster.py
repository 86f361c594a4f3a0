"""A real SLURM on this machine (tests/slurm/cluster.sh), and what may befall it."""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import REPOSITORY

SCRIPT = REPOSITORY / "tests/slurm/cluster.sh"
CANNOT = 3
"""Exit status of the script where there can be no SLURM."""

OPTIONS = (
    *("--workflow-profile", "profiles/slurm"),
    # Snakemake asks for the state of jobs after so many seconds, and ten more each time in vain.
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
)
"""Of Snakemake, to run a campaign through SLURM without waiting for long."""


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds; give up after some seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{seconds} s, and still not {what}"
        time.sleep(0.1)


class Cluster:
    """Two nodes and their controller."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def jobs(self, *options: str) -> dict[str, str]:
        """Comments, which name the rule, of jobs that wait or run, by number."""
        command = ["squeue", "--noheader", "--format=%A %k", *options]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return dict(line.split(maxsplit=1) for line in listing.splitlines())

    def running(self, rule: str) -> list[str]:
        """Numbers of the running jobs of a rule or a group."""
        jobs = self.jobs("--states=RUNNING")
        return [job for job, comment in jobs.items() if comment.startswith(f"rule_{rule}")]

    def cancel(self, job: str) -> None:
        """End a job, as its user may."""
        subprocess.run(["scancel", job], check=True)

    def node_of(self, job: str) -> str:
        """Node that a job runs on."""
        command = ["squeue", "--noheader", "--format=%N", f"--jobs={job}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def lose(self, node: str) -> None:
        """End everything on a node at once, its daemon first."""
        steps = tuple(f"slurmstepd: [{job}." for job in self.jobs(f"--nodelist={node}"))
        self._kill(node)
        name = f"SLURMD_NODENAME={node}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace")
                of_job = name in (process / "environ").read_bytes().split(b"\0")
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
            if of_job or words.startswith(steps):
                os.kill(int(process.name), signal.SIGKILL)

    def bring_back(self, daemon: str) -> None:
        """Start a node or the controller again."""
        subprocess.run([SCRIPT, "start", daemon, self.folder], check=True)

    def lose_controller(self) -> None:
        """End the controller at once."""
        self._kill("controller")

    def _kill(self, daemon: str) -> None:
        os.kill(int((self.folder / f"{daemon}.pid").read_text()), signal.SIGKILL)


@contextmanager
def cluster(folder: Path, cores: int | None = None) -> Iterator[Cluster]:
    """Bring a SLURM up, and down at the end; skip the test, saying why, where there can be none.

    Either each node has so many cores of this machine to itself, or as many as the script says,
    whether the machine has them or not.
    """
    environment = os.environ | ({"NODE_CORES": str(cores)} if cores else {})
    command = [SCRIPT, "up", folder]
    up = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if up.returncode == CANNOT:
        pytest.skip(up.stderr.strip())
    assert up.returncode == 0, up.stderr
    try:
        yield Cluster(folder)
    finally:
        subprocess.run([SCRIPT, "down", folder], check=True)
    assert not folder.exists()
    assert not os.path.lexists("/run/slurm/conf")


class Head:
    """A Snakemake that runs a campaign through SLURM, in the background."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.log = folder / "head.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait for something to happen while it runs."""

        def ended_or_so() -> bool:
            return self.process.poll() is not None or condition()

        wait_until(ended_or_so, seconds, f"{what}\n{self.log.read_text()}")
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """End it at once, and nothing but it."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> str:
        """Wait for its end and return what it printed."""
        status = self.process.wait()
        assert status == 0, self.log.read_text()
        return self.log.read_text()


def watched_pw(folder: Path, delay: str = "0") -> tuple[str, Path]:
    """A command that runs pw.x and writes down which crystals are done.

    Parameters
    ----------
    folder : Path
    delay : str
        Seconds, in the shell's words, that a label takes longer, to have time to do it harm.

    Returns
    -------
    command : str
    done : Path
        A line for each time that pw.x has come to its end with a crystal.
    """
    command, done = folder / "pw.x", folder / "done.txt"
    pw = subprocess.run(["which", "pw.x"], capture_output=True, text=True, check=True).stdout
    command.write_text(
        "#!/bin/sh\n"
        f"if [ -e espresso.pwi ]; then sleep {delay}; fi\n"
        f'{pw.strip()} "$@" || exit\n'
        f"sed -n '/ ecut/p;/^CELL_PARAMETERS/,$p' espresso.pwi | md5sum >>{done}\n"
    )
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    done.touch()
    return str(command), done
