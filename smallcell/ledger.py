"""The ledger of a campaign: what every round saw, chose, cost and reached, as tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from smallcell.budget import KINDS, price, spent
from smallcell.held_out import HELD_OUT
from smallcell.labels import Fate


def round_row(
    stage: str, number: int, judgement: Mapping, walks: Sequence[Mapping], fates: Sequence[Mapping]
) -> dict:
    """Row of ``rounds.csv`` but for the fit: counts, seconds and core-seconds of a round.

    Parameters
    ----------
    stage : str
    number : int
        Of the round in its stage.
    judgement : Mapping
        The round's ``verdict.json``; empty for the seeds.
    walks, fates : sequence of Mapping
        Reports of walkers and labels.
    """
    counts = {f"walks {name}": number for name, number in judgement.get("walks", {}).items()}
    fate_counts = {fate.value: sum(f["fate"] == fate for f in fates) for fate in Fate}
    return {
        "stage": stage,
        "round": number,
        **counts,
        "frames": judgement.get("frames", 0),
        "selected": len(fates),
        "held out": sum(fate.get("purpose") == HELD_OUT for fate in fates),
        **fate_counts,
        "retried": sum(bool(fate["retries"]) for fate in fates),
        "walk seconds": sum(walk["seconds"] for walk in walks),
        "label core-seconds": sum(fate["core_seconds"] for fate in fates),
        "label core-seconds in all": sum(map(price, fates)),
        "warnings": "; ".join(judgement.get("warnings", [])),
    }


def fit_columns(fit: Mapping) -> dict:
    """Columns of ``rounds.csv`` that come from a ``fit.json``."""
    columns = {
        "training set": fit["training"]["configurations"],
        "loss": fit["loss"],
        "fit seconds": fit["seconds"],
    }
    for share in ("training", "held_out"):
        for name, unit in (("energy", "meV/atom"), ("force", "meV/A"), ("stress", "GPa")):
            columns[f"{share.replace('_', ' ')} {name} {unit}"] = fit[share][name]
    return columns


def rounds_table(rows: Sequence[Mapping]) -> pd.DataFrame:
    """Table of rounds; counts that a round has nothing of are 0, errors of no fit are empty."""
    table = pd.DataFrame(rows)
    counts = [column for column in table if column.startswith("walks ")]
    table[counts] = table[counts].fillna(0).astype(int)
    return table


def fates_table(reports: Sequence[Mapping]) -> pd.DataFrame:
    """Table with one row a selected structure, from the reports of its label jobs."""
    columns = [
        "stage",
        "round",
        "structure",
        "formula",
        "atoms",
        "walker",
        "step",
        "grade",
        "disagreement",
        "purpose",
        "fate",
        "retries",
        "message",
        "core_seconds",
        "key",
    ]
    rows = []
    for report in reports:
        stage, _, number = report["batch"].partition("/")
        retries = ", ".join(report["retries"])
        rows.append(dict(report) | {"stage": stage, "round": int(number or 0), "retries": retries})
    return pd.DataFrame(rows).reindex(columns=columns)


def grades_table(samples: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tell how well known what walks passed through was, round by round.

    Parameters
    ----------
    samples : Mapping of str to DataFrame
        ``samples`` of each round's ``selection.json``, by the round's name: frames that walks kept
        whatever their grade.

    Returns
    -------
    DataFrame
        A row for each round: number of samples, quantiles of their grades and of the ensemble's
        disagreement on forces; empty where there are no samples.
    """
    rows = []
    for name, table in samples.items():
        stage, number = name.split("/")
        row = {"stage": stage, "round": int(number), "samples": len(table)}
        for column, factor, unit in (("grade", 1, ""), ("disagreement eV/A", 1000, " meV/A")):
            values = factor * table[column].astype(float)
            quantity = column.partition(" ")[0]
            row[f"{quantity} median{unit}"] = values.median()
            row[f"{quantity} nine tenths{unit}"] = values.quantile(0.9)
            row[f"{quantity} largest{unit}"] = values.max()
        rows.append(row)
    return pd.DataFrame(rows)


