"""The audit: a real run of a cell larger than its cut-outs, graded, cut and compared with pw.x."""

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import GPa

from smallcell.audit import (
    audit_ramps,
    audit_table,
    crystal_order,
    displacements,
    extrapolation,
    most_extrapolating,
    read_audit_frames,
    run_report,
    run_table,
    small_cell_of,
)
from smallcell.engine import MTPCalculator
from smallcell.sampling import provide
from smallcell.store import read_label
from smallcell.validation import (
    TIMESTEP,
    LargeCellRun,
    large_crystal,
    run_large_cell,
    write_large_cell_run,
)

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.4}


@pytest.mark.parametrize("lattice", ["sc", "bcc", "fcc", "hcp", "diamond"])
def test_the_order_of_a_crystal_is_one_and_that_of_a_liquid_nothing(lattice):
    crystal, repeats = large_crystal(
        [POTASSIUM | {"lattice": lattice}], 200, np.random.default_rng()
    )
    grown = crystal.copy()
    grown.set_cell(grown.cell * 1.1, scale_atoms=True)
    grown.positions += [1.0, 2.0, 3.0]
    warm = crystal.copy()
    warm.rattle(0.3, seed=1)
    rng = np.random.default_rng(1)
    liquid = Atoms(crystal.numbers, cell=crystal.cell, pbc=True)
    liquid.set_scaled_positions(rng.uniform(size=(len(liquid), 3)))
    found = crystal_order([crystal, grown, warm, liquid], lattice, repeats)
    assert found[:2] == pytest.approx([1, 1])
    assert 0.3 < found[2] < 0.99
    assert found[3] < 0.03


def test_atoms_that_left_the_box_have_gone_as_far_as_they_went():
    begin = bulk("K", cubic=True)
    end = begin.copy()
    end.positions += [20, 0, 0]
    end.set_cell(1.1 * end.cell, scale_atoms=True)
    assert displacements([begin, end]) == pytest.approx([0, 22])


def test_the_most_extrapolating_are_not_all_of_one_kind():
    known = np.eye(3)
    rows = np.array([[9, 0, 0], [8, 0, 0], [0, 3, 0], [0, 0, 0.5], [0, 0, 0.4]])
    assert most_extrapolating(rows, known, 3) == [0, 2, 1]
    assert sorted(most_extrapolating(rows, known, 9)) == [0, 1, 2, 3, 4]
    assert most_extrapolating(rows, known, 0) == []


def table_of(order, temperature=(100, 200, 300, 400)):
    """The columns that a report is made from."""
    return pd.DataFrame(
        {
            "temperature K": temperature,
            "state": ["crystal" if one > 0.1 else "disordered" for one in order],
            "displacement A": 1.0,
            "grade": [1.0, 2.0, 3.0, 2.0],
        }
    )


@pytest.mark.parametrize(
    ("order", "melted"),
    [
        ([1, 1, 1, 1], None),
        ([1, 1, 0, 0], 300),
        ([1, 0, 1, 0], 400),
        ([1, 0, 0, 1], None),
    ],
)
def test_a_crystal_has_melted_where_it_was_gone_for_good(order, melted):
    run = LargeCellRun(True, "", 4, None, None, None)
    of_atoms = np.arange(16.0).reshape(4, 4)
    report = run_report(run, table_of(order), of_atoms)
    assert report["melted"] == melted
    assert report["highest_grade"] == 3
    found = {state: quantiles["1"] for state, quantiles in report["grades"].items()}
    assert max(found.values()) == 15
    assert ("disordered" in found) == (0 in order)


@pytest.fixture(scope="module")
def audited(sound_potential, tmp_path_factory):
    """Records and frames of a crystal of 128 atoms, heated and cooled within 2 ps."""
    folder = tmp_path_factory.mktemp("audit")
    start, repeats = large_crystal([POTASSIUM], 128, np.random.default_rng(1))
    ramps = audit_ramps([100, 500], 1)
    provide(folder, sound_potential.file)
    write_large_cell_run(folder, start, ["K"], ramps, sound_potential.wall, 1, frames=True)
    outcome, records = run_large_cell(folder, start, ramps)
    frames = read_audit_frames(folder / "frames.dump", ["K"], records)
    found = extrapolation(sound_potential.potential, frames)
    order = crystal_order(frames, "bcc", repeats)
    return outcome, frames, found, run_table(records, frames, found.grades, order, TIMESTEP)


