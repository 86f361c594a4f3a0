"""What labels are foreseen to cost, against labels that have been computed."""

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from smallcell.cost import expected_cost, irreducible_k_points
from smallcell.labels import Calculation, crystal_calculation

KEPT = Path(__file__).parent.parent / "benchmarks/labels"
SETTINGS = {
    "ecutwfc": 30,
    "ecutrho": 180,
    "smearing": "marzari-vanderbilt",
    "degauss": 0.04,
    "conv_thr": 1e-8,
    "k_spacing": 0.33,
}


@pytest.fixture(scope="module")
def labels():
    """Structures, calculations and reports of all labels that are kept in the repository."""
    paths = sorted(KEPT.glob("*/*/label.json"))
    reports = [json.loads(path.read_text()) for path in paths]
    structures = [ase.io.read(path.with_name("label.extxyz")) for path in paths]
    calculations = [Calculation(**report["calculation"]) for report in reports]
    return list(zip(structures, calculations, reports, strict=True))


def cost(atoms, **changes):
    return expected_cost(
        atoms, crystal_calculation(atoms, SETTINGS | changes, {"K": "of the deck"})
    )


def test_k_points_are_those_that_pw_counts(labels):
    counted = [irreducible_k_points(atoms, calculation.k_mesh) for atoms, calculation, _ in labels]
    assert counted == [report["convergence"]["k_points"] for _, _, report in labels]
    # Crystals with all of their symmetry, some of it and none.
    assert {1, 4, 48} <= {report["convergence"]["symmetries"] for _, _, report in labels}


def test_costs_of_crystals_are_foreseen_for_each_element_and_cut_off(labels):
    took, foreseen, settings = [], [], []
    for atoms, calculation, report in labels:
        if "nspin" not in calculation.system:
            took.append(np.log(report["cost"]["core_seconds"]))
            foreseen.append(np.log(expected_cost(atoms, calculation)))
            settings.append((*calculation.pseudopotentials, calculation.system["ecutwfc"]))
    of_soft = np.array([kind == ("K", 30) for kind in settings])
    took, left = np.array(took)[of_soft], np.array(took)[of_soft] - np.array(foreseen)[of_soft]
    # Cells of 1 to 8 atoms, with all symmetry and none: what is left is little of what there was.
    assert np.exp(np.ptp(took)) > 20
    assert np.std(left) < np.std(took) / 4


def test_more_of_anything_costs_more_and_symmetry_less():
    crystal = bulk("K", "bcc", a=5.3, cubic=True)
    displaced = crystal.copy()
    displaced.rattle(0.1, seed=1)
    assert cost(displaced) > 2 * cost(crystal)
    assert cost(displaced, ecutwfc=40) > cost(displaced)
    assert cost(displaced, k_spacing=0.2) > cost(displaced)
    larger = displaced * (1, 1, 2)
    larger.rattle(0.1, seed=1)
    assert cost(larger) > cost(displaced)


def test_a_description_does_not_change_the_cost():
    crystal = bulk("K", "bcc", a=5.3, cubic=True)
    crystal.rattle(0.1, seed=1)
    turned = crystal.copy()
    turned.rotate(33, (1, 2, 3), rotate_cell=True)
    turned.positions += 0.7
    turned.wrap()
    assert cost(turned) == pytest.approx(cost(crystal), rel=1e-9)


def test_atoms_on_each_other_have_no_symmetry_to_count_on():
    collapsed = bulk("K", "bcc", a=5.3, cubic=True)
    collapsed.positions[1] = collapsed.positions[0]
    assert irreducible_k_points(collapsed, (4, 4, 4)) == 36
