"""A campaign shows how far it is by its files alone, whole or half, running or dead."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from smallcell.budget import account
from smallcell.choice import Outcome
from smallcell.errors import in_report_units, summary
from smallcell.status import status
from smallcell.training import write_structures
from smallcell.verdict import verdict

BEGAN = 1_700_000_000.0
LATER = 90 * 60.0
ERRORS = in_report_units(summary([(np.array([0.002]), np.full(3, 0.012), np.full(9, 1e-4))] * 4))


class Writer:
    """Writes the files of a campaign as its jobs do, each a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.time, self.costs = folder, BEGAN, None

    def write(self, name: str, report: dict | None = None) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text("" if report is None else json.dumps(report))
        self.time += 1
        os.utime(path, (self.time, self.time))

    def structures(self, batch: str, number: int) -> None:
        write_structures(
            self.folder / batch / "structures.extxyz", [bulk("K", "bcc", a=5.3)] * number
        )
        self.write(f"{batch}/structures.extxyz")

    def label(self, batch: str, structure: int, fate: str = "labelled") -> dict:
        report = {
            "batch": batch,
            "structure": structure,
            "formula": "K",
            "fate": fate,
            "retries": [],
            "message": "",
            "key": f"{batch} {structure}",
            "core_seconds": 360.0,
            "label_core_seconds": 360.0,
            "expected_cost": 10.0,
        }
        self.write(f"{batch}/labels/{structure}.json", report)
        return report

    def fit(self, batch: str, labels: list[dict], costs: bool = True) -> None:
        self.write(f"{batch}/fit.json", {"training": ERRORS, "held_out": ERRORS, "seconds": 36.0})
        if costs:
            self.costs = account(self.costs, labels, [], [{"seconds": 36.0}])
            self.write(f"{batch}/costs.json", self.costs)

    def select(self, batch: str, spent: float, number: int) -> dict:
        for walker in range(3):
            self.write(f"logs/{batch}/walkers/{walker}.log")
            self.write(f"{batch}/walkers/{walker}.json", {"fate": "stopped", "frames": 2})
        report = {"spent": spent, "forecast": 0.25, "outcome": Outcome.NEW, "reasons": ["new"]}
        self.structures(batch, number)
        self.write(f"{batch}/selection.json", report)
        return report

    def judge(self, batch: str, selected: dict, labels: list[dict], last: bool) -> None:
        walks = [{"fate": "stopped", "frames": 2}] * 3
        found = verdict(walks, labels, selected, ERRORS, {"least": 4}, last, 0.5)
        self.write(f"{batch}/verdict.json", found)

    def round(self, batch: str, spent: float, last: bool = False) -> None:
        selected = self.select(batch, spent, 2)
        labels = [self.label(batch, number) for number in range(2)]
        self.judge(batch, selected, labels, last)
        self.fit(batch, labels)


@pytest.fixture
def begun(tmp_path) -> Writer:
    """A campaign that has fitted its seeds."""
    writer = Writer(tmp_path / "run")
    writer.write("program.json", {"name": "pw.x", "version": "6.7MaX"})
    writer.structures("seeds", 3)
    writer.fit("seeds", [writer.label("seeds", number) for number in range(3)])
    return writer


def told(writer: Writer) -> str:
    return status(writer.folder, writer.time + LATER)


def line(text: str, beginning: str) -> str:
    (found,) = [one for one in text.splitlines() if one.split()[:1] == [beginning]]
    return found


