"""Import of labelled structures: real pw.x outputs through each format, and what is refused."""

import json
import re
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator, SinglePointDFTCalculator
from ase.constraints import FixAtoms
from ase.units import GPa, Ry
from test_labels import run

from smallcell.cfg import write_cfg
from smallcell.imports import compare, read_import, report, reported
from smallcell.training import read_structures, write_structures

ATOM = -1536.0
"""Taken for the energy of the isolated atom: crystals are then about 1 eV below (eV)."""

EDGES = (4.7, 4.8, 4.9, 5.0)
"""Lattice constants between which the k-mesh stays the same (A)."""


@pytest.fixture(scope="module")
def outputs(soft_potassium, tmp_path_factory) -> list[Path]:
    """What pw.x printed for compressed crystals of one atom."""
    paths = []
    for edge in EDGES:
        folder = tmp_path_factory.mktemp("pw")
        atoms = bulk("K", "bcc", a=edge)
        assert run(atoms, soft_potassium, folder, k_spacing=0.95).atoms is not None
        paths.append(folder / "espresso.pwo")
    return paths


@pytest.fixture
def crystals(outputs) -> list[Atoms]:
    """The structures of these, with total energies."""
    return [ase.io.read(path) for path in outputs]


def entry(path, **changes) -> dict:
    """An entry of the configuration's imports."""
    defaults = {"energies": {"K": ATOM}, "incomplete": "refuse", "weight": 1}
    return {"file": str(path), **defaults, **changes}


def read(path, species=("K",), seen=None, **changes):
    return read_import(entry(path, **changes), species, set() if seen is None else seen)


def written(tmp_path, structures) -> Path:
    path = tmp_path / "data.extxyz"
    ase.io.write(path, structures, format="extxyz")
    return path


def relabelled(atoms, **labels) -> Atoms:
    """Copy with some labels changed, or taken away by None."""
    copy = atoms.copy()
    found = {name: atoms.calc.results[name] for name in ("energy", "forces", "stress")} | labels
    copy.calc = SinglePointCalculator(
        copy, **{name: value for name, value in found.items() if value is not None}
    )
    return copy


def test_an_output_of_pw_is_imported(outputs):
    found = read(outputs[0])
    (atoms,) = found.structures
    printed = float(outputs[0].read_text().split("!    total energy")[1].split()[1])
    assert atoms.get_potential_energy() == pytest.approx(13.605693 * printed - ATOM, abs=2e-4)
    # Compressed: the stress is negative.
    pressure = float(outputs[0].read_text().split("P=")[1].split()[0]) / 10
    assert pressure > 1
    assert atoms.get_stress()[:3].mean() == pytest.approx(-pressure * GPa, abs=0.002 * GPa)
    assert atoms.info == {"batch": "import", "source": str(outputs[0]), "number": 0}
    assert (found.configurations, found.duplicates, found.pairs, found.warnings) == (1, 0, 0, ())


@pytest.mark.parametrize("ending", ["JOB DONE.", "convergence has been achieved"])
def test_an_output_of_a_run_that_failed_is_refused(outputs, tmp_path, ending):
    path = tmp_path / "cut.pwo"
    path.write_text(outputs[0].read_text().replace(ending, ""))
    with pytest.raises(ValueError, match=r"cut.pwo: pw.x .*; only a run that came to its end"):
        read(path)


