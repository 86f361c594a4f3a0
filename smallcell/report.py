"""The page of a campaign: one file that says whether the potential is good, with all that shows it.

What a part of the page needs is a file of the results; what is not there is said to be missing.
The layout is that of ``report/template.html``, captions are those of ``report/*.rst``, which
Snakemake's own report has too. Figures are inlined as images of their own, so that the names within
one do not clash with those within another.
"""

import base64
import json
import platform
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import yaml

from smallcell.budget import KINDS, spent
from smallcell.held_out import QUANTITIES
from smallcell.ledger import audit_in_words, verdict_warnings
from smallcell.usage import snippets

REPOSITORY = Path(__file__).parent.parent

JUDGED = {
    "a0": ("equation_of_state", "a0", "lattice constant"),
    "B": ("equation_of_state", "B", "B"),
    "C'": ("elastic", "C'", "C'"),
    "C44": ("elastic", "C44", "C44"),
    "phonons": ("phonons", None, "phonons"),
}
"""What each key of ``validation.tolerances`` is about: property, quantity or all, in words."""

CITATIONS = (
    ("the method", "arXiv 2504.07293", "https://arxiv.org/abs/2504.07293"),
    (
        "moment tensor potentials",
        "A. V. Shapeev, Multiscale Model. Simul. 14, 1153 (2016)",
        "https://doi.org/10.1137/15M1054183",
    ),
    (
        "extrapolation grades and selection",
        "E. V. Podryabinkin and A. V. Shapeev, Comput. Mater. Sci. 140, 171 (2017)",
        "https://doi.org/10.1016/j.commatsci.2017.08.031",
    ),
    (
        "Quantum ESPRESSO",
        "P. Giannozzi et al., J. Phys.: Condens. Matter 29, 465901 (2017)",
        "https://doi.org/10.1088/1361-648X/aa8f79",
    ),
    (
        "LAMMPS",
        "A. P. Thompson et al., Comput. Phys. Commun. 271, 108171 (2022)",
        "https://doi.org/10.1016/j.cpc.2021.108171",
    ),
    (
        "ASE",
        "A. H. Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017)",
        "https://doi.org/10.1088/1361-648X/aa680e",
    ),
    (
        "Snakemake",
        "F. Mölder et al., F1000Research 10, 33 (2021)",
        "https://doi.org/10.12688/f1000research.29032.2",
    ),
)
"""What a paper that uses the potential should name: for what, the reference, its address."""


class Outcome(StrEnum):
    """What a check has found."""

    GOOD = "good"
    BAD = "not good"
    OPEN = "not judged"


@dataclass(frozen=True)
class Check:
    """One line of the verdict on a potential.

    Attributes
    ----------
    subject, found, wanted : str
        What was looked at, what there is, what there should be; in words.
    outcome : Outcome
    """

    subject: str
    found: str
    wanted: str
    outcome: Outcome


@dataclass(frozen=True)
class Part:
    """A figure, a table or a text of the page.

    Attributes
    ----------
    file : str
        In the folder of results: ``.svg``, ``.csv`` or ``.txt``.
    caption : str
        A file of ``report/``.
    asked_by : str
        Key of the configuration without which no campaign makes it, see `asks_for`.
    without : tuple of str
        Columns of a table that are left out.
    """

    file: str
    caption: str
    asked_by: str = ""
    without: tuple[str, ...] = ()


KEY = ("key",)
"""Of a label: 64 digits, which tell nothing on paper and are in the file."""

ALLOY = "elements.1"
"""There is a second element."""