def test_an_empty_folder_has_one_clear_message(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        command = [sys.executable, "-m", "smallcell.status", folder]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode != 0
        assert run.stdout == ""
        (message,) = run.stderr.splitlines()
        assert message.startswith(f"status: {folder}: there is no campaign in it yet")


def test_the_first_labels_are_counted_before_anything_else_is_known(tmp_path):
    writer = Writer(tmp_path / "run")
    writer.structures("gate", 2)
    writer.label("gate", 0)
    writer.structures("seeds", 3)
    text = told(writer)
    assert "now labels, 1 of 2" in line(text, "gate")
    assert "now labels, 0 of 3" in line(text, "seeds")
    assert "not known" in line(text, "core-hours")


def test_every_step_of_a_round_shows_while_it_is_computed(begun):
    batch = "two-atoms/000"

    def now() -> str:
        return line(told(begun), batch).partition("now ")[2]

    begun.write(f"logs/{batch}/walkers/0.log")
    begun.write(f"{batch}/walkers/0.json", {"fate": "stopped", "frames": 2})
    begun.write(f"logs/{batch}/walkers/1.log")
    assert now() == "walks, 1 of 2 begun are done"
    selected = begun.select(batch, 0.31, 2)
    assert now() == "labels, 0 of 2"
    assert line(told(begun), "expected").endswith(f"0.250 core-hours for {batch}")
    labels = [begun.label(batch, 0, "timed out"), begun.label(batch, 1)]
    assert now() == "verdict"
    begun.judge(batch, selected, labels, last=False)
    assert now() == "fit"
    begun.fit(batch, labels, costs=False)
    assert now() == "ensemble and costs"
    begun.fit(batch, labels)
    assert now() == ""
    assert line(told(begun), batch).endswith("again")
    assert "expected" not in told(begun)


def test_labels_errors_and_costs_are_those_of_the_reports(begun):
    begun.round("two-atoms/000", 0.31)
    selected = begun.select("two-atoms/001", 0.52, 2)
    labels = [begun.label("two-atoms/001", 0), begun.label("two-atoms/001", 1, "from store")]
    begun.judge("two-atoms/001", selected, labels, last=False)
    text = told(begun)
    assert line(text, "labels").endswith("1 from store, 6 labelled")
    # Five labels of 0.1 core-hours and two fits of 0.01 have been accounted for.
    expected = "references 0.000, labels 0.500, walks 0.000, fits 0.020, in all 0.520"
    assert line(text, "core-hours").endswith(expected)
    row = line(text, "two-atoms/001").split()
    assert row[1:9] == ["3", "stopped", "6", "2", "of", "2", "2.00", "12.00"]
    assert "held out meV/atom" in text
    assert line(text, "last").endswith("two-atoms/001/verdict.json, 1 hour ago")


def test_stages_come_in_the_order_in_which_they_were_whatever_their_names(begun):
    begun.round("zz/000", 0.31, last=True)
    begun.round("aa/000", 0.52, last=True)
    begun.write("logs/mm/000/walkers/0.log")
    begun.write("mm/000/least_known.extxyz")
    text = told(begun)
    places = [text.index(name) for name in ("seeds", "zz/000", "aa/000", "mm/000")]
    assert places == sorted(places)
    assert "now walks, 0 of 1 begun" in line(text, "mm/000")
    assert text.count("now ") == 1


def test_rounds_of_an_earlier_longer_campaign_are_left_out(begun):
    begun.round("two-atoms/000", 0.31, last=True)
    begun.round("two-atoms/001", 0.52)
    text = told(begun)
    assert line(text, "two-atoms/000").endswith("stage ends")
    assert not [one for one in text.splitlines() if one.split()[:1] == ["two-atoms/001"]]


def test_labels_of_an_earlier_larger_selection_are_not_counted(begun):
    batch = "two-atoms/000"
    begun.select(batch, 0.31, 2)
    begun.label(batch, 2, "crashed")
    assert line(told(begun), batch).endswith("now labels, 0 of 2")
    assert "crashed" not in told(begun)


def test_a_campaign_has_ended_unless_something_is_younger_than_its_summary(begun):
    begun.round("two-atoms/000", 0.31, last=True)
    assert "ended" not in told(begun)
    begun.write("summary.txt")
    assert "ended: see summary.txt" in told(begun)
    begun.label("two-atoms/000", 0)
    assert "ended" not in told(begun)


def test_files_that_are_being_written_are_not_looked_at(begun):
    before = told(begun)
    part = begun.folder / "two-atoms/000/.fit.json.17.part"
    part.parent.mkdir(parents=True)
    part.write_text("{half")
    assert line(told(begun), "last") == line(before, "last")
