"""Errors against DFT are those that were put in, set by set and quantity by quantity."""

import numpy as np
import pytest
from ase.units import GPa
from random_potentials import labelled, random_potential, random_structures, with_label

from smallcell.parity import COLUMNS, pairs, parity_table, with_stages


@pytest.fixture(scope="module")
def truth():
    return random_potential(("K",), level=6, seed=1)


@pytest.fixture(scope="module")
def structures(truth):
    return labelled(random_structures(("K",), 30, seed=2), truth)


def table_of(truth, structures):
    """Rows of one set by quantity."""
    return parity_table({"all": pairs(truth, structures)}).set_index("quantity")


def test_a_potential_agrees_with_itself(truth, structures):
    table = table_of(truth, structures)
    assert (table[["RMSE", "MAE", "largest error"]].to_numpy() < 1e-6).all()
    assert table["slope"].to_numpy() == pytest.approx(1)


def test_offsets_come_out_in_the_units_of_reports(truth, structures):
    off = [
        with_label(
            atoms,
            energy=atoms.get_potential_energy() - 0.003 * len(atoms),
            stress=atoms.get_stress() - 0.2 * GPa * np.array([1, 1, 1, 0, 0, 0]),
        )
        for atoms in structures
    ]
    table = table_of(truth, off)
    energy, stress = table.loc["energy"], table.loc["stress"]
    assert (energy["unit"], stress["unit"]) == ("meV/atom", "GPa")
    for measure in ("RMSE", "RMSE low", "RMSE high", "MAE", "largest error"):
        assert energy[measure] == pytest.approx(3)
    # Three of the nine components are off.
    assert stress["RMSE"] == pytest.approx(0.2 / np.sqrt(3))
    assert stress["MAE"] == pytest.approx(0.2 / 3)
    assert stress["largest error"] == pytest.approx(0.2)
    # An offset is no slope.
    assert energy["slope"] == pytest.approx(1)
    assert table.loc["force", "RMSE"] < 1e-6


def test_the_slope_is_that_of_forces_that_are_too_small(truth, structures):
    larger = [with_label(atoms, forces=atoms.get_forces() / 0.8) for atoms in structures]
    force = table_of(truth, larger).loc["force"]
    errors = np.concatenate([0.2 * atoms.get_forces().ravel() for atoms in larger])
    assert force["slope"] == pytest.approx(0.8)
    assert force["RMSE"] == pytest.approx(1000 * np.sqrt(np.mean(errors**2)))
    assert force["MAE"] == pytest.approx(1000 * np.abs(errors).mean())
    assert force["largest error"] == pytest.approx(1000 * np.abs(errors).max())


def test_forces_that_vanish_by_symmetry_have_no_slope(truth, structures):
    singles = [atoms for atoms in structures if len(atoms) == 1]
    table = table_of(truth, singles)
    assert np.isnan(table.loc["force", "slope"])
    assert table.loc["energy", "slope"] == pytest.approx(1)
    assert np.isnan(table_of(truth, singles[:1]).loc["energy", "slope"])


def test_each_stage_has_rows_of_its_own_and_nothing_has_none(truth, structures):
    for place, atoms in enumerate(structures):
        atoms.info["batch"] = "seeds" if place < 10 else f"pairs/{place:03d}"
    sets = with_stages("training", structures) | with_stages("held out", [])
    table = parity_table({name: pairs(truth, some) for name, some in sets.items()})
    counts = table.drop_duplicates("set").set_index("set")["structures"]
    assert dict(counts) == {"training": 30, "training, seeds": 10, "training, pairs": 20}
    assert len(table) == 9
    nothing = parity_table({"held out": pairs(truth, [])})
    assert nothing.empty
    assert list(nothing) == list(COLUMNS)


def test_what_is_taken_off_energies_is_told_and_too_few_have_none(truth, structures):
    off = [
        with_label(atoms, energy=atoms.get_potential_energy() - 0.003 * len(atoms))
        for atoms in structures
    ]
    found = {
        "training": pairs(truth, off),
        "test": pairs(truth, off, up_to_constants=True),
        "one": pairs(truth, off[:1], up_to_constants=True),
    }
    table = parity_table(found, {"test": {"K": 0.003}}).set_index(["set", "quantity"])
    taken_off = table["taken off meV/atom"]
    assert taken_off["test", "energy"] == "K 3"
    assert set(taken_off.drop(("test", "energy"))) == {""}
    assert table.loc[("training", "energy"), "RMSE"] == pytest.approx(3)
    assert table.loc[("test", "energy"), "largest error"] < 1e-6
    errors = table.loc[("one", "energy"), ["RMSE", "RMSE low", "MAE", "largest error"]]
    assert errors.isna().all()
    assert table.loc[("one", "force"), "RMSE"] < 1e-6
