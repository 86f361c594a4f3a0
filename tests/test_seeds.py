"""Seeds are strained crystals."""

import numpy as np
import pytest
import spglib
from ase.neighborlist import neighbor_list

from smallcell.cells import crystal
from smallcell.fitting import shortest_distance
from smallcell.seeds import close_pairs, seeds, strained_crystals

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}


def test_seeds_span_the_strains_of_each_element():
    found = strained_crystals([POTASSIUM, SODIUM], (0.8, 1.2), 5, "primitive")
    assert [atoms.get_chemical_formula() for atoms in found] == ["K"] * 5 + ["Na"] * 5
    constants = np.cbrt([2 * atoms.get_volume() for atoms in found])
    factors = np.linspace(0.8, 1.2, 5)
    assert np.allclose(constants, np.concatenate([5.3 * factors, 4.2 * factors]))


def test_the_conventional_cell_is_cubic():
    (atoms, *_) = strained_crystals([POTASSIUM], (1.0, 1.1), 3, "conventional")
    assert len(atoms) == 2
    assert np.allclose(atoms.cell.array, 5.3 * np.eye(3))


def test_an_atom_moves_towards_its_nearest_neighbour_to_the_distance_asked_for():
    perfect = np.sqrt(3) / 2 * 5.3
    for repeats in ((1, 1, 1), (1, 1, 2)):
        pair, near = close_pairs((POTASSIUM, POTASSIUM), [[POTASSIUM]], repeats, [0.6, 0.9])
        assert shortest_distance(pair) == pytest.approx(0.6 * perfect)
        assert shortest_distance(near) == pytest.approx(0.9 * perfect)
        assert pair.info["close"] == 0.6


@pytest.mark.parametrize("lattice", ["fcc", "hcp", "diamond"])
def test_any_lattice_has_close_pairs(lattice):
    element = POTASSIUM | {"lattice": lattice}
    perfect = shortest_distance(crystal(element, "conventional", (1, 1, 2)))
    (pair,) = close_pairs((element, element), [[element]], (1, 1, 2), [0.7])
    assert shortest_distance(pair) == pytest.approx(0.7 * perfect)


def test_the_rotations_about_the_pair_and_the_inversion_remain():
    (pair,) = close_pairs((POTASSIUM, POTASSIUM), [[POTASSIUM]], (1, 1, 1), [0.7])
    crystal_of_it = pair.cell.array, pair.get_scaled_positions(), pair.numbers
    assert len(spglib.get_symmetry_dataset(crystal_of_it).rotations) == 12


def test_a_cell_of_one_atom_has_no_pair():
    with pytest.raises(ValueError, match=r"\(1, 1, 1\) conventional cells of sc K have no two"):
        element = POTASSIUM | {"lattice": "sc"}
        close_pairs((element, element), [[element]], (1, 1, 1), [0.7])


def closest_pair(atoms):
    first, second, lengths = neighbor_list("ijd", atoms, 5.0)
    closest = np.argmin(lengths)
    return set(atoms.symbols[[first[closest], second[closest]]]), lengths[closest]


def test_unlike_atoms_come_close_too():
    among = [[POTASSIUM], [SODIUM]]
    (pair,) = close_pairs((POTASSIUM, SODIUM), among, (1, 1, 1), [0.6])
    symbols, length = closest_pair(pair)
    assert symbols == {"K", "Na"}
    assert length == pytest.approx(0.6 * np.sqrt(3) / 2 * np.mean([5.3, 4.2]))


@pytest.mark.parametrize("second", [POTASSIUM, SODIUM])
def test_two_atoms_come_close_among_others_of_all_kinds(second):
    among = [[POTASSIUM, POTASSIUM], [POTASSIUM, SODIUM], [SODIUM, SODIUM]]
    found = close_pairs((POTASSIUM, second), among, (1, 1, 2), [0.6])
    for atoms, others in zip(found, among, strict=True):
        elements = [POTASSIUM, second, *others]
        assert sorted(atoms.symbols) == sorted(element["symbol"] for element in elements)
        symbols, length = closest_pair(atoms)
        assert symbols == {"K", second["symbol"]}
        edge = np.mean([element["lattice_constant"] for element in elements])
        assert length == pytest.approx(0.6 * np.sqrt(3) / 2 * edge)
        assert ("element" in atoms.info) == (len(set(atoms.symbols)) == 1)


def test_the_seeds_of_an_alloy_are_crystals_close_pairs_and_compounds():
    settings = {
        "strain": [0.9, 1.1],
        "number": 3,
        "unit": "primitive",
        "close": [{"cell": [1, 1, 1], "distances": [0.7, 0.8]}],
        "compounds": {"prototypes": ["B2", "L1_2"], "strain": [0.9, 1.0], "number": 2},
    }
    found = seeds([POTASSIUM, SODIUM], settings)
    assert ["close" in atoms.info for atoms in found[:12]] == 6 * [False] + 6 * [True]
    pairs = [str(atoms.symbols) for atoms in found[6:12]]
    assert pairs == ["K2", "K2", "KNa", "KNa", "Na2", "Na2"]
    compounds = [(atoms.info["prototype"], str(atoms.symbols)) for atoms in found[12::2]]
    assert compounds == [("B2", "KNa"), ("L1_2", "K3Na"), ("L1_2", "Na3K")]
    assert np.allclose(found[12].cell.array, 0.9 * found[13].cell.array)
    assert len(seeds([POTASSIUM], settings)) == 5


def test_the_seeds_of_an_alloy_have_each_pair_among_others_of_each_pair():
    close = [{"cell": [1, 1, 2], "distances": [0.7]}]
    settings = {"strain": [0.9, 1.1], "number": 2, "unit": "primitive", "close": close}
    none = {"prototypes": [], "strain": [0.9, 1.1], "number": 2}
    found = seeds([POTASSIUM, SODIUM], settings | {"compounds": none})[4:]
    kinds = [
        (*sorted(closest_pair(atoms)[0]), str(list(atoms.symbols).count("K"))) for atoms in found
    ]
    assert kinds == [
        *[("K", "4"), ("K", "3"), ("K", "2")],
        *[("K", "Na", "3"), ("K", "Na", "2"), ("K", "Na", "1")],
        *[("Na", "2"), ("Na", "1"), ("Na", "0")],
    ]
