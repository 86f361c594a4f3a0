"""Ordered compounds: that they are what they are called, and energies that are known."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from test_properties import EDGE, pairs

from smallcell.compounds import above_hull, compounds
from smallcell.properties import properties, subjects, values_by_potential
from smallcell.prototypes import compound, formula

COMPOUNDS = properties(seed=1)["compounds"]


def found(elements: list[dict], calculator) -> dict[str, float]:
    """Values of an alloy's compounds by quantity alone."""
    (alloy,) = subjects(COMPOUNDS, elements)
    values = values_by_potential(COMPOUNDS, alloy, calculator)
    return {quantity: value for (quantity, _), value in values.items()}


def test_what_does_not_tell_elements_apart_forms_no_compound():
    """Cu3Au is fcc with two names; whatever is on its sites, bcc and fcc are what they are."""
    elements = [{"symbol": s, "lattice": "fcc", "lattice_constant": EDGE} for s in ("Ag", "Au")]
    values = found(elements, pairs())
    lattices = values_by_potential(properties(1)["lattices"], elements[0], pairs())
    bcc = lattices["bcc above fcc", "meV/atom"]
    for name in ("Ag3Au", "Au3Ag"):
        assert values[f"formation of L1_2 {name}"] == pytest.approx(0, abs=1e-6)
        assert values[f"formation of D0_3 {name}"] == pytest.approx(bcc, abs=1e-3)
    for name in ("B2 AgAu", "B32 AgAu"):
        assert values[f"formation of {name}"] == pytest.approx(bcc, abs=1e-3)
        assert values[f"volume of an atom in {name}"] == pytest.approx(
            lattices["volume of an atom in bcc", "A^3"], rel=1e-5
        )


def test_compounds_of_copper_and_gold_have_the_energies_that_ase_relaxes_them_to():
    elements = [
        {"symbol": "Cu", "lattice": "fcc", "lattice_constant": 3.6},
        {"symbol": "Au", "lattice": "fcc", "lattice_constant": 4.06},
    ]
    values = found(elements, EMT())

    def relaxed(atoms) -> float:
        atoms.calc = EMT()
        BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4)
        return 1000 * atoms.get_potential_energy() / len(atoms)

    copper, gold = (
        relaxed(bulk(one["symbol"], "fcc", a=one["lattice_constant"])) for one in elements
    )
    for name, share in (("L1_2", 0.75), ("B2", 0.5)):
        expected = relaxed(compound(name, *elements)) - share * copper - (1 - share) * gold
        found_name = f"{name} {formula(name, ('Cu', 'Au'))}"
        # An equation of state through strains of 5 % is off by some thousandths of 0.1 eV.
        assert values[f"formation of {found_name}"] == pytest.approx(expected, abs=0.5)
    # Ordering is what this model is known for.
    assert values["formation of L1_2 Cu3Au"] < values["formation of D0_3 Cu3Au"]


def test_the_hull_is_below_all_and_touches_what_would_not_fall_apart():
    shares = [0.0, 0.25, 0.25, 0.5, 0.75, 1.0, 2 / 3]
    energies = [0.0, -6.0, -4.0, -10.0, -4.0, 0.0, np.nan]
    heights = above_hull(shares, energies)
    assert heights[:6].tolist() == pytest.approx([0, 0, 2, 0, 1, 0])
    assert np.isnan(heights[6])
    assert above_hull([0, 0.5, 1], [0, 3, 0]).tolist() == [0, 3, 0]
    # A third one is nothing to an edge; of no finite energy nothing is known.
    assert above_hull([0, 1 / 3, 1 - 2 / 3, 1], [0, -3, -1, 0]).tolist() == [0, 0, 2, 0]


def test_each_pair_of_elements_has_all_compounds_in_both_orders():
    assert len(compounds(["Na", "K"])) == 8
    names = [one.name for one in compounds(["Li", "Na", "K"])]
    assert len(set(names)) == len(names) == 24
    assert {"C15 Na2K", "C15 K2Na", "B2 LiK"} <= set(names)