CHAPTERS = {
    "Summary": (Part("summary.txt", "summary.rst"),),
    "The potential beside DFT": (
        Part("diagnosis/parity.svg", "parity.rst"),
        Part("diagnosis/parity.csv", "parity_table.rst"),
        Part("validation/equation_of_state.svg", "equation_of_state.rst"),
        Part("validation/static.csv", "property.rst"),
        Part("validation/dispersion.svg", "dispersion.rst", "validation.properties.phonons"),
        Part("validation/hull.svg", "hull.rst", "validation.properties.compounds"),
        Part("diagnosis/force_bias.svg", "force_bias.rst"),
        Part("diagnosis/force_bias.csv", "force_bias_table.rst"),
    ),
    "Solid and liquid": (
        Part("validation/dynamic.csv", "dynamic.rst", "validation.dynamic"),
        Part("validation/density.svg", "density.rst", "validation.dynamic.density"),
        Part("validation/structure.svg", "structure.rst", "validation.dynamic.structure"),
        Part("validation/diffusion.svg", "diffusion.rst", "validation.dynamic.diffusion"),
        Part("validation/mixing.svg", "mixing.rst", "validation.dynamic.mixing"),
        Part("validation/melting.svg", "melting.rst", "validation.dynamic.melting"),
    ),
    "The potential beside others": (
        Part("validation/compare.csv", "compare.rst", "validation.compare"),
    ),
    "Large cells": (
        Part("audit/grades.svg", "audit.rst", "audit"),
        Part("audit.csv", "audit_table.rst", "audit.cut_outs", without=KEY),
        Part("audit/again/grades.svg", "audit.rst", "audit.add"),
    ),
    "How it was learnt": (
        Part("rounds.svg", "rounds.rst"),
        Part("rounds.csv", "rounds_table.rst"),
        Part("diagnosis/learning_curve.svg", "learning_curve.rst"),
        Part("diagnosis/learning_curve.csv", "learning_curve_table.rst"),
        Part("diagnosis/walk_grades.svg", "walk_grades.rst"),
        Part("diagnosis/walk_grades.csv", "walk_grades_table.rst"),
        Part("diagnosis/calibration.svg", "calibration.rst", "fit.members"),
        Part("diagnosis/portraits.svg", "portraits.rst"),
    ),
    "Compositions and elements": (
        Part("diagnosis/coverage.svg", "coverage.rst", ALLOY),
        Part("diagnosis/compositions.csv", "compositions.rst", ALLOY),
        Part("diagnosis/coverage.csv", "coverage_table.rst", ALLOY),
        Part("diagnosis/elements.csv", "elements.rst", ALLOY),
        Part("diagnosis/pairs.csv", "pairs.rst", ALLOY),
    ),
    "Labels": (
        Part("gate.csv", "gate.rst", "gate"),
        Part("imports.csv", "imports_table.rst", "imports"),
        Part("fates.csv", "fates.rst", without=KEY),
    ),
}
"""What the page shows, in its order."""

SPOKEN_OF = {
    "costs.json": "",
    "program.json": "",
    "validation/large_cell.json": "",
    "diagnosis/test.json": "validation.test",
    "audit/run.json": "audit",
    "audit/again/run.json": "audit.add",
}
"""Files that the page speaks of and does not show, and the keys that they are asked by."""


def page_files(configuration: Mapping) -> list[str]:
    """Files of the results that the page of a campaign is made from."""
    parts = {part.file: part.asked_by for chapter in CHAPTERS.values() for part in chapter}
    return [file for file, key in (parts | SPOKEN_OF).items() if asks_for(configuration, key)]


def chapters_of(configuration: Mapping) -> dict[str, list[Part]]:
    """Chapters and parts of a campaign's page: of one element there is nothing to say of alloys.

    What a campaign could have asked for and did not is there, to be called missing.
    """
    alloy = asks_for(configuration, ALLOY)
    chapters = {
        title: [part for part in parts if alloy or part.asked_by != ALLOY]
        for title, parts in CHAPTERS.items()
    }
    return {title: parts for title, parts in chapters.items() if parts}


def asks_for(configuration: Mapping, key: str) -> bool:
    """Tell whether a configuration has something at a dotted key.

    That is a value that is neither empty, zero nor false, or, where the steps before lead to a
    list, a word in it or a place that it has. Without a key it has.
    """
    found: Any = configuration
    for step in filter(None, key.split(".")):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif found:
            found = step in found or (step.isdigit() and int(step) < len(found))
    return bool(found)


@dataclass(frozen=True)
class Table:
    """A table in words: columns, and rows of as many cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Shown:
    """A part as the page has it: a figure's address, a table, a text, or none if it is missing."""

    file: str
    caption: str
    figure: str | None = None
    table: Table | None = None
    text: str | None = None


def shown(part: Part, folder: Path, available: Collection[str]) -> Shown:
    """Read a part of the page.

    Parameters
    ----------
    part : Part
    folder : Path
        Of the results.
    available : collection of str
        Files of the campaign: what else lies in the folder may be from another one.
    """
    caption = " ".join((REPOSITORY / "report" / part.caption).read_text().split())
    path = folder / part.file
    if part.file not in available or not path.exists():
        return Shown(part.file, caption)
    if path.suffix == ".svg":
        return Shown(part.file, caption, figure=address(path.read_bytes(), "image/svg+xml"))
    if path.suffix == ".csv":
        return Shown(part.file, caption, table=in_words(read_table(path), part.without))
    return Shown(part.file, caption, text=path.read_text())


