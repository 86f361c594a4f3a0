"""How far a campaign is, from its files alone: while Snakemake runs, or after it died.

    python -m smallcell.status results/quickstart

Nothing is written and nothing is locked. Files of a campaign are whole or not there, so that what
is found is what is done; what has been begun shows in the logs.
"""

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from smallcell.budget import KINDS, spent
from smallcell.configuration import FOLDERS
from smallcell.files import read_reports
from smallcell.held_out import QUANTITIES
from smallcell.training import read_structures


@dataclass(frozen=True)
class Batch:
    """What there is of a batch: the seeds, a round, the gate or the audit.

    Attributes
    ----------
    name : str
        ``seeds``, ``gate``, ``audit`` or ``<stage>/<round>``.
    walks, walks_begun : int
        Reports of walkers, and logs of those that were started.
    selection, verdict, fit, costs : dict or None
        The reports of these steps, None if there is none yet.
    structures : int or None
        How many are to be labelled, None while that is not known.
    fates : Counter
        Of their labels, as far as there are any.
    """

    name: str
    walks: int
    walks_begun: int
    selection: dict | None
    verdict: dict | None
    fit: dict | None
    costs: dict | None
    structures: int | None
    fates: Counter

    @property
    def is_round(self) -> bool:
        """Whether walkers walk in it."""
        return "/" in self.name

    def step(self) -> str | None:
        """Say what is being computed, None if all is done."""
        if self.costs is not None:
            return None
        if self.fit is not None:
            return "ensemble and costs"
        if self.structures is None:
            walks = f"walks, {self.walks} of {self.walks_begun} begun are done"
            return walks if self.is_round else "structures"
        if self.fates.total() < self.structures:
            return f"labels, {self.fates.total()} of {self.structures}"
        if self.is_round and self.verdict is None:
            return "verdict"
        return "fit" if self.structures and self.name not in ("gate", "audit") else None


