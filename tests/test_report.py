"""The page of a campaign: judged by tolerances, escaped, one file, at home in a browser."""

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import yaml
from ase.build import bulk
from conftest import REPOSITORY
from random_potentials import labelled, random_potential, random_structures, with_label
from snakemake.utils import validate

from smallcell.configuration import schema_faults
from smallcell.engine import MTPCalculator
from smallcell.figures import write_figure
from smallcell.force_bias import bias_table
from smallcell.ledger import fates_table, fit_columns, grades_table, round_row, rounds_table
from smallcell.parity import pairs, parity_table
from smallcell.potential import Potential
from smallcell.properties import comparison, properties, values_by_potential
from smallcell.report import (
    CHAPTERS,
    Outcome,
    asks_for,
    commit,
    error_checks,
    in_words,
    page,
    page_files,
    property_checks,
)
from smallcell.validation import equilibrium

matplotlib.use("svg")
import matplotlib.pyplot as plt

SCHEMA = REPOSITORY / "config/schemas/config.schema.yaml"
MALICE = "</td><script>alert(1)</script> & 'quoted' \"words\""
COSTS = {"references": 360.0, "labels": 3600.0, "walks": 36.0, "fits": 3.6}
WIDTHS = (360, 1200)


class Tags(HTMLParser):
    """All tags of a page, with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        return [found[attribute] for name, found in self.found if name == tag]


@dataclass
class Campaign:
    """A folder of results, and the configuration that they are of."""

    folder: Path
    configuration: dict

    def page(self) -> str:
        return page(self.folder, self.configuration)

    def write(self, name: str, content: str | dict | pd.DataFrame) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False, float_format="%.6g")
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))

    def draw(self, name: str) -> None:
        figure, axis = plt.subplots(figsize=(13, 4))
        axis.plot([1, 2], label=name)
        axis.legend()
        write_figure(self.folder / name, figure)
        plt.close(figure)


@pytest.fixture(scope="module")
def configuration() -> dict:
    found = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    validate(found, schema=str(SCHEMA))
    found["verdict"] |= {"energy": 4.0, "force": 15.0}
    return found


@pytest.fixture(scope="module")
def parity() -> pd.DataFrame:
    """Held-out energies 3 meV/atom off, forces 20 meV/A: one is good, the other is not."""
    truth = random_potential(("K",), level=6, seed=1)
    off = [
        with_label(
            atoms,
            energy=atoms.get_potential_energy() + 0.003 * len(atoms),
            forces=atoms.get_forces() + 0.02,
        )
        for atoms in labelled(random_structures(("K",), 9, seed=2), truth)
    ]
    return parity_table({"training": pairs(truth, off), "held out": pairs(truth, off)})


@pytest.fixture
def campaign(tmp_path, configuration, parity) -> Campaign:
    """A campaign by the workflow's own functions, with malice where words come from outside."""
    found = Campaign(tmp_path / "results", configuration)
    label = {
        "fate": "crashed",
        "message": MALICE,
        "core_seconds": 10.0,
        "label_core_seconds": 10.0,
        "retries": [],
        "batch": "two-atoms/000",
        "structure": 0,
        "formula": "K2",
        "atoms": 2,
        "key": "f" * 64,
    }
    errors = {"energy": 1.0, "force": 2.0, "stress": 0.1, "configurations": 5}
    fit = {"training": errors, "held_out": errors, "loss": 0.1, "seconds": 2.0}
    judged = {"walks": {"stopped": 2}, "frames": 9, "warnings": [f"too high {MALICE}"]}
    rows = [
        round_row("seeds", 0, {}, [], [label]) | fit_columns(fit),
        round_row("two-atoms", 0, judged, [{"seconds": 1.5}], [label]) | fit_columns(fit),
        round_row("two-atoms", 1, judged | {"warnings": []}, [{"seconds": 1.5}], []),
    ]
    samples = pd.DataFrame(
        {"walker": [0, 1], "step": [5, 5], "grade": [1.5, 30.0], "disagreement eV/A": [0.01, 0.02]}
    )
    truth = random_potential(("K",), level=6, seed=1)
    learnt = labelled(random_structures(("K",), 9, seed=2), truth)
    static = comparison(
        "equation_of_state",
        "K",
        {("a0", "A"): 5.301, ("B", "GPa"): 3.0},
        {("a0", "A"): 5.3, ("B", "GPa"): 4.0},
        {},
    )
    large = {
        "atoms": 250,
        "duration": 100,
        "temperature": 300,
        "survived": False,
        "message": MALICE,
        "highest_grade": 12.0,
    }
    found.write("summary.txt", f"Campaign {MALICE}\n")
    found.write("rounds.csv", rounds_table(rows))
    found.write("fates.csv", fates_table([label]))
    found.write("program.json", {"name": "pw.x", "version": "6.7MaX"})
    found.write("diagnosis/parity.csv", parity)
    found.write("diagnosis/force_bias.csv", bias_table(truth, {"training": learnt}))
    found.write("diagnosis/walk_grades.csv", grades_table({"two-atoms/000": samples}))
    found.write("validation/static.csv", static)
    found.write("costs.json", COSTS)
    found.write("validation/large_cell.json", large)
    for name in ("rounds", "diagnosis/parity", "diagnosis/force_bias", "validation/x"):
        found.draw(f"{name}.svg")
    return found


