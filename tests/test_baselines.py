"""Potentials side by side: what one has not is empty, and no constant counts as an error."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from random_potentials import labelled, random_potential, random_structures

from smallcell.baselines import (
    campaign_core_hours,
    costs_side_by_side,
    errors_side_by_side,
    properties_side_by_side,
)
from smallcell.properties import comparison

PUBLISHED = {
    "K": [
        {
            "property": "elastic",
            "quantity": "B",
            "kind": "experiment",
            "value": 3.3,
            "source": "300 K",
        }
    ]
}


def table(**values: float) -> pd.DataFrame:
    by_potential = {(name, "GPa"): value for name, value in values.items()}
    return comparison("elastic", "K", by_potential, {("B", "GPa"): 3.5}, PUBLISHED)


def test_properties_of_potentials_stand_in_rows_of_one_quantity_each():
    found = properties_side_by_side(
        {"own": table(B=3.4, C44=1.8), "a/x.mtp": table(C44=1.5, B=3.0), "b/x.mtp": table(B=2.0)}
    )
    assert found["quantity"].tolist() == ["B", "C44"]
    assert found["own"].tolist() == [3.4, 1.8]
    assert found["a/x.mtp"].tolist() == [3.0, 1.5]
    assert found["b/x.mtp"].isna().tolist() == [False, True]
    assert found["pw.x"].tolist()[:1] == [3.5]
    assert found["pw.x"].isna().tolist() == [False, True]
    assert found["experiment"].tolist()[:1] == [3.3]


def test_of_a_potential_that_counts_energies_from_other_atoms_only_the_offset_is_forgiven():
    species = ("Na", "K")
    truth = random_potential(species, level=6, seed=1)
    sets = {
        "held out": labelled(random_structures(species, 9, seed=2), truth),
        "test": [],
    }
    shifted = replace(truth, shifts=truth.shifts + [0.5, -2.0])
    other = replace(truth, linear=1.1 * truth.linear)
    found = errors_side_by_side({"own": truth, "shifted": shifted, "other": other}, sets)
    assert set(found["property"]) == {"held out"}
    found = found.set_index("quantity")
    assert found.loc["energy error, up to a constant", ["own", "shifted"]].max() < 1e-6
    assert found.loc["force error", ["own", "shifted"]].max() < 1e-6
    assert found["other"].min() > 0.01
    assert found["unit"].tolist() == ["meV/atom", "meV/A", "GPa"]


def test_an_energy_error_that_a_constant_would_take_is_missing_and_not_zero():
    truth = random_potential(("K",), level=6, seed=1)
    one = labelled(random_structures(("K",), 3, seed=2), truth)[2:]
    found = errors_side_by_side({"own": truth}, {"test": one}).set_index("quantity")["own"]
    assert np.isnan(found["energy error, up to a constant"])
    assert found["force error"] < 1e-6


def test_a_campaigns_cost_is_told_by_the_account_beside_its_potential(tmp_path):
    potential = tmp_path / "potential.mtp"
    assert np.isnan(campaign_core_hours(potential))
    account = tmp_path / "costs.json"
    for strange in ("not json", "[]", '{"cost": 3}', "null"):
        account.write_text(strange)
        assert np.isnan(campaign_core_hours(potential))
    account.write_text(json.dumps({"references": 0, "labels": 3600, "walks": 900, "fits": 900}))
    assert campaign_core_hours(potential) == pytest.approx(1.5)
    found = costs_side_by_side({"own": 0.3, "x": np.nan}, {"own": 0.8, "x": 1.5})
    assert found["own"].tolist() == [0.3, 0.8]
    assert found["x"].isna().tolist() == [True, False]
