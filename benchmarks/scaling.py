"""What the workflow costs beside labels, walks and fits: ``make bench-scaling``.

    python benchmarks/scaling.py FOLDER labels NUMBER ...
    python benchmarks/scaling.py FOLDER rounds ROUNDS LABELS
    python benchmarks/scaling.py FOLDER slurm NUMBER LABELS
    python benchmarks/scaling.py FOLDER pw NUMBER LABELS

All of it is the real Snakefile with its real scripts on campaigns in FOLDER, which must not exist.

``labels`` labels so many seeds up to their training set. Their labels are in a store already, one
of this benchmark's own: they are made up, take no time, and are good for nothing else.

``rounds`` does with a campaign of so many rounds of so many labels what costs Snakemake time: its
files are made up, and ``snakemake --touch`` takes every job for done without running it, asking
after each round what comes next as always. Then come a dry run and a run with nothing to do.

``slurm`` labels so many seeds through a real SLURM (``tests/slurm/cluster.sh``), so many at most in
a job; no label is taken for short enough to share one script with others.

``pw`` does the same with labels that pw.x makes there and then, half a minute each. What the wall
time has beyond the labels' core-seconds is overhead.

Each of the two nodes has half of this machine's cores to itself; it must be idle otherwise.
"""

import gzip
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ase.io
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from cluster import OPTIONS, cluster
from snakemake.common.configfile import load_configfile
from snakemake.utils import validate
from test_campaign import MINIATURE, Campaign

from benchmarks.md import processor, table
from smallcell.canonical import canonical_form
from smallcell.cells import crystal
from smallcell.files import read_reports, write_report
from smallcell.finite_basis import SHARES, with_cutoffs
from smallcell.labels import crystal_calculation
from smallcell.pseudopotentials import source_hash
from smallcell.report import page_files
from smallcell.seeds import seeds
from smallcell.store import write_label

TARGET = "results/miniature/seeds/train.extxyz"
SCHEMA = Path("config/schemas/config.schema.yaml").resolve()
LONG_ENOUGH = {"ecutwfc": 30, "ecutrho": 180, "k_spacing": 0.2}
"""Settings of a label that shares a script with no other."""

HALF_A_MINUTE = {"ecutwfc": 46, "ecutrho": 276, "k_spacing": 0.12}
"""Settings of a label of one atom that takes about half a minute."""

HEADS = [
    "run",
    "wall s",
    "CPU s of Snakemake",
    "CPU s of its jobs",
    "peak MB",
]


@dataclass(frozen=True)
class Cost:
    """What a run of Snakemake took.

    Attributes
    ----------
    wall, head, jobs : float
        Wall time, processor time of Snakemake itself and of all that it has started (s).
    peak : float
        Memory of Snakemake itself at its most (MB).
    """

    wall: float
    head: float
    jobs: float
    peak: float

    def row(self, name: str) -> list[str]:
        """Return a line of the table."""
        return [
            name,
            f"{self.wall:.1f}",
            f"{self.head:.1f}",
            f"{self.jobs:.1f}",
            f"{self.peak:.0f}",
        ]


def run(campaign: Campaign, *options: str) -> Cost:
    """Run Snakemake to its end and measure it."""
    log = campaign.folder / "run.log"
    began, found = time.perf_counter(), [0.0, 0.0]
    with open(log, "w") as file:
        head = subprocess.Popen(
            campaign.command(*options),
            cwd=campaign.folder,
            env=campaign.environment,
            stdout=file,
            stderr=file,
        )
    watch = threading.Thread(target=_watch, args=(head.pid, found))
    watch.start()
    _, status, usage = os.wait4(head.pid, 0)
    wall = time.perf_counter() - began
    head.returncode = os.waitstatus_to_exitcode(status)
    watch.join()
    if head.returncode:
        raise SystemExit(log.read_text())
    total = usage.ru_utime + usage.ru_stime
    return Cost(wall, found[0], total - found[0], found[1])


def _watch(process: int, found: list[float]) -> None:
    """Keep what a process has used of processor (s) and memory (MB) until it ends."""
    place, ticks = Path(f"/proc/{process}"), os.sysconf("SC_CLK_TCK")
    while True:
        try:
            times = (place / "stat").read_text().rpartition(")")[2].split()
            peak = re.search(r"VmHWM:\s+(\d+)", (place / "status").read_text())
        except (FileNotFoundError, ProcessLookupError):
            return
        if peak is None:
            return
        found[:] = (int(times[11]) + int(times[12])) / ticks, int(peak[1]) / 1024
        time.sleep(0.02)


def configured(number: int, dft: Mapping) -> dict:
    """Make a configuration whose labels all come from a store, with so many seeds."""
    config = yaml.safe_load(MINIATURE.read_text())
    config["elements"][0]["energy"] = 0.0
    return {
        "elements": config["elements"],
        "dft": config["dft"] | {"command": None} | dft,
        "seeds": {"strain": [0.88, 1.12], "number": number, "unit": "primitive"},
        "fit": config["fit"] | {"members": 0},
        "gate": False,
        "audit": False,
        "validation": {},
    }


