"""All cells of parent crystals, each once: against counts of others and of two other ways."""

import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.geometry import is_minkowski_reduced
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal as spacegroup_crystal
from conftest import REPOSITORY

from smallcell.canonical import canonical_form
from smallcell.cells import (
    LATTICES,
    atom_volume,
    cells,
    crystal,
    hermite_normal_forms,
    parent,
    rotations,
    starts,
    superlattices,
)

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}

# OEIS A159842, by Hart: fcc, its dual, bcc, and diamond, which has the cells of fcc since each
# lattice has inversion. Those of sc and hcp are counted in two other ways below.
KNOWN = {
    "fcc": [1, 2, 3, 7, 5, 10, 7, 20],
    "bcc": [1, 2, 3, 7, 5, 10, 7, 20],
    "diamond": [1, 2, 3, 7, 5, 10, 7, 20],
}


def numbers(lattice: str, most: int = 8) -> list[int]:
    turns = rotations(parent(lattice, POTASSIUM))
    return [len(superlattices(turns, index)) for index in range(1, most + 1)]


def test_there_are_as_many_sublattices_as_there_must_be():
    # OEIS A001001: sum over divisors d of d times the sum of d's divisors.
    assert [len(hermite_normal_forms(n)) for n in range(1, 9)] == [1, 7, 13, 35, 31, 91, 57, 155]
    forms = hermite_normal_forms(8)
    assert np.allclose(np.linalg.det(forms), 8)
    assert len(np.unique(forms, axis=0)) == len(forms)


@pytest.mark.parametrize("lattice", KNOWN)
def test_there_are_as_many_distinct_cells_as_others_found(lattice):
    assert numbers(lattice) == KNOWN[lattice]


def test_larger_cells_are_counted_as_others_did():
    # OEIS A159842 at 12 and 16.
    turns = rotations(parent("fcc", POTASSIUM))
    assert [len(superlattices(turns, index)) for index in (12, 16)] == [41, 58]


@pytest.mark.parametrize("lattice", LATTICES)
def test_there_are_as_many_as_orbits_have_by_burnsides_lemma(lattice):
    """Turned lattices are compared as sets of points here, not as bases."""
    primitive = parent(lattice, POTASSIUM)
    turns = rotations(primitive)
    for index, found in enumerate(numbers(lattice, 6), start=1):
        points = np.stack(np.meshgrid(*3 * [np.arange(index)]), axis=-1).reshape(-1, 3)
        # A sublattice of index n holds n times the lattice, so that its points modulo n tell it.
        contents = [
            {tuple(point) for point in points @ form % index}
            for form in hermite_normal_forms(index)
        ]
        fixed = sum(
            {tuple(point) for point in np.array(list(content)) @ turn.astype(int) % index}
            == content
            for content in contents
            for turn in turns
        )
        assert fixed == found * len(turns)


@pytest.mark.parametrize(("lattice", "most"), [("sc", 4), ("bcc", 4), ("fcc", 4), ("hcp", 3)])
def test_no_cell_comes_twice_and_none_is_missing(lattice, most):
    """Canonical forms of all sublattices, found with no symmetry of the parent, are the cells'."""
    primitive = parent(lattice, POTASSIUM)
    for index in range(1, most + 1):
        count = index * len(primitive)
        ours = [canonical_form(atoms) for atoms in cells(POTASSIUM, [lattice], (count, count))]
        every = {
            canonical_form(make_supercell(primitive, form)) for form in hermite_normal_forms(index)
        }
        assert len(set(ours)) == len(ours)
        assert set(ours) == every


def test_any_cell_of_the_crystal_is_among_them():
    """Random whole-numbered vectors, which know nothing of normal forms."""
    rng = np.random.default_rng(4)
    primitive = parent("hcp", POTASSIUM)
    ours = {canonical_form(atoms) for atoms in cells(POTASSIUM, ["hcp"], (2, 6))}
    vectors = rng.integers(-3, 4, (2000, 3, 3))
    small = vectors[np.isin(np.abs(np.linalg.det(vectors).round()), (1, 2, 3))]
    met = {canonical_form(make_supercell(primitive, matrix)) for matrix in small[:100]}
    assert met == ours


def test_cells_are_reduced_and_hold_the_crystal_at_its_volume():
    found = cells(POTASSIUM, ["bcc", "hcp"], (1, 8))
    neighbours = {"bcc": (np.sqrt(3) / 2 * 5.3, 8), "hcp": (5.3 / 2 ** (1 / 6), 12)}
    assert [atoms.info["atoms"] for atoms in found] == [len(atoms) for atoms in found]
    assert {len(atoms) for atoms in found if atoms.info["parent"] == "bcc"} == set(range(1, 9))
    assert {len(atoms) for atoms in found if atoms.info["parent"] == "hcp"} == {2, 4, 6, 8}
    assert len({tuple(atoms.info.values()) for atoms in found}) == len(found)
    for atoms in found:
        assert is_minkowski_reduced(atoms.cell)
        assert atoms.cell.handedness == 1
        assert atoms.get_volume() / len(atoms) == pytest.approx(5.3**3 / 2)
        assert set(atoms.symbols) == {"K"}
        # Each atom has the crystal's neighbours, at the crystal's distance.
        distance, coordination = neighbours[atoms.info["parent"]]
        near, distances = neighbor_list("id", atoms, 1.1 * distance)
        assert np.bincount(near).tolist() == [coordination] * len(atoms)
        assert distances == pytest.approx(distance)


