"""Kills a miniature campaign hundreds of times and looks whether it minds: ``make kill-matrix``.

    python benchmarks/kill_matrix.py FOLDER KILLS PAGE

A campaign begins with an empty store, is killed at random moments and resumed until it is done, and
has to end with the potential of one that nobody killed, to the bit. Then the next begins. What has
been done stays in FOLDER: interrupted, it goes on.
"""

import json
import shutil
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from kills import KINDS, strike
from test_campaign import Campaign

from benchmarks.md import processor, table
from benchmarks.pages import write_part

LATEST = 20.0
"""Longest time from a start to a kill (s)."""


def main(folder: Path, kills: int, page: Path) -> None:
    """Kill so many times in all, and write down what was met."""
    record = folder / "kills.jsonl"
    reference = folder / "reference/potential.almtp"
    folder.mkdir(parents=True, exist_ok=True)
    if not reference.exists():
        potential = finished(begun(folder / "undisturbed"))
        reference.parent.mkdir()
        reference.write_bytes(potential)
    while (done := len(lines(record))) < kills:
        campaign = begun(folder / "victim")
        rng = np.random.default_rng([1, done])
        while done < kills:
            met = strike(campaign, str(rng.choice(KINDS)), rng.uniform(0.5, LATEST), rng)
            if met is None:
                break
            done += 1
            note(record, asdict(met))
            print(done, met, flush=True)
        if finished(campaign) != reference.read_bytes():
            raise SystemExit(f"{campaign.folder}: another potential than that of {reference}")
        note(folder / "ends.jsonl", {"kills": done})
    text = report(pd.DataFrame(lines(record)), len(lines(folder / "ends.jsonl")))
    print(text)
    write_part(page, text)


def begun(folder: Path) -> Campaign:
    """Return a campaign that has not run yet."""
    shutil.rmtree(folder, ignore_errors=True)
    return Campaign(folder)


def finished(campaign: Campaign) -> bytes:
    """Run a campaign to its end and return its potential."""
    campaign.run()
    return campaign.potential()


def lines(record: Path) -> list[dict]:
    """Return what is written down so far."""
    return list(map(json.loads, record.read_text().splitlines())) if record.exists() else []


def note(record: Path, line: dict) -> None:
    """Write one line down."""
    with record.open("a") as file:
        file.write(json.dumps(line) + "\n")


def report(kills: pd.DataFrame, ends: int) -> str:
    """Put into words what was met."""
    alone = Counter(kills.loc[kills["kind"] == "job", "victim"])
    rows = [
        [kind, str(len(some)), f"{some['moment'].min():.1f} to {some['moment'].max():.1f}"]
        + [f"{some['gone'].max():.2f}"]
        for kind, some in kills.groupby("kind")
    ]
    victims = ", ".join(f"{number} {name}" for name, number in sorted(alone.items()))
    return f"""\
# Kill matrix

`make kill-matrix`, {time.strftime("%Y-%m-%d")}, {processor()}: {len(kills)} times SIGKILL,
campaigns of the tests with pw.x and LAMMPS. {ends} campaigns came to their end, all with the
potential of one that was not killed, to the bit; after each kill every file was whole, no label
lost or computed again, and nothing left running.

{table(["killed", "times", "seconds after the start", "nothing left after, s, at most"], rows)}

`head` is Snakemake alone, `job` one script or LAMMPS alone ({victims}), `all` everything at once.
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
