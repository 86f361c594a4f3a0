"""Small cells cut out of a large one keep what is around the atom in the middle."""

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from smallcell import cut_outs
from smallcell.cut_outs import cut_out, relieved
from smallcell.engine import MTPCalculator
from smallcell.fitting import shortest_distance

CENTRE = 301


@pytest.fixture(scope="module")
def frame():
    """A hot crystal."""
    atoms = bulk("K", "bcc", a=5.5, cubic=True) * (6, 6, 6)
    atoms.rattle(0.25, seed=1)
    atoms.numbers[::3] = 11
    return atoms


def cut(frame, number, seed=1):
    return cut_out(frame, CENTRE, number, np.random.default_rng(seed))


def neighbours(atoms, centre, distance):
    """Distances of the neighbours of an atom, sorted, with their elements."""
    first, second, found = neighbor_list("ijd", atoms, distance)
    mine = first == centre
    return sorted(zip(found[mine], atoms.numbers[second[mine]], strict=True))


@pytest.mark.parametrize("number", [8, 16, 28])
def test_all_that_is_nearer_than_the_faces_is_kept(frame, number):
    small = cut(frame, number)
    kept = np.array(neighbours(small.atoms, 0, small.reach))
    assert kept == pytest.approx(np.array(neighbours(frame, CENTRE, small.reach)))
    assert len(kept) > number / 4
    assert np.allclose(small.atoms.positions[0], 0)


@pytest.mark.parametrize("number", [2, 8, 16, 28])
def test_a_cut_out_has_no_more_atoms_than_allowed_in_their_volume(frame, number):
    small = cut(frame, number)
    assert number / 2 <= len(small.atoms) <= number
    assert small.atoms.get_volume() == pytest.approx(number * frame.get_volume() / len(frame))


def test_the_cell_reaches_farther_than_a_cube(frame):
    small = cut(frame, 16)
    assert small.reach == pytest.approx(1.1225 * np.cbrt(small.atoms.get_volume()) / 2, rel=1e-4)


def test_of_many_orientations_that_without_clashes_is_taken(frame, monkeypatch):
    best = shortest_distance(cut(frame, 16).atoms)
    monkeypatch.setattr(cut_outs, "ORIENTATIONS", 1)
    single = [shortest_distance(cut(frame, 16, seed).atoms) for seed in range(9)]
    assert best >= shortest_distance(frame) > np.median(single)


def test_where_atoms_crowd_the_cell_is_smaller(frame):
    crowded = frame.copy()
    near = crowded.get_distances(CENTRE, range(len(frame)), mic=True) < 9
    middle = crowded.positions[CENTRE].copy()
    vectors = crowded.get_distances(CENTRE, range(len(frame)), mic=True, vector=True)
    crowded.positions[near] = middle + 0.7 * vectors[near]
    small = cut(crowded, 16)
    assert 8 <= len(small.atoms) <= 16
    assert small.atoms.get_volume() < 14 * frame.get_volume() / len(frame)
    kept = np.array(neighbours(small.atoms, 0, small.reach))
    assert kept == pytest.approx(np.array(neighbours(crowded, CENTRE, small.reach)))


def test_the_same_seed_cuts_the_same(frame):
    assert cut(frame, 16).atoms == cut(frame, 16).atoms
    assert cut(frame, 16).atoms != cut(frame, 16, seed=2).atoms


def test_a_frame_too_small_to_be_cut_is_refused():
    with pytest.raises(ValueError, match="cut-out of 16 atoms is 16.8 A wide.* only 10.6 A"):
        cut_out(bulk("K", "bcc", a=5.3, cubic=True) * (2, 2, 2), 0, 16, np.random.default_rng(1))


def test_what_gives_way_leaves_the_core_alone(frame, sound_potential):
    pure = frame.copy()
    pure.numbers[:] = 19
    small = cut(pure, 16)
    # Two atoms across a face are pushed together.
    small.atoms.set_cell(small.atoms.cell * 0.93)
    core, bound = 4.8, 0.1
    before = small.atoms.copy()
    inside = np.flatnonzero(np.linalg.norm(before.positions, axis=1) < core)
    outside = np.setdiff1d(range(len(before)), inside)
    after = relieved(before, core, bound, sound_potential.file, ["K"], sound_potential.wall)

    def forces(atoms):
        found = MTPCalculator(sound_potential.potential).get_property("forces", atoms)
        return np.linalg.norm(found, axis=1)

    def in_the_core(atoms):
        return [atoms.get_distances(0, i, mic=True)[0] for i in inside[1:]]

    assert len(inside) > 3
    assert in_the_core(after) == pytest.approx(in_the_core(before), abs=1e-8)
    assert forces(before)[outside].max() > bound
    assert forces(after)[outside].max() <= bound * (1 + 1e-6)
    assert after.get_volume() == pytest.approx(before.get_volume())
