"""All descriptions of a crystal meet in one form, and no other crystal gets it."""

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.geometry import get_distances
from crystals import described_otherwise

from smallcell.canonical import canonical_form

# 5.28619: half of it has a 5 behind the last decimal, and so lies on the edge of many a rounding.
CUBIC = {
    f"{lattice}{'' if cubic else ' primitive'}": bulk("K", lattice, a=5.28619, cubic=cubic)
    for lattice in ("sc", "bcc", "fcc", "diamond")
    for cubic in (True, False)
}
SYMMETRIC = CUBIC | {
    "hcp": bulk("K", "hcp", a=5.31, c=8.67),
    "hcp 2x2x1": bulk("K", "hcp", a=5.31, c=8.67) * (2, 2, 1),
    "tetragonal": Atoms("K2", cell=[4, 4, 5.5], scaled_positions=[[0, 0, 0], [0.5] * 3], pbc=True),
    "rhombohedral": Atoms("K", cell=np.full((3, 3), 0.3) + 4.7 * np.eye(3), pbc=True),
    "face-centred orthorhombic": Atoms("K", cell=[[0, 2, 3], [2.5, 0, 3], [2.5, 2, 0]], pbc=True),
    "bcc 1x1x2": CUBIC["bcc"] * (1, 1, 2),
    "bcc 1x2x2": CUBIC["bcc"] * (1, 2, 2),
    "bcc 2x2x2": CUBIC["bcc"] * (2, 2, 2),
    "bcc primitive 3x3x3": CUBIC["bcc primitive"] * (3, 3, 3),
    "bcc 3x3x3": CUBIC["bcc"] * (3, 3, 3),
}


def rattled(name: str, sodium: int = 0) -> Atoms:
    atoms = SYMMETRIC[name].copy()
    atoms.rattle(0.2, seed=5)
    atoms.numbers[:sodium] = 11
    return atoms


def pushed() -> Atoms:
    """One atom of four moved along a diagonal: some symmetry, but coordinates that are odd."""
    atoms = SYMMETRIC["bcc 1x1x2"].copy()
    atoms.positions[1] += [0.3137, 0.3137, 0]
    return atoms


DISORDERED = {
    "pushed": pushed(),
    "hcp 2x2x1 rattled": rattled("hcp 2x2x1"),
    "bcc rattled": rattled("bcc"),
    "NaK3": rattled("bcc 1x1x2", sodium=1),
    "Na7K9": rattled("bcc 2x2x2", sodium=7),
    "bcc 3x3x3 rattled": rattled("bcc 3x3x3"),
    "triclinic": Atoms("K", cell=[[5, 0, 0], [0.3, 5.1, 0], [0.2, 0.4, 5.3]], pbc=True),
}


@pytest.mark.parametrize("name", SYMMETRIC | DISORDERED)
def test_all_descriptions_of_a_crystal_have_one_form(name):
    atoms = (SYMMETRIC | DISORDERED)[name]
    rng = np.random.default_rng(1)
    form = canonical_form(atoms)
    for _ in range(5):
        assert canonical_form(described_otherwise(atoms, rng)) == form


@pytest.mark.parametrize("name", SYMMETRIC)
def test_noise_does_not_tell_symmetric_crystals_apart(name):
    rng = np.random.default_rng(2)
    form = canonical_form(SYMMETRIC[name])
    for _ in range(5):
        noisy = described_otherwise(SYMMETRIC[name], rng, steps=2, noise=1e-9)
        assert canonical_form(noisy) == form


@pytest.mark.parametrize("name", SYMMETRIC | DISORDERED)
def test_the_form_is_the_crystal_and_its_own_form(name):
    atoms = (SYMMETRIC | DISORDERED)[name]
    form = canonical_form(atoms)
    found = form.atoms()
    assert canonical_form(found) == form
    assert sorted(found.numbers) == sorted(atoms.numbers)
    assert found.cell.handedness == 1
    size = 12.0 if len(atoms) < 10 else 8.0
    assert np.allclose(distances(found, size), distances(atoms, size), rtol=0, atol=3e-5)