@pytest.mark.parametrize("name", ["data.extxyz", "data.xyz", "data.db", "data.cfg"])
def test_labels_are_the_same_through_each_format(crystals, outputs, tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".cfg":
        write_cfg(path, crystals, ["K"])
    else:
        ase.io.write(path, crystals, format="db" if path.suffix == ".db" else "extxyz")
    expected = [read(output).structures[0] for output in outputs]
    # ASE writes extended XYZ to eight decimals, .cfg holds the stress times the volume.
    tolerance = 1e-8 if "xyz" in name else 1e-14
    for found, known in zip(read(path).structures, expected, strict=True):
        assert found.get_potential_energy() == known.get_potential_energy()
        assert np.array_equal(found.cell, known.cell)
        assert np.abs(found.positions - known.positions).max() <= tolerance
        assert np.abs(found.get_forces() - known.get_forces()).max() <= tolerance
        assert np.abs(found.get_stress() - known.get_stress()).max() <= 1e-14


def test_an_exported_training_set_comes_back_to_the_bit(crystals, tmp_path):
    exported, again = tmp_path / "train.extxyz", tmp_path / "again.extxyz"
    moved = crystals[0] * (2, 1, 1)
    moved.calc = SinglePointCalculator(
        moved, energy=-1 / 3, forces=np.full((2, 3), 1 / 7), stress=np.arange(6) / 3000
    )
    write_structures(exported, [*read(written(tmp_path, crystals)).structures, moved])
    known = read_structures(exported)
    write_structures(again, read(exported, energies="relative").structures)
    write_cfg(tmp_path / "train.cfg", known, ["K"])
    for path in (again, tmp_path / "train.cfg"):
        found = read(path, energies="relative").structures
        for one, other in zip(found, known, strict=True):
            assert one.get_potential_energy() == other.get_potential_energy()
            assert np.array_equal(one.positions, other.positions)
            assert np.array_equal(one.get_forces(), other.get_forces())
            np.testing.assert_allclose(one.get_stress(), other.get_stress(), rtol=1e-14, atol=0)


def vasprun(atoms: Atoms, free_energy: float) -> str:
    """The parts of a vasprun.xml that ASE reads, written from memory of the format.

    Stresses are in kbar and positive under pressure, the last energy is without entropy.
    """

    def rows(name, table):
        lines = "".join(f"<v>{' '.join(map(str, row))}</v>" for row in table)
        return f'<varray name="{name}">{lines}</varray>'

    structure = (
        f"<crystal>{rows('basis', atoms.cell.tolist())}</crystal>"
        f"{rows('positions', atoms.get_scaled_positions().tolist())}"
    )
    symbols = "".join(f"<rc><c>{symbol}</c><c>1</c></rc>" for symbol in atoms.symbols)
    kbar = -atoms.get_stress(voigt=False) / GPa * 10
    energies = (
        f'<i name="e_fr_energy">{free_energy}</i><i name="e_wo_entrp">{free_energy + 0.2}</i>'
        f'<i name="e_0_energy">{free_energy + 0.1}</i>'
    )
    return (
        '<?xml version="1.0"?><modeling><kpoints></kpoints>'
        f'<atominfo><array name="atoms"><set>{symbols}</set></array></atominfo>'
        f'<structure name="initialpos">{structure}'
        f"{rows('selective', [['F', 'F', 'F']] * len(atoms))}</structure>"
        f"<calculation><scstep><energy>{energies}</energy></scstep>"
        f"<structure>{structure}</structure>{rows('forces', [[0.25, 0, 0]] * len(atoms))}"
        f"{rows('stress', kbar.tolist())}<energy>{energies}</energy></calculation></modeling>"
    )


def test_a_vasprun_gives_the_free_energy_and_the_forces_on_fixed_atoms(crystals, tmp_path):
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(crystals[0], ATOM - 1))
    (atoms,) = read(path).structures
    assert atoms.get_potential_energy() == pytest.approx(-1)
    assert atoms.get_forces().tolist() == [[0.25, 0, 0]]
    np.testing.assert_allclose(atoms.get_stress(), crystals[0].get_stress(), rtol=1e-9, atol=1e-12)


def test_the_free_energy_is_what_the_forces_belong_to(crystals, tmp_path):
    atoms = crystals[0].copy()
    atoms.set_constraint(FixAtoms([0]))
    atoms.calc = SinglePointDFTCalculator(
        atoms, energy=ATOM, free_energy=ATOM - 0.5, forces=np.full((1, 3), 0.5), stress=np.zeros(6)
    )
    path = tmp_path / "data.db"
    ase.io.write(path, atoms)
    (found,) = read(path).structures
    assert found.get_potential_energy() == -0.5
    assert found.get_forces().tolist() == [[0.5] * 3]


