"""The .cfg format: a file as MLIP writes it, motep as the other reader, and what is refused."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st
from motep.io.mlip.cfg import read_cfg as motep_read_cfg

from smallcell.cfg import read_cfg, write_cfg

TEXT = """\
BEGIN_CFG
 Size
    2
 Supercell
    4.0e+00 0.0 0.0
    0.0 5.0 0.0
    0.0 1.0 6.0
 AtomData:  id type       cartes_x      cartes_y      cartes_z           fx          fy          fz
    1 1  0.0 0.0 0.0  1.5e-05 0.25 -0.5
    2 0  2.0 2.5 3.0  -1.5e-05 -0.25 0.5
 Energy
    -1.8972589552777208e-01
 PlusStress:  xx          yy          zz          yz          xz          xy
     1.0 2.0 3.0 4.0 5.0 6.0
 Feature   EFS_by\tQe
 Feature   MV_grade\t2.25
 Feature   selected_eqn_inds\t178,220
END_CFG

BEGIN_CFG
 Size
    1
 AtomData:  id type cartes_x cartes_y cartes_z nbh_grades
    1 0 0.1 0.2 0.3 1.75
END_CFG
"""


@pytest.fixture
def structures() -> list[Atoms]:
    """Return labelled structures of different sizes with all digits in use."""
    generator = np.random.default_rng(8)
    structures = []
    for size in (1, 3, 8):
        atoms = Atoms(
            generator.choice(["Na", "K"], size),
            cell=5 * np.eye(3) + generator.normal(size=(3, 3)),
            scaled_positions=generator.uniform(size=(size, 3)),
            pbc=True,
        )
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=generator.normal(),
            forces=generator.normal(size=(size, 3)) * 10.0 ** generator.integers(-9, 3, (size, 1)),
            stress=generator.normal(size=6) * 1e-6,
        )
        structures.append(atoms)
    return structures


def assert_same(found: Atoms, expected: Atoms) -> None:
    """Compare structures and labels to the bit, the stress to the rounding of the volume in it."""
    assert list(found.symbols) == list(expected.symbols)
    assert found.pbc.tolist() == expected.pbc.tolist()
    np.testing.assert_array_equal(found.cell, expected.cell)
    np.testing.assert_array_equal(found.positions, expected.positions)
    assert found.get_potential_energy() == expected.get_potential_energy()
    np.testing.assert_array_equal(found.get_forces(), expected.get_forces())
    # One rounding for the product and one for the quotient, and the volume may differ by a few.
    np.testing.assert_allclose(found.get_stress(), expected.get_stress(), rtol=1e-14)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_of_mlip_is_read(tmp_path, newline):
    path = tmp_path / "a.cfg"
    path.write_bytes(TEXT.replace("\n", newline).encode())
    labelled, bare = read_cfg(path, ("Na", "K"))
    assert list(labelled.symbols) == ["K", "Na"]
    np.testing.assert_array_equal(labelled.cell, [[4, 0, 0], [0, 5, 0], [0, 1, 6]])
    np.testing.assert_array_equal(labelled.positions, [[0, 0, 0], [2, 2.5, 3]])
    assert labelled.get_potential_energy() == -0.18972589552777208
    np.testing.assert_array_equal(labelled.get_forces()[0], [1.5e-05, 0.25, -0.5])
    # ASE's order is that of the file (xx yy zz yz xz xy), its sign the opposite of PlusStress.
    expected = -np.arange(1, 7) / 120
    np.testing.assert_allclose(labelled.get_stress(), expected, rtol=1e-15)
    assert labelled.info == {"EFS_by": "Qe", "MV_grade": 2.25, "selected_eqn_inds": "178,220"}
    assert bare.calc is None
    assert not bare.pbc.any()
    np.testing.assert_array_equal(bare.arrays["nbh_grades"], [1.75])


def test_columns_and_stresses_are_taken_by_name(tmp_path):
    path = tmp_path / "a.cfg"
    text = TEXT.replace("xx          yy", "yy          xx")
    text = text.replace("cartes_x      cartes_y      cartes_z", "direct_x direct_y direct_z")
    path.write_text(text.replace("2.0 2.5 3.0", "0.5 0.25 0.5"))
    atoms = read_cfg(path, ("Na", "K"))[0]
    np.testing.assert_allclose(atoms.get_stress()[:3] * -120, [2, 1, 3], rtol=1e-14)
    np.testing.assert_allclose(atoms.positions[1], [2, 1.75, 3], rtol=1e-14)


def test_labels_that_are_missing_stay_missing(tmp_path):
    path = tmp_path / "a.cfg"
    path.write_text(TEXT.replace(" Energy\n    -1.8972589552777208e-01\n", ""))
    assert set(read_cfg(path, ("Na", "K"))[0].calc.results) == {"forces", "stress"}


def test_structures_come_back(tmp_path, structures):
    structures[1].info = {"stage": "1x1x2", "MV_grade": 2.5e-7, "round": np.int64(3)}
    structures[2].calc = None
    write_cfg(tmp_path / "a.cfg", structures, ("K", "Na"))
    found = read_cfg(tmp_path / "a.cfg", ("K", "Na"))
    assert len(found) == 3
    assert_same(found[0], structures[0])
    assert_same(found[1], structures[1])
    assert found[1].info == structures[1].info
    assert found[2].calc is None
    np.testing.assert_array_equal(found[2].positions, structures[2].positions)


def test_motep_reads_what_is_written(tmp_path, structures):
    write_cfg(tmp_path / "a.cfg", structures, ("Na", "K"))
    for found, expected in zip(
        motep_read_cfg(tmp_path / "a.cfg", index=":", species=["Na", "K"]), structures, strict=True
    ):
        assert_same(found, expected)


def test_labels_of_another_geometry_are_not_written(tmp_path, structures):
    structures[0].positions += 0.1
    write_cfg(tmp_path / "a.cfg", structures[:1], ("Na", "K"))
    assert read_cfg(tmp_path / "a.cfg", ("Na", "K"))[0].calc is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_any_double_comes_back_to_the_bit_without_an_exponent(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("cfg") / "a.cfg"
    write_cfg(path, [Atoms("K", positions=[numbers])], ("K",))
    assert "e" not in path.read_text().split("cartes_z")[1].split("END_CFG")[0]
    found = read_cfg(path, ("K",))[0].positions[0]
    assert found.tobytes() == np.array(numbers).tobytes()


def test_no_structures_is_an_empty_file(tmp_path):
    write_cfg(tmp_path / "a.cfg", [], ("K",))
    assert read_cfg(tmp_path / "a.cfg", ("K",)) == []


@pytest.mark.parametrize("n_lines", [1, 2, 3, 6, 9, 12, 17, 20, 24])
def test_a_file_that_is_cut_off_is_refused_by_line(tmp_path, n_lines):
    path = tmp_path / "a.cfg"
    path.write_text("\n".join(TEXT.splitlines()[:n_lines]))
    begin = 1 if n_lines < 20 else 20
    with pytest.raises(
        ValueError,
        match=f"a.cfg, line {n_lines}: found no END_CFG to the BEGIN_CFG of line {begin},",
    ):
        read_cfg(path, ("Na", "K"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("END_CFG\n\n", "", "line 18: found no END_CFG to the BEGIN_CFG of line 1"),
        ("BEGIN_CFG\n Size\n    2", " Size\n    2", "line 1: found 'Size', expected BEGIN_CFG"),
        ("    2\n", "    two\n", "line 3: found 'two', expected the number of atoms"),
        ("    2\n", "    3\n", "line 11: found 'Energy', expected 8 finite numbers"),
        ("    2\n", "    1\n", "line 10: found '2 0 .*', expected Size, Supercell"),
        ("0.0 5.0 0.0", "0.0 5.0", "line 6: found '0.0 5.0', expected 3 finite numbers"),
        ("0.25", "nan", "line 9: found .* expected 8 finite numbers"),
        ("    2 0 ", "    2 2 ", "line 10: found an atom of type 2, expected a type from 0 to 1"),
        ("id type       cartes_x", "id kind       cartes_x", "expected a column 'type'"),
        (
            "cartes_x      ",
            "x      ",
            "line 18: found a configuration with the atom columns id type x",
        ),
        ("xx          yy", "xx          xx", "line 13: .* expected the components xx yy zz"),
        (" Energy", " Enthalpy", "line 11: found 'Enthalpy', expected Size"),
        (" Feature   EFS_by\tQe", " Feature", "line 15: found 'Feature'"),
    ],
)
def test_a_malformed_file_is_refused_by_line(tmp_path, old, new, message):
    path = tmp_path / "a.cfg"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(ValueError, match=f"a.cfg, .*{message}"):
        read_cfg(path, ("Na", "K"))


def test_what_the_format_cannot_hold_is_not_written(tmp_path):
    path = tmp_path / "a.cfg"
    with pytest.raises(ValueError, match="a.cfg: structure 1: found Na, expected only K"):
        write_cfg(path, [Atoms("K"), Atoms("Na")], ("K",))
    with pytest.raises(ValueError, match=r"structure 0: found pbc = \[True, True, False\]"):
        write_cfg(path, [Atoms("K", cell=[5, 5, 5], pbc=[1, 1, 0])], ("K",))
    assert not path.exists()