def distances(atoms: Atoms, size: float) -> np.ndarray:
    """All distances of an atom and an image of another below a size, sorted."""
    heights = atoms.cell.volume / np.linalg.norm(
        np.cross(atoms.cell[[1, 2, 0]], atoms.cell[[2, 0, 1]]), axis=1
    )
    reach = np.ceil(size / heights).astype(int) + 1
    images = np.stack(np.meshgrid(*(range(-n, n + 1) for n in reach)), axis=-1).reshape(-1, 3)
    wrapped = atoms.get_positions(wrap=True)
    shifted = wrapped[:, None] + images @ atoms.cell.array
    found = np.sort(get_distances(wrapped, shifted.reshape(-1, 3))[1].ravel())
    return found[found < size - 1e-4]


def test_the_tolerance_is_as_stated():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cell = 5 * np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3))
        fractions = [[0, 0, 0], rng.uniform(0.2, 0.8, 3)]
        atoms = Atoms("K2", cell=cell, scaled_positions=fractions, pbc=True)
        edges = canonical_form(atoms).atoms().cell.lengths()
        # The shortest vectors of so nearly cubic a lattice are the edges of its canonical cell.
        shortest = atoms.cell.minkowski_reduce()[0].lengths()
        assert np.abs(edges - np.sort(shortest)).max() < 1.01e-5
        moved = atoms.copy()
        moved.positions[1, 0] += 1e-5
        assert canonical_form(moved) != canonical_form(atoms)


def test_different_crystals_have_different_forms():
    bcc = CUBIC["bcc"]
    forms = {
        canonical_form(atoms)
        for atoms in (
            bcc,
            CUBIC["bcc primitive"],
            bcc * (1, 1, 2),
            bulk("Na", "bcc", a=5.28619, cubic=True),
            bulk("K", "bcc", a=5.2862, cubic=True),
            *(rattled("bcc 1x1x2", sodium=number) for number in range(5)),
        )
    }
    assert len(forms) == 10


def test_a_needle_of_a_cell_is_no_other_crystal():
    atoms = rattled("bcc 1x1x2")
    needle = atoms.copy()
    needle.set_cell(np.array([[1, 0, 0], [137, 1, 0], [-61, 211, 1]]) @ atoms.cell.array)
    assert needle.cell.lengths().max() > 1000
    assert canonical_form(needle) == canonical_form(atoms)


def test_what_is_not_the_crystal_is_left_out():
    atoms = rattled("bcc")
    adorned = atoms.copy()
    adorned.info["walker"] = 3
    adorned.set_velocities(np.ones((2, 3)))
    assert canonical_form(adorned) == canonical_form(atoms)
    assert not canonical_form(adorned).atoms().info


@pytest.mark.parametrize(
    "atoms",
    [Atoms(cell=[5] * 3, pbc=True), Atoms("K", cell=[5] * 3), Atoms("K", cell=[5, 5, 0], pbc=True)],
)
def test_what_is_no_crystal_is_refused(atoms):
    with pytest.raises(ValueError, match="periodic along three lattice vectors"):
        canonical_form(atoms)


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e11, 500.0, 0.01])
def test_a_crystal_beyond_all_measure_is_refused(number):
    with pytest.raises(ValueError, match=r"K: a (lattice vector|volume).* of \S+ A.*; .* at "):
        canonical_form(Atoms("K", cell=[5, 5, number], pbc=True))


@pytest.mark.parametrize(("name", "limit"), [("bcc 2x2x2", 0.1), ("bcc 3x3x3", 1.0)])
def test_it_is_fast(name, limit):
    canonical_form(SYMMETRIC[name])
    began = time.process_time()
    canonical_form(SYMMETRIC[name])
    assert time.process_time() - began < limit