def summary(
    run: str,
    rounds: pd.DataFrame,
    fit: Mapping,
    costs: Mapping,
    proofs: Sequence[str],
    folder: str,
    imports: pd.DataFrame | None = None,
) -> str:
    """Tell of the campaign on one screen."""
    core_hours = ", ".join(f"{kind} {costs[kind] / 3600:.3f}" for kind in KINDS)
    walked = rounds[~rounds["stage"].isin(["seeds", "audit"])]
    lines = [
        f"Campaign {run}",
        f"  rounds      {len(walked)} in {walked['stage'].nunique()} stages",
        f"  labels      {_fates_in_words(rounds)}",
        *([] if imports is None else [f"  imported    {_imported(imports)}"]),
        *(
            f"  {name:<11} {_errors(fit[key])}"
            for name, key in (("training", "training"), ("held out", "held_out"))
        ),
        f"  core-hours  {core_hours}, in all {spent(costs):.3f}",
        *(f"  warning     {line}" for line in verdict_warnings(rounds)),
        *(f"  {line}" for line in proofs),
        f"  files       {folder}/potential.mtp, potential.almtp, train.extxyz, train.cfg,",
        f"              {folder}/rounds.csv, fates.csv, rounds.svg",
    ]
    return "\n".join(lines) + "\n"


def _fates_in_words(rounds: pd.DataFrame) -> str:
    """``41 labelled, 2 from store, 1 not converged; 3 needed a retry``."""
    counts = {fate: rounds[str(fate)].sum() for fate in Fate}
    words = ", ".join(f"{number} {fate}" for fate, number in counts.items() if number)
    retried = rounds["retried"].sum()
    return words + (f"; {retried} needed a retry" if retried else "")


def verdict_warnings(rounds: pd.DataFrame) -> list[str]:
    """List what verdicts warn of, a line each."""
    warned = rounds[rounds["warnings"].fillna("") != ""]
    return [
        f"{stage}/{number:03d}: {warning}"
        for stage, number, warning in warned[["stage", "round", "warnings"]].itertuples(index=False)
    ]


def _imported(imports: pd.DataFrame) -> str:
    warned = imports["warnings"].notna().sum()
    return (
        f"{imports['kept'].sum()} of {imports['configurations'].sum()} structures, "
        f"{imports['duplicates'].sum()} duplicates, {imports['incomplete'].sum()} incomplete"
        + (f", warnings for {warned} of {len(imports)} files in imports.csv" if warned else "")
    )


def _errors(errors: Mapping) -> str:
    if not errors["configurations"]:
        return "nothing held out"
    return (
        f"{errors['energy']:.2f} meV/atom, {errors['force']:.1f} meV/A, "
        f"{errors['stress']:.3f} GPa on {errors['configurations']} structures"
    )


def audit_in_words(
    run: Mapping, table: pd.DataFrame | None = None, again: Mapping | None = None
) -> list[str]:
    """Tell of an audit in some lines.

    Parameters
    ----------
    run : Mapping
        Its report.
    table : DataFrame, optional
        Of its cut-outs.
    again : Mapping, optional
        Report of the same run by the potential that has learnt from them.
    """
    low, high = run["temperature"]
    lines = [f"{run['atoms']} atoms, {low:g} to {high:g} K and back: {_run_in_words(run)}"]
    if table is not None:
        lines.append(_errors_in_words(table))
    if again is not None:
        lines.append(f"with them in the training set: {_run_in_words(again)}")
    return lines


def _run_in_words(run: Mapping) -> str:
    highest = max(quantiles["1"] for quantiles in run["grades"].values())
    melted = "did not melt" if run["melted"] is None else f"melted at {run['melted']:.0f} K"
    end = melted if run["survived"] else f"{run['message']}, {melted}"
    return f"{end}, grade up to {run['highest_grade']:.1f}, of atoms {highest:.1f}"


def _errors_in_words(table: pd.DataFrame) -> str:
    if "force error meV/A" not in table:
        return f"none of {len(table)} cut-outs has a label"
    compared = table.dropna(subset="force error meV/A")
    weights = compared["atoms"] / compared["atoms"].sum()
    force = np.sqrt((weights * compared["force error meV/A"] ** 2).sum())
    energy = np.sqrt((compared["energy error meV/atom"] ** 2).mean())
    return (
        f"forces of {len(compared)} of {len(table)} cut-outs off by {force:.1f} meV/A, "
        f"energies by {energy:.1f} meV/atom"
    )
