"""One crystal, one energy: fine settings pass the gate, a coarse k-mesh does not."""

import numpy as np
import pytest
from ase import Atoms

from smallcell.canonical import canonical_form
from smallcell.cells import cells
from smallcell.gate import gate_faults, gate_structures, gate_table, gate_text
from smallcell.jobs import label_once
from smallcell.labels import crystal_calculation
from smallcell.programs import ask_pw

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
ONE = {"unit": "primitive", "cell": [1, 1, 1]}
TWO = {"unit": "conventional", "cell": [1, 1, 1]}
FOUR = {"unit": "conventional", "cell": [1, 1, 2]}
SIXTEEN = {"unit": "conventional", "cell": [2, 2, 2]}
ALL = {"cells": {"atoms": [1, 12]}}
FEW = {"cells": {"atoms": [1, 5]}}
TOLERANCES = {"energy": 0.2, "pressure": 0.01}


def distances(atoms: Atoms, shells: int = 20) -> np.ndarray:
    """Shortest distances from any atom to the others, of a large piece of the crystal."""
    large = atoms * (4, 4, 4)
    found = large.get_all_distances(mic=True)
    return np.sort(found, axis=1)[:, 1 : shells + 1]


@pytest.mark.parametrize("stages", [{"a": ONE, "b": TWO}, {"a": TWO, "b": FOUR}])
def test_every_cell_holds_the_same_distorted_crystal(stages):
    structures = gate_structures([POTASSIUM], stages, most_atoms=8)
    assert [atoms.info["structure"] for atoms in structures] == ["perfect"] * 2 + ["distorted"] * 2
    for first, second in (structures[:2], structures[2:]):
        assert first.get_volume() / len(first) == pytest.approx(second.get_volume() / len(second))
        ours, theirs = (np.unique(distances(atoms).round(6), axis=0) for atoms in (first, second))
        assert ours == pytest.approx(theirs, abs=1e-5)
    perfect, distorted = structures[0], structures[2]
    assert not np.allclose(distances(perfect)[0, :14], distances(distorted)[0, :14], atol=0.05)


def test_copies_and_large_cells_are_left_out():
    stages = {"seeds": TWO, "two-atoms": TWO, "four-atoms": FOUR, "sixteen-atoms": SIXTEEN}
    structures = gate_structures([POTASSIUM], stages, most_atoms=8)
    assert [atoms.info["in_cell"] for atoms in structures] == ["seeds", "four-atoms"] * 2
    assert [len(atoms) for atoms in structures] == [2, 4, 2, 4]
    assert gate_structures([POTASSIUM], {"seeds": TWO, "large": SIXTEEN}, most_atoms=8) == []


def test_of_all_cells_the_longest_of_each_number_of_atoms_hold_the_same_distorted_crystal():
    structures = gate_structures([POTASSIUM], {"seeds": TWO, "all": ALL}, most_atoms=5)
    perfect = [atoms for atoms in structures if atoms.info["structure"] == "perfect"]
    assert [len(atoms) for atoms in perfect] == [2, 1, 2, 3, 4, 5]
    assert perfect[0].info["in_cell"] == "seeds"
    for atoms in perfect[1:]:
        name, number = atoms.info["in_cell"].split("#")
        alike = cells(POTASSIUM, ["bcc"], (len(atoms), len(atoms)))
        assert name == f"all {len(atoms)} "
        assert canonical_form(alike[int(number)]) == canonical_form(atoms)
        longest = atoms.cell.minkowski_reduce()[0].lengths().max()
        assert longest >= max(cell.cell.lengths().max() for cell in alike) - 1e-9
    distorted = [atoms for atoms in structures if atoms.info["structure"] == "distorted"]
    assert len(distorted) == len(perfect)
    for atoms in distorted[1:]:
        assert atoms.get_volume() / len(atoms) == pytest.approx(5.3**3 / 2 * 1.02**2 * 0.95)
        assert np.allclose(distances(atoms), distances(distorted[0])[0], atol=1e-6)


def test_a_crystal_with_two_atoms_in_its_primitive_cell_is_displaced_in_all_cells():
    carbon = {"symbol": "C", "lattice": "diamond", "lattice_constant": 3.57}
    structures = gate_structures([carbon], {"seeds": TWO, "all": FEW}, most_atoms=8)
    distorted = [atoms for atoms in structures if atoms.info["structure"] == "distorted"]
    assert [len(atoms) for atoms in distorted] == [8, 2, 4]
    # Two of the four bonds along a diagonal grow longer, two shorter.
    bonds = [np.unique(distances(atoms, 4).round(6), axis=0) for atoms in distorted]
    assert all(np.allclose(found, bonds[0], atol=1e-5) for found in bonds)
    assert np.ptp(bonds[0]) > 0.1


def test_cells_of_other_lattices_alone_take_no_part():
    other = {"cells": {"atoms": [1, 4], "lattices": ["fcc"]}}
    assert gate_structures([POTASSIUM], {"seeds": TWO, "other": other}, most_atoms=8) == []


def labelled_table(soft_potassium, store, spacing):
    dft = {
        "ecutwfc": 20,
        "ecutrho": 120,
        "smearing": "marzari-vanderbilt",
        "degauss": 0.05,
        "conv_thr": 1e-8,
        "k_spacing": spacing,
        "command": "pw.x",
        "cores": 1,
        "time_limit": 100,
    }
    settings = {"dft": dft, "labels": {"store": store, "closest": 0.3}}
    structures = gate_structures([POTASSIUM], {"two": TWO, "four": FOUR}, most_atoms=4)[:2]
    found = []
    for atoms in structures:
        form = canonical_form(atoms).atoms()
        calculation = crystal_calculation(form, dft, {"K": "deck"})
        found.append(label_once(form, calculation, ask_pw("pw.x"), settings, [soft_potassium]))
    return gate_table(
        structures,
        [labelled for _, labelled in found],
        [report["label_core_seconds"] for report, _ in found],
        spacing,
    )


def test_cells_whose_meshes_fold_agree_and_any_difference_beyond_a_tolerance_is_told(
    soft_potassium, tmp_path
):
    table = labelled_table(soft_potassium, tmp_path, 0.6)
    assert table["k-mesh"].tolist() == ["2x2x2", "2x2x1"]
    assert gate_faults(table, TOLERANCES) == []
    (fault,) = gate_faults(table, TOLERANCES | {"energy": 1e-9})
    assert fault.startswith("perfect K: energy differs by")
    assert fault.endswith("gate.energy allows 1e-09")
    text = gate_text(table)
    assert "perfect" in text
    assert "2x2x1" in text


def test_without_two_cells_there_is_nothing_to_compare():
    table = gate_table([], [], [], 0.3)
    assert gate_faults(table, TOLERANCES) == []
    assert "nothing to compare" in gate_text(table)
