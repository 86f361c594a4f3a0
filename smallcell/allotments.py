"""What a job is allotted by a scheduler: minutes and megabytes.

A job that asks for little is started soon, one that asks for too little is ended before it is
done. So a first attempt asks for what its structure will take, with a margin, and a second for all
that it can take at most.
"""

import math
from collections.abc import Iterable

from smallcell.ladder import LONGEST as TRIES
from smallcell.sampling import LONGEST as LONGEST_WALK

START = 5
"""Minutes for what is not the program: file systems that are slow, Python, Snakemake."""

MARGIN = 3
"""By which a label, with its retries, may take longer than foreseen."""

BRIEF = 60.0
"""Seconds up to which a label shares a job with many others, then with few."""

LONG = 300.0
"""Seconds from which on a label is a job by itself."""

USUAL_RATE = 1e-4
"""Core-seconds for a unit of `smallcell.cost.expected_cost`, before there is any label."""

SHORT = 2.0
"""Core-seconds up to which a label shares a job with others: a job takes one to begin."""

SHARED = 20.0
"""Core-seconds of labels that share a job, at most."""

STEP = 1e-4
"""Seconds for an atom and a step of a walk, several times what a potential of level 20 takes."""


def label_seconds(expected: float, rate: float, cores: int) -> float:
    """Foresee how long a label takes (s).

    Parameters
    ----------
    expected : float
        In the unit of `smallcell.cost.expected_cost`.
    rate : float
        Core-seconds that labels have taken for a unit of it, see `smallcell.budget.rate`; 0 if
        there are none yet.
    cores : int
        That it is computed on.
    """
    return expected * (rate or USUAL_RATE) / cores


def spans(expected: Iterable[float]) -> list[str]:
    """Share out the labels of a batch among jobs: short ones that follow each other share one.

    What a label will take is foreseen at the usual rate, whatever the machine, so that a campaign
    has the same jobs wherever it goes on.

    Parameters
    ----------
    expected : iterable of float
        Of each label, in the unit of `smallcell.cost.expected_cost`.

    Returns
    -------
    list of str
        ``3``, or ``4-9`` for the labels from 4 to 9; see `numbers`.
    """
    jobs: list[list[int]] = []
    left = 0.0
    for number, cost in enumerate(expected):
        seconds = USUAL_RATE * float(cost)
        if seconds > min(SHORT, left):
            jobs.append([number])
            left = SHARED if seconds <= SHORT else 0.0
        else:
            jobs[-1].append(number)
        left -= seconds
    return [f"{job[0]}-{job[-1]}" if len(job) > 1 else str(job[0]) for job in jobs]


def numbers(span: str) -> range:
    """Which labels ``3`` or ``4-9`` stands for."""
    first, _, last = span.partition("-")
    return range(int(first), int(last or first) + 1)


def label_minutes(seconds: float, limit: float, attempt: int) -> int:
    """Wall time to ask for, for a label.

    Parameters
    ----------
    seconds : float
        That it will take.
    limit : float
        ``dft.time_limit`` (s).
    attempt : int
        From 1.
    """
    most = START + math.ceil(TRIES * limit / 60)
    return most if attempt > 1 else math.ceil(min(most, START + MARGIN * seconds / 60))


def label_group(seconds: float, batch: str) -> str | None:
    """Name the group that a label shares jobs of a cluster with; None for a job by itself.

    The profile says how many of a group share a job.

    Parameters
    ----------
    seconds : float
        That it is foreseen to take.
    batch : str
        Labels of the seeds wait for those of the ``gate``, and no group may wait for itself.
    """
    if seconds >= LONG:
        return None
    if batch == "gate":
        return "gate_labels"
    return "labels" if seconds < BRIEF else "slow_labels"


def walk_minutes(atoms: float, steps: float, attempt: int) -> int:
    """Wall time to ask for, for a walk of so many atoms and steps."""
    most = START + math.ceil(LONGEST_WALK / 60)
    return most if attempt > 1 else math.ceil(min(most, START + STEP * atoms * steps / 60))


def more(megabytes: int, attempt: int) -> int:
    """Memory to ask for at an attempt: half as much again each time."""
    return math.ceil(megabytes * (1 + 0.5 * (attempt - 1)))
