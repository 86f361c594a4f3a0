"""Where Vegard's law fails, compounds tell their lengths; an equation of state stands for pw.x."""

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from smallcell.bowing import bowings, edge, relaxed_edge, rest_edge
from smallcell.cells import vegard_volume
from smallcell.prototypes import compound

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
ELEMENTS = [SODIUM, POTASSIUM]


def labelled(atoms, free):
    """A label by the equation of state of Birch, of 5 GPa, with this edge of an atom's cube."""
    found = atoms.copy()
    strain = (free / edge(atoms)) ** 2 - 1
    energy = len(atoms) * 9 / 8 * 5 * GPa * free**3 * strain**2
    found.calc = SinglePointCalculator(found, energy=energy - 1)
    return found


def strained(name, free, factors):
    perfect = compound(name, SODIUM, POTASSIUM)
    structures = []
    for factor in factors:
        atoms = perfect.copy()
        atoms.set_cell(atoms.cell * factor, scale_atoms=True)
        structures.append(labelled(atoms, free))
    return structures


def test_a_compound_is_at_rest_where_its_energy_is_lowest():
    assert rest_edge(strained("B2", 3.9, [0.9, 1.0, 1.1])) == pytest.approx(3.9)
    assert rest_edge(strained("L1_2", 3.5, [0.85, 0.925, 1.0, 1.075, 1.15])) == pytest.approx(3.5)


def test_no_strain_tells_of_what_lies_beyond_all():
    assert rest_edge(strained("B2", 3.3, [0.95, 1.0, 1.05])) is None
    assert rest_edge(strained("B2", 4.6, [0.95, 1.0, 1.05])) is None


@pytest.mark.parametrize(("free", "labels"), [(3.8, 0), (3.3, 3), (4.6, 4)])
def test_a_relaxation_goes_on_until_the_lowest_energy_lies_inside(free, labels):
    asked = []

    def label(atoms):
        asked.append(edge(atoms))
        return labelled(atoms, free)

    found, number = relaxed_edge(strained("B2", free, [0.95, 1.0, 1.05]), label)
    assert found == pytest.approx(free)
    assert number == len(asked) == labels


def test_a_relaxation_ends_with_a_label_that_fails():
    found, number = relaxed_edge(strained("B2", 3.3, [0.95, 1.0, 1.05]), lambda atoms: None)
    assert (found, number) == (None, 1)


def test_a_compound_that_falls_apart_is_given_up():
    found, number = relaxed_edge(
        strained("B2", 90.0, [0.95, 1.0, 1.05]), lambda atoms: labelled(atoms, 90.0)
    )
    assert (found, number) == (None, 6)


def test_within_the_tolerance_vegards_law_stays():
    atoms = compound("B2", SODIUM, POTASSIUM)
    (pair,) = bowings([(atoms, 1.015 * edge(atoms))], ELEMENTS)
    assert pair["elements"] == ["Na", "K"] and pair["bowing"] == 0
    assert pair["departure"] == pytest.approx(0.015)


def test_beyond_it_lengths_are_bent_through_the_compounds():
    compounds = [compound(name, SODIUM, POTASSIUM) for name in ("B2", "L1_2")]
    compounds.append(compound("L1_2", POTASSIUM, SODIUM))
    # Of a bowing of -0.8 A; a half has a quarter of it, a quarter and three quarters 3/16.
    shifts = [-0.8 * 0.25, -0.8 * 3 / 16, -0.8 * 3 / 16]
    found = bowings(
        [(one, edge(one) + shift) for one, shift in zip(compounds, shifts, strict=True)], ELEMENTS
    )
    assert found[0]["bowing"] == pytest.approx(-0.8)
    for atoms, shift in zip(compounds, shifts, strict=True):
        bent = np.cbrt(vegard_volume(atoms, ELEMENTS, found) / len(atoms))
        assert bent == pytest.approx(edge(atoms) + shift)
    for pure in ("Na", "K"):
        atoms.symbols = pure
        assert vegard_volume(atoms, ELEMENTS, found) == vegard_volume(atoms, ELEMENTS)