def test_errors_are_good_or_not_by_the_upper_ends_of_their_intervals(parity):
    checks = error_checks(parity, {"energy": 4.0, "force": 15.0, "least": 4})
    assert [check.outcome for check in checks] == [Outcome.GOOD, Outcome.BAD, Outcome.OPEN]
    assert "3 meV/atom" in checks[0].found
    assert "9 structures" in checks[0].found
    assert "no tolerance" in checks[2].wanted


def test_an_error_below_its_tolerance_is_not_good_if_it_may_be_above():
    row = {"set": "held out", "unit": "", "structures": 9, "RMSE": 5.0, "RMSE low": 2.0}
    rows = [
        row | {"quantity": quantity, "RMSE high": high}
        for quantity, high in (("energy", 8.0), ("force", 6.0), ("stress", 8.0))
    ]
    checks = error_checks(pd.DataFrame(rows), {"energy": 7.0, "force": 7.0, "least": 4})
    assert [check.outcome for check in checks] == [Outcome.BAD, Outcome.GOOD, Outcome.OPEN]


def test_too_few_structures_and_none_are_not_judged(parity):
    few = error_checks(parity, {"energy": 4.0, "force": 15.0, "least": 10})
    assert {check.outcome for check in few} == {Outcome.OPEN}
    for nothing in (None, parity[parity["set"] == "training"]):
        (check,) = error_checks(nothing, {"energy": 4.0, "least": 4})
        assert (check.found, check.outcome) == ("missing", Outcome.OPEN)


def test_the_users_own_test_set_is_judged_too(parity):
    test = parity[parity["set"] == "held out"].assign(set="test")
    checks = error_checks(pd.concat([parity, test]), {"energy": 2.0, "least": 4})
    assert [check.subject for check in checks if check.outcome == Outcome.BAD] == [
        "energy error, held out",
        "energy error, test",
    ]


BCC = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
KNOWN = properties(seed=1)


def static_values(potential: Potential) -> dict[str, dict]:
    """Those properties that are judged, by a potential."""
    calculator = MTPCalculator(potential)
    crystals = [bulk("K", "bcc", a=edge) for edge in np.linspace(4.8, 5.8, 11)]
    for atoms in crystals:
        atoms.calc = calculator
    constant, modulus = equilibrium(crystals, BCC)
    own = BCC | {"lattice_constant": constant}
    found = {"equation_of_state": {("a0", "A"): constant, ("B", "GPa"): modulus}}
    for name in ("elastic", "phonons"):
        found[name] = values_by_potential(KNOWN[name], own, calculator)
    return found


