"""What walkers draw, one by one and all of a stage together."""

from collections import Counter

import numpy as np
import pytest
from ase.build import bulk

from smallcell.cells import starts
from smallcell.composition import tenths_of
from smallcell.draws import Walker, draw_conditions

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
CELL = {"cell": [1, 1, 2], "unit": "conventional"}
EIGHT_ATOMS = {"cell": [1, 2, 2], "unit": "conventional"}
SAMPLING = {
    "walkers": 16,
    "draws": "stratified",
    "temperature": [100, 200],
    "hottest": 0,
    "pressure": [0, 0.5],
    "ramp": True,
    "strain": [0.95, 1.05],
    "displacement": 0.1,
}


def draw(number=0, elements=(POTASSIUM,), cell=CELL, seed=1, nth=0, known=None, **changes):
    walker = Walker(seed, "four-atoms", nth, number)
    return draw_conditions(walker, elements, cell, SAMPLING | changes, known)


def lattice_constant(atoms):
    return np.cbrt(atoms.get_volume() / len(atoms) * 2)


@pytest.mark.parametrize("kind", ["stratified", "independent"])
def test_a_walker_draws_within_the_ranges_and_the_same_from_the_same_seed(kind):
    first, again, other = draw(draws=kind), draw(draws=kind), draw(draws=kind, seed=2)
    assert all(100 <= value <= 200 for value in first.temperature)
    assert all(0 <= value <= 0.5 for value in first.pressure)
    assert 0.95 <= lattice_constant(first.start) / 5.3 <= 1.05
    assert np.array_equal(first.start.positions, again.start.positions)
    assert (first.temperature, first.seed) == (again.temperature, again.seed)
    assert not np.array_equal(first.start.positions, other.start.positions)
    assert first.temperature != other.temperature


def test_no_two_walkers_and_no_two_stages_draw_the_same():
    walkers = [
        Walker(1, "a", 0, 0),
        Walker(1, "a", 0, 1),
        Walker(1, "a", 1, 0),
        Walker(1, "b", 0, 0),
    ]
    drawn = [draw_conditions(walker, [POTASSIUM], CELL, SAMPLING) for walker in walkers]
    assert len({conditions.seed for conditions in drawn}) == 4
    assert len({conditions.temperature for conditions in drawn}) == 4


@pytest.mark.parametrize("seed", range(5))
def test_stratified_draws_leave_no_part_of_a_range_out_across_rounds(seed):
    drawn = [draw(walker, seed=seed, nth=nth, walkers=8) for nth in (0, 1) for walker in range(8)]
    sixteenths = np.arange(16)
    for limits, values in (
        ((100, 200), [conditions.temperature[0] for conditions in drawn]),
        ((100, 200), [conditions.temperature[1] for conditions in drawn]),
        ((0, 0.5), [conditions.pressure[0] for conditions in drawn]),
        ((0.95, 1.05), [lattice_constant(conditions.start) / 5.3 for conditions in drawn]),
    ):
        places = np.floor(16 * (np.sort(values) - limits[0]) / (limits[1] - limits[0]))
        assert np.array_equal(places, sixteenths)


def test_independent_draws_leave_parts_out():
    values = [draw(number, draws="independent").temperature[0] for number in range(16)]
    assert len({int(16 * (value - 100) / 100) for value in values}) < 16


@pytest.mark.parametrize("seed", range(10))
def test_a_stage_of_a_binary_sees_every_composition(seed):
    starts = [
        draw(number, (POTASSIUM, SODIUM), EIGHT_ATOMS, seed, walkers=24).start
        for number in range(24)
    ]
    counts = Counter(atoms.symbols.count("K") for atoms in starts)
    assert sorted(counts) == list(range(9))
    assert max(counts.values()) <= 4


def test_walks_of_a_binary_are_spread_evenly_over_tenths_of_composition():
    cells = {"cells": {"atoms": [1, 8], "lattices": ["bcc"]}}
    drawn = [draw(number, (POTASSIUM, SODIUM), cells, walkers=32).start for number in range(32)]
    found = Counter(tenths_of(atoms, ("K", "Na")) for atoms in drawn)
    assert sorted(found) == [(tenth,) for tenth in range(10)]
    # Each 32nd has one point of the sequence; a tenth has two of these in it, and parts of others.
    assert min(found.values()) >= 2 and max(found.values()) <= 5
    assert len({len(atoms) for atoms in drawn}) > 4