def test_stacks_of_the_conventional_cell_are_among_the_cells():
    forms = [canonical_form(atoms) for atoms in cells(POTASSIUM, ["bcc"], (2, 8))]
    for repeats in ((1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 2, 2)):
        assert canonical_form(crystal(POTASSIUM, "conventional", repeats)) in forms


def test_units_of_all_lattices_have_their_volume_whatever_the_element():
    volumes = {"sc": 1.0, "bcc": 0.5, "fcc": 0.25, "diamond": 0.125, "hcp": np.sqrt(0.5)}
    sites = {"sc": (1, 1), "bcc": (1, 2), "fcc": (1, 4), "diamond": (2, 8), "hcp": (2, 2)}
    for lattice in LATTICES:
        # ASE knows Zn as hcp with c/a = 1.86.
        element = {"symbol": "Zn", "lattice": lattice, "lattice_constant": 3.0}
        assert atom_volume(element) == pytest.approx(27 * volumes[lattice])
        units = [crystal(element, unit, (1, 1, 1)) for unit in ("primitive", "conventional")]
        assert tuple(len(atoms) for atoms in units) == sites[lattice]


def test_a_stage_has_one_cell_or_all_of_its_lattices():
    (only,) = starts(POTASSIUM, {"cell": [1, 1, 2], "unit": "conventional"})
    assert canonical_form(only) == canonical_form(bulk("K", "bcc", a=5.3, cubic=True) * (1, 1, 2))
    own = starts(POTASSIUM, {"cells": {"atoms": [1, 3]}})
    assert [(atoms.info["parent"], len(atoms)) for atoms in own] == [("bcc", 1)] + [
        ("bcc", 2)
    ] * 2 + [("bcc", 3)] * 3
    named = starts(POTASSIUM, {"cells": {"atoms": [2, 2], "lattices": ["fcc", "hcp"]}})
    assert [atoms.info["parent"] for atoms in named] == ["fcc"] * 2 + ["hcp"]


def written(folder: Path, name: str, atoms) -> str:
    path = folder / name
    ase.io.write(path, atoms)
    return str(path)


def test_a_structure_file_is_a_parent_by_its_sites_alone(tmp_path):
    """CsCl, in a supercell and with few digits, has the sites of bcc."""
    caesium_chloride = Atoms(
        ["Cs", "Cl"], scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[4.12345] * 3, pbc=True
    )
    file = written(tmp_path, "CsCl.vasp", caesium_chloride * (2, 1, 1))
    found = parent(file, POTASSIUM)
    assert canonical_form(found) == canonical_form(parent("bcc", POTASSIUM))
    forms = {canonical_form(atoms) for atoms in cells(POTASSIUM, [file], (1, 4))}
    assert forms == {canonical_form(atoms) for atoms in cells(POTASSIUM, ["bcc"], (1, 4))}


def test_a_parent_of_low_symmetry_has_more_cells(tmp_path):
    # Right-handed quartz: its silicon sites alone have no inversion and no reflection.
    quartz = spacegroup_crystal(
        ["Si"], [(0.4697, 0, 1 / 3)], spacegroup=152, cellpar=[4.916, 4.916, 5.405, 90, 90, 120]
    )
    file = written(tmp_path, "quartz.cif", quartz)
    assert len(parent(file, POTASSIUM)) == 3
    assert len(rotations(parent(file, POTASSIUM))) == 6
    found = cells(POTASSIUM, [file], (1, 9))
    assert {len(atoms) for atoms in found} == {3, 6, 9}
    forms = [canonical_form(atoms) for atoms in found]
    assert len(set(forms)) == len(forms)
    every = {
        canonical_form(make_supercell(parent(file, POTASSIUM), form))
        for index in (1, 2, 3)
        for form in hermite_normal_forms(index)
    }
    assert every == set(forms)


def test_a_file_that_is_no_crystal_is_refused_with_its_name(tmp_path):
    bcc = bulk("K", "bcc", a=5.3)
    text = tmp_path / "notes.cif"
    text.write_text("bcc, of course\n")
    for file, words in (
        (str(text), "ASE cannot read it"),
        (written(tmp_path, "path.extxyz", [bcc, bcc]), "has 2 structures"),
        (written(tmp_path, "molecule.xyz", Atoms("K2", [[0, 0, 0], [0, 0, 4]])), "periodic"),
        (
            written(tmp_path, "twice.extxyz", Atoms("K2", cell=[5] * 3, pbc=True)),
            "on top of each other",
        ),
    ):
        with pytest.raises(ValueError, match=words) as raised:
            parent(file, POTASSIUM)
        assert str(raised.value).startswith(file)
    with pytest.raises(OSError, match="none.cif"):
        parent(str(tmp_path / "none.cif"), POTASSIUM)


def test_all_cells_of_four_lattices_take_less_than_two_seconds():
    began = time.process_time()
    assert len(cells(POTASSIUM, ["bcc", "fcc", "hcp", "sc"], (1, 8))) == 195
    assert time.process_time() - began < 2


def test_the_numbers_in_the_documentation_are_those_of_the_cells():
    page = (REPOSITORY / "docs/method.md").read_text()
    for lattice in LATTICES:
        counts = [
            len(cells(POTASSIUM, [lattice], (number, number))) or "-" for number in range(1, 9)
        ]
        row = [lattice, *counts, sum(count for count in counts if count != "-")]
        assert f"| {' | '.join(map(str, row))} |\n" in page