def static_table(values: dict[str, dict], by_dft: dict[str, dict]) -> pd.DataFrame:
    """The campaign's table of static properties, as it is read from its file."""
    return pd.concat(
        comparison(name, "K", found, by_dft.get(name, {}), {}) for name, found in values.items()
    )


@pytest.fixture(scope="module")
def true_values(sound_potential) -> dict[str, dict]:
    """Static properties by the potential that stands for pw.x."""
    return static_values(sound_potential.potential)


def verdicts(table: pd.DataFrame, tolerances: dict) -> dict[str, Outcome]:
    """Outcome of each check."""
    return {check.subject: check.outcome for check in property_checks(table, tolerances)}


def test_a_potential_that_is_wrong_on_purpose_fails_the_verdict(
    sound_potential, true_values, campaign
):
    right = sound_potential.potential
    limits = campaign.configuration["validation"]["tolerances"]
    assert limits == {"a0": 0.3, "B": 5, "C'": 10, "C44": 10, "phonons": 5}

    def judged(potential: Potential) -> dict[str, Outcome]:
        campaign.write("validation/static.csv", static_table(static_values(potential), true_values))
        return verdicts(pd.read_csv(campaign.folder / "validation/static.csv"), limits)

    # All stiffnesses 3 % too high, frequencies half as much: within tolerances.
    assert set(judged(replace(right, linear=1.03 * right.linear)).values()) == {Outcome.GOOD}
    text = Tags(campaign.page()).text
    assert "2 of 9 checks found what is not good" in text
    too_stiff = judged(replace(right, linear=1.2 * right.linear))
    assert too_stiff.pop("lattice constant of K") == Outcome.GOOD
    assert set(too_stiff) == {"B of K", "C' of K", "C44 of K", "phonons of K"}
    assert set(too_stiff.values()) == {Outcome.BAD}
    text = Tags(campaign.page()).text
    assert "6 of 9 checks found what is not good" in text
    assert re.search(r"pw\.x \S+ GPa \(\+20\.0\d%\)", text)
    # The same at lengths 1 % larger.
    stretched = replace(right, closest=1.01 * right.closest, cutoff=1.01 * right.cutoff)
    assert judged(stretched)["lattice constant of K"] == Outcome.BAD


def test_the_frequency_that_is_farthest_off_decides(true_values):
    frequencies = dict(true_values["phonons"])
    worst = ("P, branch 2", "THz")
    off = frequencies | {worst: 0.94 * frequencies[worst]}
    table = static_table({"phonons": off}, {"phonons": frequencies})
    limits = {"a0": 0.3, "B": 5, "C'": 10, "C44": 10, "phonons": 5}
    (check,) = property_checks(table, limits)
    assert check.outcome == Outcome.BAD
    assert check.found.startswith("P, branch 2, ")
    assert check.found.endswith("(-6.00%)")
    (check,) = property_checks(table, limits | {"phonons": 7})
    assert check.outcome == Outcome.GOOD
    (check,) = property_checks(table, limits | {"phonons": None})
    assert (check.outcome, check.wanted) == (Outcome.OPEN, "no validation.tolerances.phonons")


def test_what_pw_was_not_asked_for_is_missing_and_what_the_potential_lacks_is_not_good(true_values):
    limits = {"a0": 0.3, "B": 5, "C'": 10, "C44": 10, "phonons": 5}
    for check in property_checks(static_table(true_values, {}), limits):
        assert check.outcome == Outcome.OPEN
        assert check.found.endswith("pw.x missing")
    lost = {name: dict.fromkeys(values, np.nan) for name, values in true_values.items()}
    for check in property_checks(static_table(lost, true_values), limits):
        assert check.outcome == Outcome.BAD
        assert "none, pw.x " in check.found


