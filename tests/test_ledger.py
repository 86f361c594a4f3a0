"""Tables of a campaign."""

import pandas as pd

from smallcell.ledger import (
    audit_in_words,
    fates_table,
    fit_columns,
    round_row,
    rounds_table,
    summary,
)

LABELS = [
    {"fate": "labelled", "core_seconds": 10.0, "label_core_seconds": 10.0, "retries": ["tighter"]},
    {"fate": "from store", "core_seconds": 0.0, "label_core_seconds": 7.0, "retries": []},
    {
        "fate": "timed out",
        "core_seconds": 30.0,
        "label_core_seconds": 0.0,
        "retries": ["gentle mixing", "resumed"],
    },
]
COSTS = {"references": 360.0, "labels": 3600.0, "walks": 36.0, "fits": 3.6}
ERRORS = {"energy": 1.0, "force": 2.0, "stress": 3.0, "configurations": 5}


def test_a_row_counts_fates_and_adds_up_costs():
    judgement = {"walks": {"stopped": 2}, "frames": 9}
    row = round_row("two-atoms", 3, judgement, [{"seconds": 1.5}] * 2, LABELS)
    assert (row["labelled"], row["from store"], row["timed out"], row["crashed"]) == (1, 1, 1, 0)
    assert (row["walk seconds"], row["label core-seconds"]) == (3.0, 40.0)
    assert row["label core-seconds in all"] == 47.0
    assert (row["selected"], row["frames"], row["walks stopped"]) == (3, 9, 2)
    assert row["retried"] == 2


def test_a_round_without_a_fit_has_empty_errors():
    fit = {"training": ERRORS, "held_out": ERRORS, "loss": 0.1, "seconds": 2.0}
    rows = [
        round_row("seeds", 0, {}, [], LABELS) | fit_columns(fit),
        round_row("two-atoms", 0, {"walks": {"finished": 8}}, [], []),
    ]
    table = rounds_table(rows)
    assert table["walks finished"].tolist() == [0, 8]
    assert table["held out force meV/A"].isna().tolist() == [False, True]


def test_every_selected_structure_has_a_row_with_its_fate_and_where_it_was_met():
    batches = ["seeds", "two-atoms/000", "two-atoms/011"]
    met = {"walker": 4, "step": 1200, "grade": 2.5}
    reports = [
        fate | {"batch": batch, "structure": n} | (met if n else {})
        for n, (fate, batch) in enumerate(zip(LABELS, batches, strict=True))
    ]
    table = fates_table(reports)
    assert table["fate"].tolist() == ["labelled", "from store", "timed out"]
    assert table["stage"].tolist() == ["seeds", "two-atoms", "two-atoms"]
    assert table["round"].tolist() == [0, 0, 11]
    assert table["retries"].tolist() == ["tighter", "", "gentle mixing, resumed"]
    assert table["walker"].isna().tolist() == [True, False, False]
    assert table["core_seconds"].sum() == 40.0


def test_the_summary_adds_up_fates_and_retries():
    fit = {"training": ERRORS, "held_out": ERRORS, "loss": 0.1, "seconds": 2.0}
    rows = [round_row(stage, 0, {}, [], LABELS) | fit_columns(fit) for stage in ("seeds", "one")]
    text = summary("name", rounds_table(rows), fit, COSTS, [], "results/name")
    assert "labels      2 labelled, 2 from store, 2 timed out; 4 needed a retry\n" in text


def test_the_summary_tells_of_costs_and_warnings():
    fit = {"training": ERRORS, "held_out": ERRORS, "loss": 0.1, "seconds": 2.0}
    warned = {"walks": {}, "frames": 0, "warnings": ["its limit of rounds is reached", "too high"]}
    judged = LABELS[0] | {"purpose": "held out"}
    rows = [
        round_row("seeds", 0, {}, [], LABELS) | fit_columns(fit),
        round_row("one", 11, warned, [], [*LABELS, judged]) | fit_columns(fit),
    ]
    table = rounds_table(rows)
    assert table["held out"].tolist() == [0, 1]
    text = summary("name", table, fit, COSTS, [], "results/name")
    assert "references 0.100, labels 1.000, walks 0.010, fits 0.001, in all 1.111\n" in text
    assert text.count("warning") == 1
    assert "  warning     one/011: its limit of rounds is reached; too high\n" in text


def test_the_summary_tells_of_imports_where_there_are_some():
    fit = {"training": ERRORS, "held_out": ERRORS, "loss": 0.1, "seconds": 2.0}
    rounds = rounds_table([round_row("seeds", 0, {}, [], LABELS) | fit_columns(fit)])
    imports = pd.DataFrame(
        {
            "configurations": [9, 4],
            "kept": [6, 4],
            "duplicates": [2, 0],
            "incomplete": [1, 0],
            "warnings": [None, "stresses up to 160 times those of the seeds"],
        }
    )
    told = summary("run", rounds, fit, COSTS, [], "results/run", imports)
    without = summary("run", rounds, fit, COSTS, [], "results/run")
    (line,) = set(told.splitlines()) - set(without.splitlines())
    assert line == (
        "  imported    10 of 13 structures, 2 duplicates, 1 incomplete, "
        "warnings for 1 of 2 files in imports.csv"
    )


RUN = {
    "survived": True,
    "message": "",
    "atoms": 1024,
    "temperature": [100, 800],
    "melted": 425.5,
    "highest_grade": 1.04,
    "grades": {"crystal": {"0.5": 0.8, "1": 2.2}, "disordered": {"0.5": 1.0, "1": 8.2}},
}


def test_an_audit_is_told_in_three_lines():
    table = pd.DataFrame(
        {
            "atoms": [16, 16, 8],
            "force error meV/A": [3.0, 9.0, None],
            "energy error meV/atom": [1.0, -1.0, None],
        }
    )
    lines = audit_in_words(RUN, table, RUN | {"grades": {"disordered": {"1": 3.0}}})
    assert lines == [
        "1024 atoms, 100 to 800 K and back: melted at 426 K, grade up to 1.0, of atoms 8.2",
        "forces of 2 of 3 cut-outs off by 6.7 meV/A, energies by 1.0 meV/atom",
        "with them in the training set: melted at 426 K, grade up to 1.0, of atoms 3.0",
    ]


def test_an_audit_without_labels_or_end_is_told_as_well():
    lost = RUN | {"survived": False, "message": "ERROR: Lost atoms", "melted": None}
    (line,) = audit_in_words(lost)
    assert "ERROR: Lost atoms, did not melt" in line
    failed = pd.DataFrame({"atoms": [16], "fate": ["crashed"]})
    assert audit_in_words(RUN, failed)[1] == "none of 1 cut-outs has a label"
