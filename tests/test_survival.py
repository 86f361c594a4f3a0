"""Walks that a potential has to survive: real ones, kept, told and not repeated."""

import pytest
from conftest import run_module

from smallcell.survival import in_words, known_crystal

SHORT = ("--walks", "2", "--atoms", "54", "--duration", "0.5", "--temperature", "50", "150")


def survive(potential, *options):
    """Run the command."""
    return run_module("smallcell.survival", str(potential), *options)


def test_walks_are_told_one_by_one_and_in_the_end_and_are_not_repeated(left_potential):
    first = survive(left_potential, *SHORT)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("survived\n") == 2
    *_, sentence = first.stdout.splitlines()
    assert sentence == (
        "2 of 2 walks of 54 atoms, 0.5 ps at 50 to 150 K and 0 to 0.5 GPa, held together"
    )
    reports = sorted(left_potential.with_name("potential-survival").iterdir())
    assert [report.name for report in reports] == ["000.json", "001.json"]
    written = [report.stat().st_mtime_ns for report in reports]
    again = survive(left_potential, *SHORT)
    assert first.stdout.endswith(again.stdout)
    assert [report.stat().st_mtime_ns for report in reports] == written
    # Under other conditions they are other walks.
    other = survive(left_potential, *SHORT, "--pressure", "0.1", "0.2")
    assert "0.1 to 0.2 GPa, held together" in other.stdout
    assert all(report.stat().st_mtime_ns > max(written) for report in reports)


def test_a_walk_that_does_not_survive_is_told_and_ends_with_status_1(left_potential):
    hot = survive(left_potential, "--walks", "1", "--atoms", "54", "--temperature", "1e5", "1e5")
    assert hot.returncode == 1
    assert "0 of 1 walks" in hot.stdout
    assert hot.stderr == ""


def test_a_potential_without_its_wall_is_refused_in_one_line(left_potential):
    left_potential.with_suffix(".lammps").unlink()
    run = survive(left_potential, *SHORT)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "survive: " in line
    assert "potential.lammps" in line


def test_the_start_is_the_crystal_that_an_element_has():
    assert known_crystal("K") == {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.23}
    with pytest.raises(ValueError, match="crystal of Ga is not built here: give --lattice"):
        known_crystal("Ga")


def test_the_table_names_what_went_wrong():
    run = {"seed": 0, "temperature": 100.0, "pressure": 0.1, "atoms": 250}
    runs = [
        run | {"survived": True, "message": "", "mean_volume": 79.0, "highest_grade": 1.5},
        run
        | {"survived": False, "message": "ERROR: Lost atoms", "seed": 1}
        | {"mean_volume": None, "highest_grade": None},
    ]
    conditions = {"temperature": (100, 800), "pressure": (0, 0.5), "duration": 100}
    words = in_words(runs, conditions)
    assert "ERROR: Lost atoms" in words
    assert words.endswith(
        "1 of 2 walks of 250 atoms, 100 ps at 100 to 800 K and 0 to 0.5 GPa, held together"
    )