def test_a_label_that_is_a_word_is_refused_by_name(crystals, tmp_path):
    path = written(tmp_path, crystals[:1])
    path.write_text(re.sub(r"energy=\S+", "energy=-1.2.3", path.read_text()))
    with pytest.raises(ValueError, match="configuration 0 K has energy of no number"):
        read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"energy": None}, "has no energy; the fit needs energy, forces and stress"),
        ({"stress": None}, "has no stress; .* or `incomplete: leave out`"),
        ({"forces": None, "stress": None}, "has no forces and no stress;"),
        ({"energy": np.nan}, "has energy nan; it must be finite"),
        ({"forces": np.full((1, 3), np.inf)}, "has forces inf; it must be finite"),
        (
            {"stress": np.full(6, -50.0)},
            r"has stress of -50 eV/A\^3; at most 10 is real \(a stress in",
        ),
        ({"forces": np.full((1, 3), 1e5)}, "has forces of 100000 eV/A; at most 1000 is real"),
    ],
)
def test_a_label_that_cannot_be_learnt_from_is_refused_by_name(crystals, tmp_path, change, words):
    path = written(tmp_path, [crystals[0], relabelled(crystals[1], **change)])
    with pytest.raises(ValueError, match=f"data.extxyz: configuration 1 K {words}"):
        read(path)


def test_what_is_there_in_place_of_a_missing_label_is_named(crystals, tmp_path):
    atoms = relabelled(crystals[0], stress=None)
    atoms.info["virial"] = np.eye(3)
    with pytest.raises(ValueError, match=r"has no stress \(beside its labels it has virial\)"):
        read(written(tmp_path, [atoms]))


def test_incomplete_configurations_are_left_out_if_so_wanted(crystals, tmp_path):
    path = written(tmp_path, [relabelled(crystals[0], stress=None), *crystals[1:]])
    found = read(path, incomplete="leave out")
    assert (found.configurations, found.incomplete, len(found.structures)) == (4, 1, 3)
    assert found.structures[0].info["number"] == 1


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        (Atoms("NaK", [[0, 0, 0], [2, 2, 2]], cell=[5] * 3, pbc=True), "contains Na; .* are K"),
        (
            Atoms("K", cell=[5] * 3, pbc=[True, True, False]),
            "has pbc .*False.*; it must be periodic",
        ),
        (Atoms("K"), "has pbc .* and 0 lattice vectors"),
        (Atoms("K", cell=[5, 5, np.nan], pbc=True), "has lattice nan; it must be finite"),
        (Atoms("K", [[0, 0, np.inf]], cell=[5] * 3, pbc=True), "has positions inf; it must be"),
    ],
)
def test_a_structure_that_the_potential_cannot_describe_is_refused(tmp_path, structure, words):
    structure.info["name"] = "alloy"
    with pytest.raises(ValueError, match=f"configuration 0 .alloy. (K|KNa) {words}"):
        read(written(tmp_path, [structure]))


def test_an_element_without_an_isolated_atom_is_refused(tmp_path):
    atoms = Atoms("NaK", [[0, 0, 0], [2, 2, 2]], cell=[5] * 3, pbc=True)
    with pytest.raises(ValueError, match="contains Na; its `energies` must have an isolated atom"):
        read(written(tmp_path, [atoms]), species=("Na", "K"))


def test_duplicates_are_left_out_and_counted(crystals, tmp_path):
    seen = set()
    first = read(written(tmp_path, [*crystals[:2], crystals[0]]), seen=seen)
    assert (first.configurations, first.duplicates, len(first.structures)) == (3, 1, 2)
    second = read(written(tmp_path, crystals), seen=seen)
    assert (second.configurations, second.duplicates, len(second.structures)) == (4, 2, 2)
    own = [relabelled(atoms, energy=atoms.get_potential_energy() - ATOM) for atoms in crystals]
    compared = compare(second, own[1:3])
    assert (compared.duplicates, len(compared.structures)) == (3, 1)


