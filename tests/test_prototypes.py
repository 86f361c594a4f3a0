"""Ordered compounds have the symmetry and the neighbours of their prototypes."""

from collections import Counter

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list

from smallcell.prototypes import PROTOTYPES, compound, compounds

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
OTHERS = [{"symbol": symbol, "lattice": "fcc", "lattice_constant": 4.0} for symbol in ("Al", "Cu")]

# Space group, formula of the primitive cell, coordination of the second (minority) element by the
# first and by its own kind, as textbooks have them.
KNOWN = {
    "B1": ("Fm-3m", "NaK", 6, 0),
    "B2": ("Pm-3m", "NaK", 8, 0),
    "B3": ("F-43m", "NaK", 4, 0),
    "B32": ("Fd-3m", "Na2K2", 4, 4),
    "L1_0": ("P4/mmm", "NaK", 8, 4),
    "L1_2": ("Pm-3m", "Na3K", 12, 0),
    "D0_3": ("Fm-3m", "Na3K", 8, 0),
    "C11_b": ("I4/mmm", "Na2K", 8, 0),
    "C15": ("Fd-3m", "Na4K2", 12, 0),
    "A15": ("Pm-3n", "Na6K2", 12, 0),
}


@pytest.mark.parametrize("name", PROTOTYPES)
def test_a_compound_has_symmetry_composition_and_neighbours_of_its_prototype(name):
    group, formula, others, own = KNOWN[name]
    atoms = compound(name, SODIUM, POTASSIUM)
    description = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    assert spglib.get_symmetry_dataset(description).international == group
    assert len(spglib.find_primitive(description)[2]) == len(atoms)
    assert Counter(atoms.symbols) == Counter(Atoms(formula).symbols)
    first_kind, second_kind = PROTOTYPES[name].numbers
    assert np.mean(atoms.symbols == "Na") == first_kind / (first_kind + second_kind)
    first, second, distances = neighbor_list("ijd", atoms, 8.0)
    potassium = atoms.symbols[first] == "K"
    nearest = distances[potassium].min()
    near = potassium & (distances < 1.01 * nearest) & (first == first[potassium][0])
    found = [str(symbol) for symbol in atoms.symbols[second[near]]]
    assert (found.count("Na"), found.count("K")) == (others, own)


def test_lengths_are_those_of_vegards_law():
    atoms = compound("D0_3", POTASSIUM, SODIUM)
    edges = [np.cbrt(5.3**3 / 2)] * 3 + [np.cbrt(4.2**3 / 2)]
    assert np.cbrt(atoms.get_volume() / 4) == pytest.approx(np.mean(edges))


def test_each_pair_of_elements_has_its_compounds_once():
    elements = [POTASSIUM, SODIUM, *OTHERS]
    found = compounds(elements, ["B2", "B32", "L1_0", "L1_2"])
    # Of four elements there are six pairs; only in L1_2 the two sites differ.
    assert len(found) == 6 + 6 + 6 + 12
    assert len({(atoms.info["prototype"], str(atoms.symbols)) for atoms in found}) == len(found)
    assert compounds([POTASSIUM], ["B2", "L1_2"]) == []
