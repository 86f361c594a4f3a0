"""Forces are counted by size, and a potential that makes them too small is found out."""

import numpy as np
import pytest
from random_potentials import labelled, random_potential, random_structures, with_label

from smallcell.force_bias import EDGES, bias_table, by_stage, histogram


@pytest.fixture(scope="module")
def truth():
    return random_potential(("K",), level=6, seed=1)


@pytest.fixture(scope="module")
def structures(truth):
    return labelled(random_structures(("K",), 60, seed=2), truth)


def sizes(structures):
    return np.concatenate([np.linalg.norm(atoms.get_forces(), axis=1) for atoms in structures])


def test_structures_are_sorted_by_what_met_them(structures):
    one, two, three, four = (atoms.copy() for atoms in structures[:4])
    one.info["batch"], two.info["batch"], three.info["batch"] = "seeds", "pairs/000", "pairs/013"
    four.info["batch"] = "fours/002"
    assert by_stage([one, two, four, three]) == {
        "seeds": [one],
        "pairs": [two, three],
        "fours": [four],
    }


def test_every_atom_is_counted_once_in_the_bin_of_its_force(structures):
    singles = [atoms for atoms in structures if len(atoms) == 1]
    others = [atoms for atoms in structures if len(atoms) > 1]
    table = histogram({"singles": singles, "others": others, "nothing": []})
    assert list(table["set"].unique()) == ["singles", "others", "nothing"]
    counted = table[table["set"] == "others"]
    right, _ = np.histogram(sizes(others), EDGES)
    assert list(counted["atoms"]) == list(right)
    assert counted["share"].sum() == pytest.approx(1)
    # Atoms alone in their cell have no forces.
    assert table[table["set"] == "singles"]["share"].iloc[0] == 1
    assert table[table["set"] == "nothing"]["share"].sum() == 0


def test_the_slope_is_that_of_a_potential_whose_large_forces_are_too_small(truth, structures):
    edge, factor = 0.3, 0.8
    too_large = []
    for atoms in structures:
        forces = atoms.get_forces()
        large = np.linalg.norm(forces, axis=1, keepdims=True) > edge
        too_large.append(with_label(atoms, forces=np.where(large, forces / factor, forces)))
    table = bias_table(truth, {"all": too_large}).set_index("|F| from meV/A")
    assert table.loc[[30.0, 100.0], "slope"].to_numpy() == pytest.approx(1)
    assert table.loc[1000.0, ["slope", "slope low", "slope high"]].to_numpy() == pytest.approx(0.8)
    assert np.isnan(table.loc[0.0, "slope"])
    assert table["atoms"].sum() == sum(map(len, structures))
    assert table["structures"].sum() == len(structures)
    large = sizes(too_large)
    some = (large >= 1) & (large < np.inf)
    wrong = np.sqrt(np.mean((0.2 * large[some]) ** 2) / 3)
    assert table.loc[1000.0, "force error meV/A"] == pytest.approx(1000 * wrong)
    components = np.concatenate([atoms.get_forces() for atoms in too_large])[some]
    mean = 1000 * np.abs(0.2 * components).mean()
    assert table.loc[1000.0, "force MAE meV/A"] == pytest.approx(mean)
    assert table.loc[30.0, "force error meV/A"] < 1e-6


def test_noise_is_no_bias_and_lies_within_the_interval(truth, structures):
    rng = np.random.default_rng(5)
    noisy = [
        with_label(
            atoms,
            forces=atoms.get_forces() + rng.normal(0, 0.01, (len(atoms), 3)),
            energy=atoms.get_potential_energy() + 0.003 * len(atoms),
        )
        for atoms in structures
    ]
    table = bias_table(truth, {"all": noisy}).set_index("|F| from meV/A")
    for edge in (100.0, 300.0, 1000.0):
        row = table.loc[edge]
        assert row["slope low"] < 1 < row["slope high"]
        # Three standard deviations of the root mean square of so many normal components.
        assert row["force error meV/A"] == pytest.approx(10, rel=3 / np.sqrt(6 * row["atoms"]))
        low, value, high = (row[f"force error meV/A{end}"] for end in (" low", "", " high"))
        assert low < value < high
    given = table["structures"] > 0
    assert table.loc[given, "energy error meV/atom"].to_numpy() == pytest.approx(3)


def test_nothing_gives_an_empty_table_with_its_columns(truth):
    table = bias_table(truth, {"held out": []})
    assert len(table) == 0
    assert "slope low" in table
