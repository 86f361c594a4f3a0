"""The command that measures: real runs, kept, told, and not repeated."""

from argparse import ArgumentTypeError

import pandas as pd
import pytest
from conftest import run_module

from smallcell.kept import kept
from smallcell.measure import arguments, asked_for, beside, eutectic_found, subjects
from smallcell.survival import known_crystal

SHORT = ("--atoms", "16", "--duration", "4", "--solid", "50", "--liquid", "400")


def measure(potential, *options):
    """Run the command."""
    return run_module("smallcell.measure", str(potential), *options)


def test_what_is_measured_is_told_and_kept(left_potential):
    # A start that LAMMPS gives up leaves the melting point empty, and at once.
    options = ("density", "melting", *SHORT, "--between", "1e7", "2e7", "--column-atoms", "32")
    first = measure(left_potential, *options)
    assert first.returncode == 0, first.stderr
    folder = left_potential.with_name("potential-dynamic")
    table = pd.read_csv(folder / "density.csv")
    assert table["quantity"].tolist()[:2] == ["solid, 50 K", "liquid, 400 K"]
    assert (table["potential"].isna() == table["why empty"].notna()).all()
    table = pd.read_csv(folder / "melting.csv")
    assert table["quantity"].tolist()[:2] == ["melting point", "heat of fusion"]
    assert table["experiment"].tolist()[:2] == [336.7, 2.355]
    assert first.stdout.count("core-hours of LAMMPS") == 2
    files = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert table["why empty"].str.contains("ERROR").all()
    assert {"thermal-solid-50.json", "thermal-liquid-400.json", "melting-search.json"} <= set(files)
    again = measure(left_potential, *options)
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")} == files
    # Only what was measured anew is told on the way; the tables are the same.
    assert all(line in first.stdout.splitlines() for line in again.stdout.splitlines())


def test_a_potential_without_its_wall_is_refused_in_one_line(left_potential):
    left_potential.with_suffix(".lammps").unlink()
    run = measure(left_potential, "melting")
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "measure: " in line
    assert "potential.lammps" in line


def test_mixing_takes_a_mixture_and_is_refused_in_one_line_without(left_potential):
    run = measure(left_potential, "mixing")
    reason = "mixing is one of a mixture, such as Na0.33K0.67: say so by --of"
    assert (run.returncode, run.stderr) == (1, f"measure: {reason}\n")


def test_each_property_is_measured_of_what_can_have_it():
    elements = [known_crystal(symbol) for symbol in ("Na", "K")]
    sodium, potassium = elements
    assert asked_for([], elements) == elements
    mixed, alone = asked_for(["K0.5Na0.5", "K"], elements)
    assert (mixed["symbol"], alone) == ("Na0.5K0.5", potassium)
    assert subjects("density", [mixed, alone]) == [mixed, alone]
    assert subjects("mixing", [mixed, alone]) == [mixed]
    assert subjects("melting", [mixed, alone]) == [alone]
    with pytest.raises(ValueError, match="Li0.5K0.5: Li is not among Na, K"):
        asked_for(["Li0.5K0.5"], elements)
    with pytest.raises(ValueError, match="melting is one of an element"):
        subjects("melting", [mixed])
    options = arguments().parse_args(["x.almtp", "eutectic", "--liquidus", "K:Na0.2K0.8:300"])
    assert options.liquidus == [("K", "Na0.2K0.8", 300.0)]
    with pytest.raises(ValueError, match="takes a potential of two elements"):
        eutectic_found({}, [sodium], options)
    with pytest.raises(ArgumentTypeError, match=r"K:NaK:300: .*\(NaK: is no mixture"):
        beside("K:NaK:300")


def test_an_answer_is_kept_for_its_own_question(tmp_path):
    file, answers = tmp_path / "answer.json", iter([{"a": 1}, {"a": 2}])
    assert kept(file, {"T": [1, 2]}, lambda: next(answers)) == {"a": 1}
    assert kept(file, {"T": [1, 2]}, lambda: next(answers)) == {"a": 1}
    assert kept(file, {"T": [1, 3]}, lambda: next(answers)) == {"a": 2}
