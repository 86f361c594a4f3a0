"""Walks and labels by composition, symmetry of cells, errors by element and by pair."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from random_potentials import labelled, random_potential, random_structures

from smallcell.coverage import (
    composition_table,
    coverage_table,
    density,
    element_table,
    is_symmetric,
    pair_table,
)
from smallcell.errors import differences
from smallcell.wall import PairWall, Wall

SPECIES = ("Na", "K")


@pytest.fixture(scope="module")
def structures():
    """Cells of all compositions, labelled by another potential than the one that is judged."""
    return labelled(random_structures(SPECIES, 40, seed=1), random_potential(SPECIES, 6, seed=4))


@pytest.fixture(scope="module")
def potential():
    return random_potential(SPECIES, 6, seed=5)


def crystal(symbols, batch="seeds", rattle=0.0):
    atoms = bulk("Na", "bcc", a=4.5, cubic=True) * (1, 1, len(symbols) // 2)
    atoms.symbols = symbols
    atoms.rattle(rattle, seed=1)
    atoms.info["batch"] = batch
    return atoms


def test_a_crystal_is_symmetric_and_a_rattled_one_is_not():
    assert is_symmetric(crystal(["Na", "K", "K", "Na"]))
    assert is_symmetric(crystal(["Na", "K", "K", "Na"], rattle=1e-4))
    assert not is_symmetric(crystal(["Na", "K", "K", "Na"], rattle=0.1))


def test_density_is_that_of_sodium():
    assert density(bulk("Na", "bcc", a=4.2906)) == pytest.approx(967, abs=1)


def test_walks_and_labels_are_counted_by_stage_and_tenth():
    perfect, moved = (crystal(["Na", "K", "K", "K"], "four/000", rattle) for rattle in (0, 0.1))
    pair = crystal(["Na", "K"], "seeds")
    walks = {"four": ["Na3K", "Na2K2", "K4"]}
    table = coverage_table([pair, perfect, moved], walks, SPECIES).set_index("stage")
    four = table.loc["four"]
    assert (four["labels"], four["walks"], four["symmetric %"]) == (2, 3, 50)
    assert four["0.7-0.8: labels"] == 2
    assert [four[f"{name}: walks"] for name in ("0.2-0.3", "0.5-0.6", "0.9-1")] == [1, 1, 1]
    # Two atoms have an inversion wherever they are: they do not count.
    assert np.isnan(table.loc["seeds", "symmetric %"])


def test_of_three_elements_two_have_rows():
    atoms = Atoms("NaKLi2", positions=np.eye(4, 3), cell=[5] * 3, pbc=True, info={"batch": "seeds"})
    table = coverage_table([atoms], {}, ("Na", "K", "Li"))
    assert table["share of"].tolist() == ["K", "Li"]
    assert table["0.5-0.6: labels"].tolist() == [0, 1]


def test_errors_grades_and_fates_are_told_by_composition(structures, potential):
    half = [atoms for atoms in structures if 0.5 <= np.mean(atoms.symbols == "K") < 0.6]
    fates = [
        {"formula": "NaK", "fate": "labelled"},
        {"formula": "NaK", "fate": "from store"},
        {"formula": "NaK", "fate": "timed out"},
    ]
    grades = np.arange(len(half), dtype=float)
    table = composition_table(potential, {"training": structures}, fates, half, grades)
    assert len(table) == 10
    row = table[table["from"] == 0.5].iloc[0]
    assert (row["labelled"], row["not labelled"]) == (2, 1)
    assert row["training structures"] == len(half)
    forces = np.concatenate([force for _, force, _ in differences(potential, half)])
    assert row["training force meV/A"] == pytest.approx(1000 * np.sqrt(np.mean(forces**2)))
    assert (row["grade median"], row["grade largest"]) == (np.median(grades), grades.max())
    assert table.loc[table["from"] == 0.2, "grade largest"].isna().all()


def test_errors_are_told_by_the_element_of_the_atom(structures, potential):
    references = [{"element": "Na", "energy": -1.5}, {"element": "K", "energy": -2.5}]
    table = element_table(potential, {"training": structures}, references).set_index("element")
    assert table["reference eV"].to_dict() == {"Na": -1.5, "K": -2.5}
    squares = {"Na": [], "K": []}
    for (_, force, _), atoms in zip(differences(potential, structures), structures, strict=True):
        for symbol, vector in zip(atoms.symbols, force.reshape(-1, 3), strict=True):
            squares[symbol].extend(vector**2)
    for symbol, values in squares.items():
        found = table.loc[symbol, "training force meV/A"]
        assert found == pytest.approx(1000 * np.sqrt(np.mean(values)))
        assert table.loc[symbol, "training atoms"] == len(values) / 3


def test_an_offset_of_energies_is_told_by_element(structures):
    references = [{"element": symbol, "energy": 0.0} for symbol in SPECIES]
    truth = random_potential(SPECIES, 6, seed=4)
    moved = replace(truth, shifts=truth.shifts + [0.010, -0.020])
    table = element_table(moved, {"training": structures}, references).set_index("element")
    assert table["training offset meV/atom"].to_dict() == pytest.approx({"Na": 10, "K": -20})


def test_shortest_distances_are_told_by_pair():
    near = crystal(["Na", "K"])
    far = Atoms("K2", positions=[[0, 0, 0], [0, 0, 4.1]], cell=[9, 9, 9], pbc=True)
    barrier = Wall(1.0, 3.0, 3.3, (PairWall(1, 1, 1.0, 3.6, 4.0),))
    table = pair_table([near, far], ("Na", "K"), 0.5, 7.0, barrier).set_index("pair")
    assert list(table.index) == ["Na-Na", "Na-K", "K-K"]
    assert table.loc["Na-K", "shortest A"] == pytest.approx(4.5 * np.sqrt(3) / 2)
    assert table.loc["K-K", "shortest A"] == pytest.approx(4.1)
    assert table.loc["Na-Na", "shortest A"] == pytest.approx(4.5)
    assert table["wall from A"].tolist() == [3.3, 3.3, 4.0]
    # Covalent radii of 1.66 and 2.03 A.
    assert table.loc["Na-K", "too close for pw.x A"] == pytest.approx(1.845)