@pytest.mark.parametrize(
    ("energy", "stress", "virial", "mistake"),
    [
        (1 / Ry, 1, False, "energies in Ry"),
        (1, 1 / GPa, False, "a stress in GPa"),
        (1, -1, False, "a stress of the opposite sign"),
        (1, 1, True, "stress times volume, a virial"),
    ],
)
def test_labels_of_pw_in_other_units_are_refused(
    crystals, tmp_path, energy, stress, virial, mistake
):
    wrong = [
        relabelled(
            atoms,
            energy=ATOM + energy * (atoms.get_potential_energy() - ATOM),
            stress=stress * atoms.get_stress() * (atoms.get_volume() if virial else 1),
        )
        for atoms in crystals
    ]
    right = read(written(tmp_path, crystals))
    assert (right.pairs, right.warnings) == (3, ())
    with pytest.raises(ValueError, match=f"data.extxyz: energies and the work .*as of .*{mistake}"):
        read(written(tmp_path, wrong))
    # Of two pairs nobody can be sure.
    (warning,) = read(written(tmp_path, wrong[:3])).warnings
    assert mistake in warning


def test_another_reference_is_warned_of_and_refused_when_far_off(crystals, tmp_path):
    path = written(tmp_path, crystals[1:3])
    own = [relabelled(atoms, energy=atoms.get_potential_energy() - ATOM) for atoms in crystals]
    assert compare(read(path), own).warnings == ()
    (warning,) = compare(read(path, energies={"K": ATOM - 0.5}), own).warnings
    assert warning.startswith("energies of K are 0.5 eV/atom above the campaign's own crystals")
    for energies, offset in (({"K": ATOM + 1.5}, "1.5 eV/atom below"), ("relative", "below")):
        with pytest.raises(ValueError, match=f"data.extxyz: energies of K are .*{offset} the camp"):
            compare(read(path, energies=energies), own)


def test_stresses_out_of_proportion_are_warned_of_and_refused_when_far_off(crystals, tmp_path):
    own = [relabelled(atoms, energy=atoms.get_potential_energy() - ATOM) for atoms in crystals]
    for factor in (1, 5):
        larger = relabelled(crystals[0], stress=factor * crystals[0].get_stress())
        warnings = compare(read(written(tmp_path, [larger])), own).warnings
        words = (
            "stresses are 5 times the largest of the campaign's own crystals; are they in eV/A^3?"
        )
        assert warnings == ((words,) if factor == 5 else ())
    wrong = relabelled(crystals[0], stress=crystals[0].get_stress() / GPa)
    with pytest.raises(ValueError, match=r"data.extxyz: stresses are 160 times .*not in GPa or"):
        compare(read(written(tmp_path, [wrong])), own)


def test_a_weight_goes_with_each_structure(crystals, tmp_path):
    path = written(tmp_path, crystals)
    assert [atoms.info["weight"] for atoms in read(path, weight=0.25).structures] == [0.25] * 4
    assert "weight" not in read(path).structures[0].info


def test_imports_survive_their_files(crystals, outputs, tmp_path):
    seen = set()
    found = [
        read(path, seen=seen) for path in (outputs[1], written(tmp_path, crystals), outputs[2])
    ]
    assert [len(one.structures) for one in found] == [1, 3, 0]
    path = tmp_path / "read.extxyz"
    write_structures(path, [atoms for one in found for atoms in one.structures])
    reports = json.loads(json.dumps([report(one) for one in found]))
    again = list(reported(reports, read_structures(path)))
    assert [report(one) for one in again] == [report(one) for one in found]
    assert [atoms.info["source"] for atoms in again[1].structures] == [found[1].file] * 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data.txt", "", "the name must be one of"),
        ("data.extxyz", "2\nno lattice\nK 0 0\n", "ASE cannot read it as extxyz"),
        ("data.db", "nothing of the kind", "ASE cannot read it as db"),
        ("data.cfg", "", "there is no configuration in it"),
        ("OUTCAR", "", "OUTCAR: ASE cannot read it as vasp-out"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words) as refusal:
        read(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_seeds_with_close_pairs_are_no_measure_of_energies(crystals, tmp_path):
    path = written(tmp_path, crystals)
    own = read(path).structures
    pair = own[1].copy()
    pair.info["close"] = 0.7
    pair.calc = SinglePointCalculator(pair, energy=700.0, forces=[[0, 0, 0]], stress=np.zeros(6))
    assert compare(read(path), [*own, pair]).warnings == compare(read(path), own).warnings == ()