def test_every_record_of_a_run_has_its_frame_and_the_grade_that_lammps_found(
    audited, sound_potential
):
    outcome, frames, found, table = audited
    assert outcome.survived, outcome.message
    assert table["time ps"].iloc[-1] == pytest.approx(2)
    assert not table.isna().any(axis=None)
    calculator = MTPCalculator(sound_potential.potential)
    for number in (0, 100, len(frames) - 1):
        grade = calculator.get_property("grade", frames[number])
        assert table["grade"][number] == pytest.approx(grade, rel=1e-5)
        volume = frames[number].get_volume() / 128
        assert table["volume A^3/atom"][number] == pytest.approx(volume, rel=1e-5)
    # In a perfect crystal every atom is as the configuration is; in a hot one some are far off.
    assert found.grades[0] == pytest.approx(np.full(128, table["grade"][0]), rel=1e-4)
    assert table["highest grade of atoms"].max() > 2 * table["grade"].max()
    assert table["highest grade of atoms"].to_numpy() == pytest.approx(found.grades.max(axis=1))
    assert table["order"][0] == pytest.approx(1)
    assert table["displacement A"].iloc[-1] > 0.3


def test_candidates_have_the_highest_grades_of_their_frames(audited):
    _, _, found, _ = audited
    for number, atom in found.candidates[::10]:
        assert found.grades[number, atom] == found.grades[number].max()


def test_a_region_that_does_not_show_in_the_large_cell_shows_in_its_cut_out(
    audited, sound_potential
):
    _, frames, found, table = audited
    (chosen,) = most_extrapolating(found.rows, sound_potential.potential.active_set, 1)
    number, atom = found.candidates[chosen]
    assert found.grades[number, atom] == found.grades.max()
    frame = frames[number]
    frame.info |= {"centre": int(atom), "grade": 1.0, "temperature": 2.0}
    small = small_cell_of(
        frame,
        sound_potential.potential,
        sound_potential.file,
        sound_potential.wall,
        28,
        np.random.default_rng(1),
    )
    assert len(small) <= 28
    assert small.info["step"] == table["step"][number]
    assert small.info["kept_grade"] == pytest.approx(found.grades.max(), rel=0.3)
    grade = MTPCalculator(sound_potential.potential).get_property("grade", small)
    assert grade > 1.5 * table["grade"][number]


def test_what_was_cut_out_is_compared_with_its_label(labelled_store, sound_potential):
    references = [{"element": "K", "energy": -1000.0, "missing_virial": 0.0}]
    cut_out = labelled_store.crystal.copy()
    cut_out.info = {"step": 5, "temperature": 300.0, "grade": 4.0, "kept_grade": 3.0, "core": 2.0}
    report = labelled_store.reports["crystal"] | {"structure": 0, "batch": "audit"}
    lost = report | {"structure": 1, "fate": "crashed", "label_core_seconds": 0.0}
    table = audit_table(
        sound_potential.potential, [cut_out] * 2, [report, lost], labelled_store.folder, references
    )
    label = read_label(labelled_store.folder, report["key"]).atoms
    calculator = MTPCalculator(sound_potential.potential)
    force = 1000 * (calculator.get_property("forces", label) - label.get_forces())
    energy = calculator.get_property("energy", label) - label.get_potential_energy() - 2000
    stress = calculator.get_property("stress", label) - label.get_stress()
    nine = np.concatenate([stress, stress[3:]]) / GPa
    row = table.iloc[0]
    assert row["force error meV/A"] == pytest.approx(np.sqrt(np.mean(force**2)))
    assert row["largest force error meV/A"] == pytest.approx(np.abs(force).max())
    assert row["energy error meV/atom"] == pytest.approx(1000 * energy / 2)
    assert row["stress error GPa"] == pytest.approx(np.sqrt(np.mean(nine**2)))
    assert (row["atoms"], row["step"], row["grade"]) == (2, 5, 4.0)
    assert table["fate"].tolist() == ["labelled", "crashed"]
    assert np.isnan(table["force error meV/A"][1])
