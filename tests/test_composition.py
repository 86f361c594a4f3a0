"""Compositions in tenths, and draws that are even among them."""

from collections import Counter
from math import comb

import numpy as np
import pytest
from ase import Atoms

from smallcell.composition import (
    compositions,
    drawn_composition,
    most_of_each,
    tenths,
    tenths_of,
)


def test_tenths_begin_where_shares_are_their_multiples():
    assert [tenths((10 - number, number)) for number in range(11)] == [
        (0,), (1,), (2,), (3,), (4,), (5,), (6,), (7,), (8,), (9,), (9,)
    ]  # fmt: skip
    assert tenths((1, 2, 0)) == (6, 0)
    assert tenths((5,)) == ()
    assert tenths_of(Atoms("K3Na"), ("Na", "K")) == (7,)


@pytest.mark.parametrize("elements", range(1, 6))
def test_compositions_are_all_ways_to_share_atoms_among_up_to_five_elements(elements):
    found = compositions(6, elements)
    assert len(set(found)) == len(found) == comb(6 + elements - 1, elements - 1)
    assert all(sum(counts) == 6 and min(counts) >= 0 for counts in found)


@pytest.mark.parametrize("elements", [2, 3, 5])
def test_all_tenths_that_cells_can_have_are_drawn_alike(elements):
    cells = [{2: 1, 4: 3}] * elements
    number = 10 * len(
        {tenths(counts) for size in cells[0] for counts in compositions(size, elements)}
    )
    found = Counter(
        tenths(drawn_composition((place + 0.5) / number, cells)) for place in range(number)
    )
    assert set(found.values()) == {10}


def test_within_a_tenth_all_compositions_of_all_cells_are_drawn_alike():
    # A half has one composition in each of one cell of two atoms and three of four.
    drawn = [drawn_composition(place, [{2: 1, 4: 3}] * 2) for place in (np.arange(500) + 0.5) / 500]
    assert Counter(drawn)[2, 2] == pytest.approx(3 * Counter(drawn)[1, 1], abs=2)


def test_cells_are_those_of_the_element_of_the_largest_share():
    drawn = {drawn_composition(place, [{4: 1}, {2: 1}]) for place in (np.arange(200) + 0.5) / 200}
    assert drawn == {(4, 0), (3, 1), (2, 2), (0, 2)}


def test_each_composition_may_have_an_even_share():
    assert most_of_each(10, [(0,), (1,), (1,), (4,)]) == 4
    assert most_of_each(10, [()] * 7) == 10
    assert most_of_each(3, []) == 3
