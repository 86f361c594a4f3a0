"""From real walks in LAMMPS to a selection, graded by configuration and by neighbourhood."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from random_potentials import random_potential

from smallcell.candidates import gather
from smallcell.engine import with_active_set
from smallcell.potential import read_potential, write_potential
from smallcell.sampling import Conditions, WalkFate, provide, walk, write_walk
from smallcell.selection import active_set, grades, select
from smallcell.wall import Wall

SAMPLING = {
    "cell_change": "isotropic",
    "duration": 0.2,
    "timestep": 1,
    "grade_every": 2,
    "save_above": 2.1,
    "stop_above": 1e9,
    "velocities": True,
    "swap_every": 0,
    "pair_style": "mtp",
    "samples": 0,
}
MODES = ["configuration", "neighbourhood"]


def strained(strain, seed):
    """Four displaced atoms: their neighbourhoods differ."""
    atoms = bulk("K", "bcc", a=5.3 * strain, cubic=True) * (1, 1, 2)
    atoms.rattle(0.2, seed=seed)
    return atoms


@pytest.fixture(scope="module", params=MODES)
def potential(request):
    """A potential that hardly pulls, and knows crystals near 5.3 A."""
    made = random_potential(("K",), 6, seed=5)
    made = replace(made, linear=0.001 * made.linear)
    return with_active_set(made, [strained(1, seed) for seed in range(100)], request.param)


def walked(potential, folder):
    """Frames of a walk that leaves what the potential knows."""
    folder.mkdir()
    write_potential(folder / "made.almtp", potential)
    provide(folder, folder / "made.almtp")
    start = strained(0.96, 1000)
    conditions = Conditions((300, 300), (0.0, 0.0), start, start.get_volume(), 1)
    write_walk(folder, conditions, SAMPLING, ["K"], Wall(1.0, 0.9, 1.0))
    done = walk(folder, ["K"])
    assert done.fate == WalkFate.FINISHED
    return done.frames


@pytest.fixture(scope="module")
def frames(potential, tmp_path_factory):
    return walked(potential, tmp_path_factory.mktemp("walks") / "first")


def test_lammps_saves_what_has_a_grade_above_the_threshold(potential, frames):
    candidates = gather(potential, [frames], 0)
    assert len(candidates.structures) == len(frames) > 20
    assert len(candidates.rows) == len(frames) * (4 if potential.grade_mode == MODES[1] else 1)
    found = grades(candidates.rows, potential.active_set, candidates.owners)
    assert found.min() > 2.1


def test_the_same_seed_gives_the_same_selection(potential, frames, tmp_path):
    again = walked(potential, tmp_path / "again")
    choices = []
    for walks in ([frames], [again]):
        candidates = gather(potential, walks, 0.5)
        costs = np.linspace(1, 2, len(candidates.structures))
        owners = candidates.owners
        numbers = select(potential.active_set, candidates.rows, 2.1, None, owners, costs)
        choices.append([candidates.structures[number].positions for number in numbers])
    assert len(choices[0]) > 0
    np.testing.assert_array_equal(*choices)


def test_the_active_set_of_the_file_is_that_of_the_training_set(potential, tmp_path):
    write_potential(tmp_path / "a.almtp", potential)
    read = read_potential(tmp_path / "a.almtp")
    np.testing.assert_array_equal(read.active_set, potential.active_set)
    assert read.grade_mode == potential.grade_mode


def test_thinned_walks_lead_to_a_selection_that_leaves_no_frame_unknown(potential, frames):
    everything = gather(potential, [frames], 0)
    thinned = gather(potential, [frames], 0.5)
    assert 0 < len(thinned.structures) < len(everything.structures)
    chosen = select(potential.active_set, thinned.rows, 2.1, None, thinned.owners)
    taken = thinned.rows[np.isin(thinned.owners, chosen)]
    known = active_set(np.vstack([potential.active_set, taken]))
    assert grades(everything.rows, known).max() <= 2.1


def test_walks_are_thinned_one_by_one(potential, frames):
    once = gather(potential, [frames], 0.5)
    twice = gather(potential, [frames, [], frames], 0.5)
    n_once = len(once.structures)
    assert twice.structures == 2 * once.structures
    np.testing.assert_array_equal(twice.rows, np.vstack([once.rows, once.rows]))
    np.testing.assert_array_equal(twice.owners, [*once.owners, *(once.owners + n_once)])


def test_no_frames_are_no_selection(potential):
    none = gather(potential, [[], []], 0.5)
    known = potential.active_set
    assert len(grades(none.rows, known, none.owners)) == 0
    assert len(select(known, none.rows, 2.1, 5, none.owners, np.empty(0))) == 0
