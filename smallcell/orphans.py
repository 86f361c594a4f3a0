"""Jobs in the queue of SLURM whose head is no more.

The head of a campaign is the Snakemake that its user has started and that submits its jobs. If it
is killed, they stay in the queue. The next head knows nothing of them and submits the same jobs
again: two would write one file, and those that have not begun yet would, hours later, write files
that the campaign has long been built on. So the next head ends them first, all but those that are
computing a label by themselves: its own job of that label waits until the store has it
(`smallcell.claims`).

Each head leaves a file ``<name>.json`` in a folder of its campaign, named as its jobs are in the
queue, that says which process it is.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from smallcell.claims import Maker
from smallcell.files import write_report

LABELLING = ("rule_label_", "rule_convergence_label_", "rule_reference_")
"""What the comments of jobs begin with that compute a label and nothing else."""

PATIENCE = 120.0
"""Seconds in which jobs that were told to end have to be gone."""


def sign_in(heads: Path, name: str) -> None:
    """Tell those that come after us how our jobs are named."""
    write_report(heads / f"{name}.json", asdict(Maker.myself()))


def end_orphans(heads: Path) -> str:
    """End what the heads of a campaign that are no more have left in the queue.

    Parameters
    ----------
    heads : Path
        Folder where they have signed in.

    Returns
    -------
    str
        What was done, nothing if there was nothing to do.

    Raises
    ------
    RuntimeError
        If SLURM does not answer, or does not end the jobs.
    """
    lost = [path for path in sorted(heads.glob("*.json")) if _is_lost(path)]
    queue = _queue([path.stem for path in lost])
    labelling = [job for job, state, comment in queue if _goes_on(state, comment)]
    ended = [job for job, *_ in queue if job not in labelling]
    if ended:
        _run("scancel", *ended)
        _wait_for_end(lost, ended)
    for path in lost if not labelling else []:
        path.unlink()
    told = {
        "ended": ended,
        "computing labels, which are waited for": labelling,
    }
    parts = [f"{len(jobs)} {what} ({', '.join(jobs)})" for what, jobs in told.items() if jobs]
    return f"jobs of an earlier run: {'; '.join(parts)}" if parts else ""


def _is_lost(path: Path) -> bool:
    """Whether a head has ended; those of other machines have, since the campaign was unlocked."""
    maker = Maker(**json.loads(path.read_text()))
    return maker.has_ended() or maker.machine != Maker.myself().machine


def _goes_on(state: str, comment: str) -> bool:
    return state == "RUNNING" and comment.startswith(LABELLING)


def _queue(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """List number, state and comment of the jobs of some names that are in the queue."""
    if not names:
        return []
    listing = _run("squeue", "--noheader", f"--name={','.join(names)}", "--format=%A|%T|%k")
    return [tuple(line.split("|", 2)) for line in listing.splitlines()]


def _wait_for_end(lost: Sequence[Path], jobs: Sequence[str]) -> None:
    names, began = [path.stem for path in lost], time.monotonic()
    while left := sorted({job for job, *_ in _queue(names)} & set(jobs)):
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"jobs {', '.join(left)} of an earlier run do not end: scancel them")
        time.sleep(1)


def _run(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {run.stderr.strip()}")
    return run.stdout