def read_report(path: Path) -> dict | None:
    """Read a report; None if it is not there, or not there any more."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def read_batch(folder: Path, name: str) -> Batch:
    """See what there is of a batch in a folder of results."""
    here = folder / name
    structures = None
    if (here / "structures.extxyz").exists():
        structures = len(read_structures(here / "structures.extxyz"))
    return Batch(
        name=name,
        walks=len(list(here.glob("walkers/*.json"))),
        walks_begun=len(list((folder / "logs" / name / "walkers").glob("*.log"))),
        selection=read_report(here / "selection.json"),
        verdict=read_report(here / "verdict.json"),
        fit=read_report(here / "fit.json"),
        costs=read_report(here / "costs.json"),
        structures=structures,
        fates=Counter(read_fates(here / "labels", structures or 0).values()),
    )


def read_fates(folder: Path, structures: int) -> dict[int, str]:
    """Read the fates of the labels of a batch, by the numbers of their structures.

    A label beyond the structures is from an earlier, larger selection; so is the older one of two.
    """
    files = []
    for path in folder.glob("*.json"):
        # Snakemake removes files while we look.
        with suppress(FileNotFoundError):
            files.append((path.stat().st_mtime, read_reports([path])))
    return {
        report["structure"]: report["fate"]
        for _, reports in sorted(files, key=lambda file: file[0])
        for report in reports
        if report["structure"] < structures
    }


def read_rounds(folder: Path) -> list[Batch]:
    """Return the rounds of all stages in the order in which they were.

    A stage comes after those whose rounds began when less was spent. Rounds beyond the verdict that
    ended a stage are from an earlier, longer campaign, and left out.
    """
    stages: dict[str, list[Batch]] = {}
    found = {path.parent for path in folder.glob("*/[0-9][0-9][0-9]/*") if path.parent.is_dir()}
    for path in sorted(found):
        if path.parent.name in FOLDERS:
            continue
        rounds = stages.setdefault(path.parent.name, [])
        if not rounds or (rounds[-1].verdict or {}).get("decision", "again") == "again":
            rounds.append(read_batch(folder, str(path.relative_to(folder))))

    def began(stage: str) -> tuple[float, float]:
        first = stages[stage][0]
        before = math.inf if first.selection is None else first.selection.get("spent", 0.0)
        return before, (folder / first.name).stat().st_mtime

    return [batch for stage in sorted(stages, key=began) for batch in stages[stage]]


def status(folder: Path, now: float) -> str:
    """Tell how far a campaign is.

    Parameters
    ----------
    folder : Path
        Its results.
    now : float
        The time (s since the epoch).

    Raises
    ------
    ValueError
        If there is no campaign in the folder.
    """
    files = modification_times(folder)
    if not files:
        raise ValueError(
            f"{folder}: there is no campaign in it yet; name the results of one, "
            "make status RUN=results/<run>"
        )
    names = [name for name in ("gate", "seeds", "audit") if (folder / name).is_dir()]
    around = [read_batch(folder, name) for name in names]
    before = [batch for batch in around if batch.name != "audit"]
    batches = [*before, *read_rounds(folder), *around[len(before) :]]
    fates: Counter = sum((batch.fates for batch in batches), Counter())
    costs = max((batch.costs for batch in batches if batch.costs), key=spent, default=None)
    # What a later batch has been built on is done.
    fitted = [place for place, batch in enumerate(batches) if batch.fit]
    end = ended(folder, files)
    running = [] if end else batches[max(fitted, default=0) :]
    rows = [_row(batch, batch.step() if batch in running else None) for batch in batches]
    table = pd.DataFrame(rows, dtype=str)
    table = table.loc[:, (table != "").any()].to_string(index=False) if rows else ""
    newest = max(files, key=files.get)
    program = read_report(folder / "program.json") or {}
    lines = [
        f"Campaign {folder.name}{', ended: see summary.txt' if end else ''}",
        *(f"  {line.rstrip()}" for line in table.splitlines()),
        f"  labels      {_counts(fates)}",
        f"  core-hours  {_costs(costs)}",
        *(f"  expected    {words}" for words in map(_expected, running) if words),
        f"  pw.x        {program.get('version') or 'of no known version'}",
        f"  last file   {newest.relative_to(folder)}, {_ago(now - files[newest])}",
    ]
    return "\n".join(lines) + "\n"


def modification_times(folder: Path) -> dict[Path, float]:
    """When each file of a folder was written (s since the epoch), but for those being written."""
    times = {}
    for path in folder.rglob("*"):
        # Snakemake removes files while we look.
        with suppress(FileNotFoundError):
            if path.is_file() and not path.name.startswith("."):
                times[path] = path.stat().st_mtime
    return times


def ended(folder: Path, times: Mapping[Path, float]) -> bool:
    """Tell whether a campaign has its summary, and no label, verdict or fit is younger."""
    steps = ("verdict.json", "fit.json")
    younger = [
        path
        for path, written in times.items()
        if written > times.get(folder / "summary.txt", -math.inf)
        and (path.name in steps or path.match("labels/*.json"))
    ]
    return folder / "summary.txt" in times and not younger


def _row(batch: Batch, step: str | None) -> dict:
    """Tell of a batch in a row: what it met, labelled and reached, and what is being computed."""
    verdict = batch.verdict or {"walks": {}, "frames": None, "decision": ""}
    errors = {"fit": (batch.fit or {}).get("training"), "held out": verdict.get("held_out")}
    row = {
        "batch": batch.name,
        "walks": ", ".join(f"{number} {fate}" for fate, number in verdict["walks"].items()),
        "frames": str(verdict["frames"] or ""),
        "labels": f"{batch.fates.total()} of {batch.structures or 0}",
    }
    for name, found in errors.items():
        for quantity in ("energy", "force"):
            value = found and found[quantity]
            column = f"{name} {QUANTITIES[quantity]}"
            row[column] = "" if value is None else f"{value:.2f}"
    state = [verdict["decision"], f"now {step}" if step else ""]
    return row | {"": "; ".join(filter(None, state))}


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items())) or "none yet"


def _costs(costs: Mapping | None) -> str:
    if costs is None:
        return "not known: there is no costs.json yet"
    kinds = ", ".join(f"{kind} {costs[kind] / 3600:.3f}" for kind in KINDS)
    return f"{kinds}, in all {spent(costs):.3f}"


def _expected(batch: Batch) -> str | None:
    """Say what a round was expected to take when it was selected, None once it has its costs."""
    if batch.costs or not batch.structures or "forecast" not in (batch.selection or {}):
        return None
    return f"{batch.selection['forecast']:.3f} core-hours for {batch.name}"


def _ago(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}{'s' if number > 1 else ''} ago"
    return "just now"


def main() -> None:
    """Print how far a campaign is; end with one line if there is none."""
    parser = argparse.ArgumentParser(description="Tell how far a campaign is.")
    parser.add_argument("folder", type=Path, help="its results, results/<run>")
    options = parser.parse_args()
    try:
        print(status(options.folder, time.time()), end="")
    except (OSError, ValueError) as error:
        sys.exit(f"status: {error}")


if __name__ == "__main__":
    main()
