"""Kills of a campaign at random moments, and what has to be true after each of them."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from processes import wait_until, working_in

from smallcell.files import read_reports
from smallcell.potential import read_potential
from smallcell.store import DESCRIPTION
from smallcell.training import read_structures
from smallcell.verification import verify

if TYPE_CHECKING:
    from test_campaign import Campaign

KINDS = ("head", "job", "all")
"""What is killed: Snakemake alone, one job or LAMMPS alone, or every process at once.

pw.x alone is no victim here: that is what happens where memory runs out, a fate with a retry.
"""

SHORTLY = 10
"""Seconds in which nothing may be left of what was killed."""

PATIENCE = 1800
"""Seconds in which Snakemake comes to its end without a job, on a machine that has much to do."""


@dataclass(frozen=True)
class Kill:
    """What a kill met.

    Attributes
    ----------
    kind : str
    moment : float
        After the start of Snakemake (s).
    running : tuple of str
        Jobs and programs that were at work.
    victim : str
        The one of them that was killed alone, empty otherwise.
    gone : float
        Time after which nothing was left (s).
    labels : int
        In the store afterwards.
    """

    kind: str
    moment: float
    running: tuple[str, ...]
    victim: str
    gone: float
    labels: int


def strike(campaign: "Campaign", kind: str, moment: float, rng: np.random.Generator) -> Kill | None:
    """Start a campaign, kill it after a while, and look at what is there; None if it has ended."""
    before, began = entries(campaign), time.time()
    # Its lock would only have to be taken away each time; `kill_when` does so.
    snakemake = campaign.start("--nolock")
    try:
        assert snakemake.wait(moment) == 0, f"the campaign in {campaign.folder} failed by itself"
        return None
    except subprocess.TimeoutExpired:
        pass
    running = working_in(campaign.folder)
    names = {process: name for process in sorted(running) if (name := name_of(running[process]))}
    jobs = [process for process, name in names.items() if name != "pw.x"]
    victim = ""
    if kind == "job" and jobs:
        process = int(rng.choice(jobs))
        victim = names[process]
        kill(process)
        # Snakemake finishes what it can without the job.
        snakemake.wait(PATIENCE)
    else:
        kind = "head" if kind == "job" else kind
        for process in [snakemake.pid] if kind == "head" else [snakemake.pid, *running]:
            kill(process)
        snakemake.wait()
    killed = time.monotonic()
    wait_until(lambda: not working_in(campaign.folder), SHORTLY)
    gone = time.monotonic() - killed
    assert not (left := working_in(campaign.folder)), f"{kind} killed, and there are still {left}"
    check(campaign, before, began)
    return Kill(kind, moment, tuple(names.values()), victim, gone, len(entries(campaign)))


def name_of(command: str) -> str:
    """Name of the job whose script a command line runs, lmp or pw.x; else nothing."""
    if script := re.search(r"/\.snakemake/scripts/[^/]*?\.(\w+)\.py", command):
        return script[1]
    name = os.path.basename(command.split(" ")[0])
    return name if name in ("lmp", "pw.x") else ""


def kill(process: int) -> None:
    """Kill a process, which may have ended just now."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def entries(campaign: "Campaign") -> dict[str, int]:
    """Labels in a campaign's store, and when each was written."""
    found = (campaign.folder / "labels").glob(f"??/*/{DESCRIPTION}")
    return {place.parent.name: place.stat().st_mtime_ns for place in found}


def check(campaign: "Campaign", before: Mapping[str, int], began: float) -> None:
    """Check what a killed campaign has left, since a time at which it had some labels."""
    store = campaign.folder / "labels"
    if store.exists():
        assert verify(store).faults == []
    now = entries(campaign)
    assert before.items() <= now.items(), "a finished label was lost or written anew"
    for path in campaign.results.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            read(path)
    for path in campaign.results.rglob("labels/*.json"):
        for report in read_reports([path]):
            if report["fate"] == "labelled":
                assert report["key"] in now
                if path.stat().st_mtime > began:
                    assert report["key"] not in before, "a finished label was computed again"


def read(path: Path) -> None:
    """Read a file of the results as who uses it does; whatever has its name has to be whole."""
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".extxyz":
        read_structures(path)
    elif path.suffix in (".mtp", ".almtp"):
        read_potential(path)
    elif path.suffix == ".csv":
        pd.read_csv(path)
    elif path.suffix in (".svg", ".html"):
        assert path.read_text().rstrip().endswith(f"</{path.suffix[1:]}>"), path