def address(content: bytes, kind: str) -> str:
    """Return a ``data:`` address that holds the content itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def read_table(path: Path) -> pd.DataFrame:
    """Read a table, which may have no columns at all."""
    try:
        return pd.read_csv(path)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()


def in_words(frame: pd.DataFrame, without: Sequence[str] = ()) -> Table:
    """Put a table into words: four digits, nothing where nothing is known.

    Columns that are empty, and counts that are 0 throughout, are left out.
    """
    kept = [column for column in frame if column not in without and _tells(frame[column])]
    columns = [[_cell(value) for value in frame[column]] for column in kept]
    return Table(kept, list(zip(*columns, strict=True)))


def _tells(column: pd.Series) -> bool:
    nothing = column.isna().all()
    return not (nothing or (pd.api.types.is_integer_dtype(column) and (column == 0).all()))


def _cell(value: object) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def error_checks(parity: pd.DataFrame | None, tolerances: Mapping) -> list[Check]:
    """Judge errors on structures that were not trained on by the configuration's ``verdict``.

    An error is good if the upper end of its interval is within the tolerance, as in a stage's
    verdict.
    """
    checks = []
    for name in ("held out", "test"):
        rows = None if parity is None else parity[parity["set"] == name].set_index("quantity")
        if rows is None or rows.empty:
            if name == "held out":
                checks.append(Check("errors on held-out structures", "missing", "", Outcome.OPEN))
            continue
        for quantity, unit in QUANTITIES.items():
            row, limit = rows.loc[quantity], tolerances.get(quantity)
            number, known = int(row["structures"]), pd.notna(row["RMSE"])
            wanted = f"no tolerance in verdict.{quantity}"
            outcome = Outcome.OPEN
            if limit:
                wanted = f"at most {limit:g} {unit}, at the upper end"
                if number < tolerances["least"] or not known:
                    wanted += f", of {tolerances['least']} structures at least"
                else:
                    outcome = Outcome.GOOD if row["RMSE high"] <= limit else Outcome.BAD
            interval = f"({row['RMSE low']:.3g} to {row['RMSE high']:.3g})"
            found = f"{row['RMSE']:.3g} {unit} {interval}" if known else "missing"
            found += f" on {number} structures"
            checks.append(Check(f"{quantity} error, {name}", found, wanted, outcome))
    return checks


def property_checks(table: pd.DataFrame | None, tolerances: Mapping) -> list[Check]:
    """Judge static properties by those of pw.x at the campaign's settings.

    Parameters
    ----------
    table : DataFrame or None
        Of `smallcell.properties.comparison`, of all properties.
    tolerances : Mapping
        The configuration's ``validation.tolerances``: per cent by the keys of `JUDGED`, or None.

    Returns
    -------
    list of Check
        For each element and each of `JUDGED` that the table has. What pw.x has and the potential
        has not is not good; what pw.x was not asked for is not judged.
    """
    if table is None:
        return [Check("static properties beside pw.x's", "missing", "", Outcome.OPEN)]
    checks = []
    for key, (name, quantity, words) in JUDGED.items():
        chosen = table["property"] == name
        if quantity is not None:
            chosen &= table["quantity"] == quantity
        limit = tolerances[key]
        wanted = f"at most {limit:g} % off" if limit else f"no validation.tolerances.{key}"
        for symbol, rows in table[chosen].groupby("element", sort=False):
            worst = _farthest_off(rows)
            outcome = Outcome.OPEN
            if limit and worst is not None:
                # What is no number is not within any limit.
                good = abs(worst["off pw.x %"]) <= limit
                outcome = Outcome.GOOD if good else Outcome.BAD
            found = _beside_dft(rows.iloc[0] if worst is None else worst, one_of=len(rows))
            checks.append(Check(f"{words} of {symbol}", found, wanted, outcome))
    return checks


def _farthest_off(rows: pd.DataFrame) -> pd.Series | None:
    """Of quantities that pw.x has, one that the potential lacks or that is farthest off."""
    known = rows[rows["pw.x"].notna() & (rows["pw.x"] != 0)]
    if known.empty:
        return None
    off = known["off pw.x %"].abs().where(known["potential"].notna(), np.inf)
    return known.loc[off.idxmax()]


def _beside_dft(row: pd.Series, one_of: int) -> str:
    """``H, branch 1, 2.1 THz, pw.x 2.2 THz (-4.55%)``, the name only if it is one of several."""
    name = f"{row['quantity']}, " if one_of > 1 else ""
    value, dft = (
        f"{row[who]:.4g} {row['unit']}" if pd.notna(row[who]) else nothing
        for who, nothing in (("potential", "none"), ("pw.x", "missing"))
    )
    off = "" if pd.isna(row["off pw.x %"]) else f" ({row['off pw.x %']:+.2f}%)"
    return f"{name}{value}, pw.x {dft}{off}"


def large_cell_checks(run: Mapping | None, audits: Sequence[Mapping]) -> list[Check]:
    """Judge whether large cells held together: that of the validation, and those of audits."""
    if run is None:
        return [Check("molecular dynamics of a large cell", "missing", "", Outcome.OPEN)]
    found = [
        Check(
            f"{run['atoms']} atoms, {run['duration']:g} ps at {run['temperature']:g} K",
            f"held together, grade up to {run['highest_grade']:.1f}"
            if run["survived"]
            else run["message"],
            "to hold together",
            Outcome.GOOD if run["survived"] else Outcome.BAD,
        )
    ]
    for audit in audits:
        subject, _, words = audit_in_words(audit)[0].partition(": ")
        outcome = Outcome.GOOD if audit["survived"] else Outcome.BAD
        found.append(Check(subject, words, "to hold together", outcome))
    return found


def headline(checks: Sequence[Check]) -> str:
    """Sum up the verdict in a sentence."""
    counts = {outcome: sum(check.outcome == outcome for check in checks) for outcome in Outcome}
    if counts[Outcome.BAD]:
        verdict = f"{counts[Outcome.BAD]} of {len(checks)} checks found what is not good"
    elif counts[Outcome.GOOD]:
        verdict = "Nothing that was judged is beyond its tolerance"
    else:
        verdict = "Nothing could be judged"
    return (
        f"{verdict}: {counts[Outcome.GOOD]} good, {counts[Outcome.BAD]} not good, "
        f"{counts[Outcome.OPEN]} not judged."
    )


def warnings(
    rounds: pd.DataFrame | None, imports: pd.DataFrame | None, test: Sequence[Mapping]
) -> list[str]:
    """List what verdicts, imports and the test set warn of, a line each."""
    found = [] if rounds is None else verdict_warnings(rounds)
    if imports is not None:
        warned = imports.dropna(subset="warnings")
        found += [f"{file}: {what}" for file, what in warned[["file", "warnings"]].to_numpy()]
    return found + [f"{one['file']}: {what}" for one in test for what in one["warnings"]]


def costs_table(costs: Mapping) -> Table:
    """Core-hours by step, and in all."""
    total = spent(costs)
    rows = [
        [kind, f"{costs[kind] / 3600:.3f}", f"{costs[kind] / 3600 / total:.1%}" if total else ""]
        for kind in KINDS
    ]
    return Table(["step", "core-hours", "share"], [*rows, ["in all", f"{total:.3f}", ""]])


def versions(program: Mapping | None) -> dict[str, str]:
    """Versions of what the results come from, as far as they are known here."""
    pw = "not known" if program is None else program["version"] or "whatever the label store has"
    here = {"LAMMPS": "lammps", "Snakemake": "snakemake", "ASE": "ase", "NumPy": "numpy"}
    return {
        "pw.x": pw,
        **{name: _version(package) for name, package in here.items()},
        "Python": platform.python_version(),
        "this workflow": commit(REPOSITORY) or "not under version control",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not in the environment that made this page"


def commit(folder: Path) -> str | None:
    """Return git's commit of a folder and whether files have changed since; None without git."""

    def ask(*words: str) -> str:
        run = subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    try:
        found = ask("rev-parse", "HEAD")
        return found + (", with changes" if ask("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def page(folder: Path, configuration: Mapping) -> str:
    """Make the page of a campaign.

    Parameters
    ----------
    folder : Path
        Of the results.
    configuration : Mapping
        Of the campaign, defaults filled in. The page says nothing of what else lies in the
        folder, left by another one.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    available = page_files(configuration)

    def read(file: str, reader: Callable[[Path], Any]) -> Any:
        path = folder / file
        return reader(path) if file in available and path.exists() else None

    report = partial(read, reader=lambda path: json.loads(path.read_text()))
    table = partial(read, reader=read_table)

    costs = report("costs.json")
    audits = [report("audit/run.json"), report("audit/again/run.json")]
    checks = [
        *error_checks(table("diagnosis/parity.csv"), configuration["verdict"]),
        *property_checks(table("validation/static.csv"), configuration["validation"]["tolerances"]),
        *large_cell_checks(
            report("validation/large_cell.json"), [audit for audit in audits if audit]
        ),
    ]
    text = yaml.safe_dump(dict(configuration), sort_keys=False, allow_unicode=True, width=100)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(REPOSITORY / "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html").render(
        run=configuration["run"],
        headline=headline(checks),
        checks=checks,
        warnings=warnings(
            table("rounds.csv"), table("imports.csv"), report("diagnosis/test.json") or []
        ),
        chapters={
            title: [shown(part, folder, available) for part in parts]
            for title, parts in chapters_of(configuration).items()
        },
        usage=snippets(f"results/{configuration['run']}"),
        costs=costs and costs_table(costs),
        versions=versions(report("program.json")),
        configuration=text,
        configuration_address=address(text.encode(), "application/yaml"),
        seed=configuration["seed"],
        citations=CITATIONS,
    )
