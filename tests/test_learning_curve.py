"""The learning curve asks the potentials of all batches about the same structures."""

from dataclasses import replace

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures

from smallcell.learning_curve import learning_curve_row

FIT = {"training": {"configurations": 7}}
COSTS = {"references": 0.0, "labels": 3600.0, "walks": 0.0, "fits": 1800.0}


def test_a_better_potential_is_lower_on_the_curve_and_nothing_is_empty():
    truth = random_potential(("K",), level=6, seed=1)
    unseen = labelled(random_structures(("K",), 6, seed=2), truth)
    rows = [
        learning_curve_row(
            "seeds",
            replace(truth, linear=factor * truth.linear),
            FIT,
            COSTS,
            {"held out": unseen, "test": []},
        )
        for factor in (1.2, 1.1)
    ]
    first, second = rows
    assert (first["training set"], first["core-hours"]) == (7, 1.5)
    error = "held out force meV/A"
    assert first[error] == pytest.approx(2 * second[error])
    assert second[f"{error} low"] < second[error] < second[f"{error} high"]
    assert first["test force meV/A"] is first["test force meV/A low"] is None


def test_energies_of_a_set_from_elsewhere_count_up_to_a_constant():
    truth = random_potential(("K",), level=6, seed=1)
    unseen = labelled(random_structures(("K",), 6, seed=2), truth)
    shifted = replace(truth, shifts=truth.shifts + 0.02)
    row = learning_curve_row(
        "seeds", shifted, FIT, COSTS, {"held out": unseen, "test": unseen}, ["test"]
    )
    assert row["held out energy meV/atom"] == pytest.approx(20)
    assert row["test energy meV/atom"] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(row["test stress GPa"])