def test_the_page_asks_for_what_the_configuration_makes_and_no_more(configuration):
    plain = set(page_files(configuration))
    assert "gate.csv" in plain
    assert not {"audit.csv", "imports.csv", "validation/compare.csv"} & plain
    asked = configuration | {"imports": [{"file": "x"}], "gate": False, "audit": {"cut_outs": 0}}
    asked["validation"] = asked["validation"] | {"compare": ["x.mtp"], "properties": ["bain"]}
    more, less = set(page_files(asked)) - plain, plain - set(page_files(asked))
    assert more == {"imports.csv", "validation/compare.csv", "audit/grades.svg", "audit/run.json"}
    assert less == {"gate.csv", "validation/dispersion.svg"}
    alloy = configuration | {"elements": [{"symbol": "K"}, {"symbol": "Na"}]}
    assert {"diagnosis/coverage.svg", "diagnosis/pairs.csv"} <= set(page_files(alloy)) - plain
    assert asks_for({"a": {"b": ["c"]}}, "a.b.c")
    assert asks_for({"a": ["b", "c"]}, "a.1") and not asks_for({"a": ["b"]}, "a.1")
    assert not asks_for({"a": False}, "a.b.c")


def test_the_verdict_stands_at_the_top(campaign):
    text = Tags(campaign.page()).text
    # Energy and lattice constant are good; forces, B and the large cell are not; stress is open.
    assert "3 of 6 checks found what is not good: 2 good, 3 not good, 1 not judged." in text
    assert text.index("Verdict") < text.index("Warnings") < text.index("Summary")
    assert f"two-atoms/000: too high {MALICE}" in text
    assert "3 GPa, pw.x 4 GPa (-25.00%)" in text


def test_words_from_outside_are_words_on_the_page(campaign):
    text = campaign.page()
    assert "<script>alert" not in text
    scripts = [tag for tag, _ in Tags(text).found if tag == "script"]
    assert len(scripts) == 1
    # In the warning, the large cell, the summary and the fate.
    assert Tags(text).text.count(MALICE) >= 4


def test_the_page_fetches_nothing(campaign):
    tags = Tags(campaign.page())
    for tag, attributes in tags.found:
        for name in {"src", "srcset", "data", "action", "poster"} & attributes.keys():
            assert attributes[name].startswith("data:"), (tag, name)
        assert tag not in ("link", "iframe", "object", "base")
    links = [link for link in tags.values("a", "href") if not link.startswith("data:")]
    assert all(link.startswith("https://") for link in links)
    assert not re.search(r"url\(|@import", campaign.page())


def test_every_figure_is_whole_in_the_page(campaign):
    figures = Tags(campaign.page()).values("img", "src")
    inlined = [base64.b64decode(one.partition("base64,")[2]) for one in figures]
    shown = [part.file for parts in CHAPTERS.values() for part in parts]
    drawn = [campaign.folder / name for name in shown if name.endswith(".svg")]
    assert inlined == [path.read_bytes() for path in drawn if path.exists()]
    assert len(inlined) == 3


def test_what_is_missing_is_said_to_be_missing(tmp_path, configuration):
    text = Tags(Campaign(tmp_path, configuration).page()).text
    assert "Nothing could be judged: 0 good, 0 not good, 3 not judged." in text
    for title, parts in CHAPTERS.items():
        for part in parts:
            assert (f"{part.file} is missing" in text) == (title != "Compositions and elements")
    assert "What the campaign has cost is missing" in text


def test_parts_about_alloys_are_missing_only_from_an_alloy(tmp_path, configuration):
    alloy = configuration | {"elements": [{"symbol": "Na"}, {"symbol": "K"}]}
    assert "diagnosis/pairs.csv is missing" in Tags(Campaign(tmp_path, alloy).page()).text


def test_what_another_campaign_left_in_the_folder_is_not_shown(campaign):
    campaign.write("audit.csv", pd.DataFrame({"atoms": [16], "fate": ["leftover"]}))
    text = campaign.page()
    assert "leftover" not in text
    assert "audit.csv is missing" in text
    audit = {"cut_outs": 1, "add": False}
    assert "leftover" in page(campaign.folder, campaign.configuration | {"audit": audit})