def test_five_elements_mix():
    symbols = ("Li", "Na", "K", "Rb", "Cs")
    constants = dict(zip(symbols, (3.4, 4.2, 5.3, 5.7, 6.1), strict=True))
    elements = [
        {"symbol": symbol, "lattice": "bcc", "lattice_constant": constant}
        for symbol, constant in constants.items()
    ]
    drawn = [draw(number, elements, EIGHT_ATOMS, strain=[1, 1]).start for number in range(16)]
    assert set().union(*(atoms.symbols for atoms in drawn)) == set(symbols)
    for atoms in drawn:
        mean = np.mean([constants[symbol] for symbol in atoms.symbols])
        assert lattice_constant(atoms) == pytest.approx(mean)


def test_an_alloy_has_the_volume_of_vegards_law():
    for number in range(8):
        conditions = draw(number, (POTASSIUM, SODIUM), strain=[1, 1])
        potassium = conditions.start.symbols.count("K")
        constant = (potassium * 5.3 + (4 - potassium) * 4.2) / 4
        assert lattice_constant(conditions.start) == pytest.approx(constant)
        volume = (potassium * 5.3**3 + (4 - potassium) * 4.2**3) / 2
        assert conditions.perfect_volume == pytest.approx(volume)


def test_the_lattice_is_that_of_the_larger_share():
    for number in range(16):
        start = draw(number, (POTASSIUM, SODIUM | {"lattice": "fcc"})).start
        fcc = len(start) == 8
        assert fcc if start.symbols.count("Na") > len(start) / 2 else True
        assert not fcc if start.symbols.count("K") > len(start) / 2 else True


def test_lengths_are_mixed_where_lattices_differ():
    sodium = SODIUM | {"lattice": "fcc", "lattice_constant": 5.4}
    for number in range(16):
        start = draw(number, (POTASSIUM, sodium), strain=[1, 1]).start
        share = start.symbols.count("K") / len(start)
        edge = share * np.cbrt(5.3**3 / 2) + (1 - share) * np.cbrt(5.4**3 / 4)
        assert np.cbrt(start.get_volume() / len(start)) == pytest.approx(edge)


def test_all_cells_of_a_stage_are_drawn_alike():
    cells = {"cells": {"atoms": [1, 2], "lattices": ["bcc", "sc"]}}
    names = [tuple(atoms.info.values()) for atoms in starts(POTASSIUM, cells)]
    drawn = Counter(
        tuple(atoms.info[key] for key in ("parent", "atoms", "number"))
        for atoms in (draw(number, cell=cells).start for number in range(16))
    )
    assert sorted(drawn) == sorted(names)
    assert max(drawn.values()) <= 3


def test_starts_are_displaced_from_perfect_sites():
    displaced, perfect = draw(displacement=0.1), draw(displacement=0.0)
    moved = displaced.start.positions - perfect.start.positions
    assert 0.03 < moved.std() < 0.2


def test_without_a_ramp_temperature_and_pressure_stay():
    conditions = draw(ramp=False)
    assert conditions.temperature[0] == conditions.temperature[1]
    assert conditions.pressure[0] == conditions.pressure[1]
    ramped = draw()
    assert ramped.temperature[0] != ramped.temperature[1]
    assert ramped.pressure[0] != ramped.pressure[1]


@pytest.mark.parametrize("ramp", [True, False])
def test_a_share_of_the_walkers_has_the_highest_temperature(ramp):
    drawn = [draw(number, hottest=0.25, ramp=ramp).temperature for number in range(16)]
    assert drawn[:4] == [(200, 200)] * 4
    assert all(max(ends) < 200 for ends in drawn[4:])


def test_a_known_structure_keeps_its_cell_and_composition():
    known = bulk("NaCl", "rocksalt", a=7.0, cubic=True)
    known.symbols = ["Na", "K"] * 4
    known.info["batch"] = "seeds"
    conditions = draw(3, (POTASSIUM, SODIUM), known=known)
    start = conditions.start
    assert start.get_chemical_formula() == "K4Na4"
    assert np.array_equal(start.cell, known.cell)
    moved = start.positions - known.positions
    assert 0.03 < moved.std() < 0.2
    assert start.info == {"kind": "least known", "batch": "seeds"}
    assert conditions.temperature == draw(3, (POTASSIUM, SODIUM)).temperature
    assert "kind" not in known.info
