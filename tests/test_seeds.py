"""Seeds are strained crystals."""

import numpy as np

from smallcell.seeds import strained_crystals

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}


def test_seeds_span_the_strains_of_each_element():
    seeds = strained_crystals([POTASSIUM, SODIUM], (0.8, 1.2), 5, "primitive")
    assert [atoms.get_chemical_formula() for atoms in seeds] == ["K"] * 5 + ["Na"] * 5
    constants = np.cbrt([2 * atoms.get_volume() for atoms in seeds])
    factors = np.linspace(0.8, 1.2, 5)
    assert np.allclose(constants, np.concatenate([5.3 * factors, 4.2 * factors]))


def test_the_conventional_cell_is_cubic():
    (atoms, *_) = strained_crystals([POTASSIUM], (1.0, 1.1), 3, "conventional")
    assert len(atoms) == 2
    assert np.allclose(atoms.cell.array, 5.3 * np.eye(3))