def test_an_unknown_error_is_empty_and_not_zero():
    frame = pd.DataFrame(
        {
            "error": [1.23456, None],
            "count": [0, 3],
            "crashed": [0, 0],
            "held out": [np.nan, np.nan],
            "key": ["a", "b"],
        }
    )
    table = in_words(frame, without=("key",))
    assert table.columns == ["error", "count"]
    assert table.rows == [("1.235", "0"), ("", "3")]


def test_the_configuration_on_the_page_repeats_the_campaign(campaign):
    (address,) = [
        link for link in Tags(campaign.page()).values("a", "href") if link.startswith("data:")
    ]
    again = yaml.safe_load(base64.b64decode(address.partition("base64,")[2]))
    assert again == campaign.configuration
    assert schema_faults(again, yaml.safe_load(SCHEMA.read_text())) == []


def test_the_commit_is_that_of_the_folder_and_says_if_files_have_changed(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not on this machine")
    assert commit(tmp_path) is None

    def git(*words: str) -> str:
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        run = subprocess.run(
            ["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    (tmp_path / "file").write_text("one")
    git("init")
    git("add", "file")
    git("commit", "--message", "one")
    head = git("rev-parse", "HEAD")
    assert commit(tmp_path) == head
    (tmp_path / "file").write_text("two")
    assert commit(tmp_path) == f"{head}, with changes"


# The frame is of the width of the screen, below which a window of Chromium cannot go; a document in
# `srcdoc` may be looked into from around it.
AROUND = """<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">
<iframe style="border: 0; width: {width}px; height: 3000px" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  const root = page.documentElement, found = {{}};
  found.width = root.clientWidth;
  found.overflow = root.scrollWidth;
  found.images = [...page.images].map(image => image.complete && image.naturalWidth > 0);
  const verdict = page.querySelector("#verdict .wide");
  found.verdict = verdict.scrollWidth <= verdict.clientWidth;
  const inside = element => element.closest(".wide, pre");
  found.beyond = [...page.body.querySelectorAll("*")]
    .filter(one => !inside(one) && one.getBoundingClientRect().right > root.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 80));
  const table = [...page.querySelectorAll("table.sortable")]
    .find(one => one.textContent.includes("|F| from"));
  const column = [...table.tHead.rows[0].cells].findIndex(one => one.textContent === "slope");
  const values = () => [...table.tBodies[0].rows].map(row => row.cells[column].textContent.trim());
  found.before = values();
  table.tHead.rows[0].cells[column].firstElementChild.click();
  found.up = values();
  table.tHead.rows[0].cells[column].firstElementChild.click();
  found.down = values();
  const told = document.createElement("pre");
  told.id = "found";
  told.textContent = JSON.stringify(found);
  document.body.append(told);
}});
</script>
"""


@pytest.mark.parametrize("width", WIDTHS)
def test_in_a_browser_nothing_overflows_and_every_figure_loads(campaign, tmp_path, width):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not on the PATH (Debian: apt-get install chromium)")
    around, picture = tmp_path / "around.html", tmp_path / f"{width}.png"
    around.write_text(AROUND.format(width=width, page=html.escape(campaign.page())))
    run = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'browser'}",
            f"--window-size={max(width, 600)},3000",
            f"--screenshot={picture}",
            "--virtual-time-budget=10000",
            "--dump-dom",
            around.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', run.stdout)[1]))
    assert width - 20 <= found["width"] <= width
    assert found["overflow"] <= found["width"]
    assert found["beyond"] == []
    assert found["verdict"]
    assert found["images"] == [True] * 3
    numbers = [float(one) for one in found["before"] if one]
    empty = [""] * (len(found["before"]) - len(numbers))
    assert len(numbers) > 1
    assert [float(one) for one in found["up"] if one] == sorted(numbers)
    assert [float(one) for one in found["down"] if one] == sorted(numbers, reverse=True)
    assert empty
    assert found["up"][len(numbers) :] == found["down"][len(numbers) :] == empty
    pixels = plt.imread(picture)
    assert pixels.shape[1] >= width
    assert pixels[..., :3].std() > 0.01