def with_labels(folder: Path, number: int, dft: Mapping) -> Campaign:
    """Make a campaign whose seeds have labels, all alike, in a store of its own."""
    campaign = Campaign(folder, **configured(number, dft))
    config = load_configfile(str(folder / "miniature.yaml"))
    validate(config, schema=str(SCHEMA))
    (element,) = config["elements"]
    output = gzip.decompress(next(Path("benchmarks/labels").glob("*/*/pw.out.gz")).read_bytes())
    wanted = [(atoms, config["dft"]) for atoms in seeds(config["elements"], config["seeds"])]
    perfect = crystal(element, "primitive", (1, 1, 1))
    wanted += [(perfect, with_cutoffs(config["dft"], share)) for share in SHARES]
    for structure, settings in wanted:
        atoms = canonical_form(structure).atoms()
        calculation = crystal_calculation(atoms, settings, {"K": source_hash(element)})
        atoms.calc = made_up(atoms)
        write_label(folder / "labels", atoms, calculation, output.decode(), 0.0, 0.0)
    return campaign


def made_up(atoms: Atoms) -> SinglePointCalculator:
    """Return a label that was not computed."""
    return SinglePointCalculator(
        atoms, energy=-float(len(atoms)), forces=0 * atoms.positions, stress=[0.0] * 6
    )


def files(folder: Path) -> int:
    """Count the files that a campaign has made, with Snakemake's notes and the store."""
    places = [folder / name for name in ("results", "labels", ".snakemake")]
    return sum(path.is_file() for place in places for path in place.rglob("*"))


def measure_labels(folder: Path, numbers: list[int]) -> str:
    """Label so many seeds, and look again."""
    rows, notes = [], []
    for number in numbers:
        campaign = with_labels(folder / str(number), number, {})
        store = files(campaign.folder)
        rows.append(run(campaign, "-n", "--", TARGET).row(f"{number} labels, dry run"))
        done = run(campaign, "--", TARGET)
        rows.append(done.row(f"{number} labels"))
        rows.append(run(campaign, "--", TARGET).row(f"{number} labels, nothing to do"))
        notes.append(
            [
                str(number),
                f"{1000 * done.wall / number:.0f}",
                f"{1000 * (done.head + done.jobs) / number:.0f}",
                f"{1000 * done.head / number:.1f}",
                f"{store / number:.1f}",
                f"{files(campaign.folder) / number:.1f}",
            ]
        )
    heads = [
        "labels",
        "wall, ms a label",
        "CPU, ms a label",
        "Snakemake's",
        "files in store a label",
    ]
    return table(HEADS, rows) + "\n" + table([*heads, "files in all a label"], notes)


def measure_rounds(folder: Path, rounds: int, labels: int) -> str:
    """Have Snakemake take a campaign for done, and look again."""
    campaign = with_rounds(folder / "together", rounds, labels, [f"0-{labels - 1}"])
    touched = run(campaign, "--touch")
    rows = [
        touched.row("all jobs taken for done"),
        run(campaign, "-n").row("dry run"),
        run(campaign).row("nothing to do"),
    ]
    # As after a change of anything at all.
    (campaign.folder / ".snakemake/settled/miniature.json").unlink()
    rows.append(run(campaign).row("the same, asking round by round"))
    few, many = (files_alone(folder, number, labels) for number in (2, 12))
    return f"""{table(HEADS, rows)}
{1000 * touched.head / (rounds * labels):.0f} ms of Snakemake's CPU time a label.
Files: {3 + files(campaign.folder) / (rounds * labels):.1f} a label, three of them in the store;
where each label has a job of its own {3 + (many - few) / (10 * labels):.1f} a label, by the
difference of twelve rounds and two.
"""


def files_alone(folder: Path, rounds: int, labels: int) -> int:
    """Count the files of a campaign of so many rounds, each label a job of its own."""
    campaign = with_rounds(
        folder / f"alone-{rounds}", rounds, labels, list(map(str, range(labels)))
    )
    run(campaign, "--touch")
    return files(campaign.folder)


def with_rounds(folder: Path, rounds: int, labels: int, jobs: list[str]) -> Campaign:
    """Make up a campaign of so many rounds of so many labels, which are in these jobs."""
    stages = yaml.safe_load(MINIATURE.read_text())["stages"]
    each = [
        stage | {"rounds": number} for stage, number in zip(stages, _halves(rounds), strict=True)
    ]
    campaign = Campaign(folder, **configured(7, {}) | {"stages": each})
    (folder / "labels").mkdir()
    make_up(campaign, each, labels, jobs)
    return campaign


def _halves(number: int) -> tuple[int, int]:
    return number // 2, number - number // 2


def make_up(campaign: Campaign, stages: list[Mapping], labels: int, jobs: list[str]) -> None:
    """Make up the files of a finished campaign, but for Snakemake's notes."""
    structures = [bulk("K", "bcc", a=5.3)] * labels
    batches = ["seeds"]
    for stage in stages:
        batches += [f"{stage['name']}/{number:03d}" for number in range(stage["rounds"])]
    learnt = "train.extxyz held_out.extxyz potential.almtp fit.json"
    walk = [".extxyz", ".json"]
    for batch in batches:
        here = campaign.results / batch
        # Logs are made by Snakemake, `--touch` too, where a job leaves none.
        names = [*learnt.split(), "costs.json"]
        if batch == "seeds":
            names += ["structures.extxyz", "labels/0-6.json"]
        else:
            names += ["verdict.json", "least_known.extxyz"]
            names += [f"labels/{job}.json" for job in jobs]
            names += [f"walkers/{number}{ending}" for number in range(3) for ending in walk]
            chosen = {"outcome": "new", "reasons": [], "training": labels - 1, "held_out": 1}
            write_report(here / "selection.json", chosen | {"labels": jobs, "rate": 0})
        for path in [here / name for name in names]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if batch != "seeds":
            ase.io.write(here / "structures.extxyz", structures, format="extxyz")
    config = load_configfile(str(campaign.folder / "miniature.yaml"))
    validate(config, schema=str(SCHEMA))
    strained = seeds(config["elements"], config["seeds"])
    ase.io.write(campaign.results / "seeds/structures.extxyz", strained, format="extxyz")
    others = [
        *page_files(config),
        *("program.json", "references/K.json", "potential.mtp", "potential.almtp", "report.html"),
        *("train.extxyz", "train.cfg", "potential.lammps", "costs.json", "summary.txt"),
        *("rounds.csv", "fates.csv", "rounds.svg", "diagnosis/forces.csv"),
        *(f"validation/equation_of_state.{ending}" for ending in ("json", "csv", "svg")),
        *(f"validation/dispersion.{ending}" for ending in ("csv", "svg")),
        *("validation/static.csv", "validation/large_cell.json"),
        *(f"validation/{name}.csv" for name in config["validation"]["properties"]),
    ]
    for name in others:
        path = campaign.results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def measure_pw(folder: Path, number: int, labels: int) -> str:
    """Label seeds by pw.x through SLURM, and compare with the time that pw.x took."""
    campaign = Campaign(folder, **configured(number, HALF_A_MINUTE | {"command": "pw.x"}))
    table_of_jobs, wall = measure_slurm(campaign, labels)
    reports = read_reports([*campaign.results.glob("seeds/labels/*.json")])
    (reference,) = read_reports([campaign.results / "references/K.json"])
    seconds = [report["label_core_seconds"] for report in reports]
    cores, of_reference = os.cpu_count(), reference["core_seconds"]
    ideal = (sum(seconds) + of_reference) / cores
    return f"""{table_of_jobs}
{number} labels of {min(seconds):.1f} to {max(seconds):.1f} core-seconds and the
reference of {of_reference:.0f}:
{ideal:.0f} s on {cores} cores. Of {wall:.0f} s {1 - ideal / wall:.1%} are overhead."""


def measure_slurm(campaign: Campaign, labels: int) -> tuple[str, float]:
    """Label seeds through SLURM, so many at most in a job; a table, and how long it took (s)."""
    cores = os.cpu_count() // 2
    options = [*OPTIONS, "--cores", str(cores), "--group-components", f"labels={labels}"]
    with tempfile.TemporaryDirectory() as place, cluster(Path(place) / "slurm", cores):
        done = run(campaign, *options, "--", TARGET)
        listing = subprocess.run(
            ["scontrol", "--oneliner", "show", "job"], capture_output=True, text=True, check=True
        ).stdout
    jobs = [job_of(line) for line in listing.splitlines()]
    said = table(HEADS, [done.row(f"{campaign.base['seeds']['number']} labels")])
    heads = ["job", "cores", "seconds"]
    rows = [[name, cores, f"{took:.0f}"] for name, cores, took in jobs]
    return f"{said}\n{table(heads, rows)}", done.wall


def job_of(line: str) -> tuple[str, str, float]:
    """Name, cores and wall time (s) of a job as SLURM tells of it."""
    told = dict(word.split("=", 1) for word in line.split() if "=" in word)
    began, ended = (
        time.mktime(time.strptime(told[word], "%Y-%m-%dT%H:%M:%S"))
        for word in ("StartTime", "EndTime")
    )
    return told["Comment"], told["NumCPUs"], ended - began


def main(place: str, what: str, *words: str) -> None:
    """Measure and print."""
    folder, numbers = Path(place), list(map(int, words))
    print(f"{what} {' '.join(words)}, {time.strftime('%Y-%m-%d')}, {processor()}\n")
    if what == "labels":
        print(measure_labels(folder, numbers))
    elif what == "rounds":
        print(measure_rounds(folder, *numbers))
    elif what == "pw":
        print(measure_pw(folder, *numbers))
    else:
        number, labels = numbers
        print(measure_slurm(with_labels(folder, number, LONG_ENOUGH), labels)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
