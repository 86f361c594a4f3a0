"""Damaged files of all kinds: a reader refuses them with their name, or reads what can be meant.

Files of tests/samples are damaged by hypothesis; what once was read wrongly is kept there, too, in
`damaged`. The kernel's own reader of potentials is in test_fuzz.py.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcell.cfg import read_cfg, write_cfg
from smallcell.engine import rows
from smallcell.formats import read_labelled
from smallcell.imports import read_import
from smallcell.potential import read_potential
from smallcell.pseudopotentials import provide_upf, upf_element, upf_size
from smallcell.training import read_structures

SAMPLES = REPOSITORY / "tests/samples"
POTENTIAL, TRAIN = SAMPLES / "results-1/potential.almtp", SAMPLES / "results-1/train.extxyz"
WORDS = [
    b"nan",
    b"-1",
    b"inf",
    b"1e400",
    b"99999999999",
    b"0",
    b"{",
    b"}",
    b"\n",
    b"\0",
    b"\xff",
    b"",
]

place = st.floats(0, 1, exclude_max=True)
edit = st.one_of(
    st.tuples(st.just("cut"), place),
    st.tuples(st.just("byte"), place, st.integers(0, 255)),
    st.tuples(st.just("leave out"), place, st.integers(1, 60)),
    st.tuples(st.just("repeat"), place, st.integers(1, 200)),
    st.tuples(st.just("word"), place, st.sampled_from(WORDS)),
)
edits = st.lists(edit, min_size=1, max_size=3)


def damaged(content: bytes, changes: list[tuple]) -> bytes:
    """Content with changes made one after the other."""
    for kind, where, *how in changes:
        at = int(where * len(content))
        if kind == "cut":
            content = content[:at]
        elif kind == "byte":
            content = content[:at] + bytes(how) + content[at + 1 :]
        elif kind == "leave out":
            content = content[:at] + content[at + how[0] :]
        elif kind == "repeat":
            content = content[:at] + content[at : at + how[0]] + content[at:]
        else:
            # A word in the place of the one that begins next.
            begin = re.compile(rb"(?<=[\s={,])[^\s={},]+").search(content, at)
            if begin:
                content = content[: begin.start()] + how[0] + content[begin.end() :]
    return content


def read_or_refused(read: Callable, file: Path, content: bytes) -> object:
    """Return what a reader makes of a file, None if it refuses it as it should."""
    file.write_bytes(content)
    try:
        return read(file)
    except (ValueError, OSError) as error:
        assert str(file) in str(error), error
        assert not isinstance(error, OSError) or error.filename or error.args
        return None


def is_sound(structures: list) -> bool:
    """Whether structures have finite positions and no label that is not."""
    return all(
        np.isfinite(atoms.positions).all()
        and np.isfinite(atoms.cell.array).all()
        and all(np.isfinite(label).all() for label in getattr(atoms.calc, "results", {}).values())
        for atoms in structures
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(edits)
def test_a_damaged_potential_is_refused_or_one_that_can_be_used(folder, changes):
    found = read_or_refused(
        read_potential, folder / "potential.almtp", damaged(POTENTIAL.read_bytes(), changes)
    )
    if found is not None:
        assert np.isfinite(found.radial).all()
        assert np.isfinite(found.linear).all()
        assert found.active_set is None or np.isfinite(found.active_set).all()
        assert found.radial.shape[2] >= found.basis.n_radial_functions


@settings(max_examples=150, deadline=None, derandomize=True)
@given(edits)
def test_a_damaged_training_set_is_refused_or_has_sound_structures(folder, changes):
    content = damaged(TRAIN.read_bytes(), changes)
    found = read_or_refused(read_structures, folder / "train.extxyz", content)
    assert found is None or is_sound(found)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(edits)
def test_a_damaged_import_is_refused_or_has_sound_structures(folder, changes):
    entry = {"file": str(folder / "old.extxyz"), "energies": "relative", "weight": 1}
    entry |= {"incomplete": "leave out"}

    def read(file):
        return read_import(entry, ["K"], set()).structures

    found = read_or_refused(read, folder / "old.extxyz", damaged(TRAIN.read_bytes(), changes))
    assert found is None or is_sound(found)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (b"1\n", b"199999999999999\n", "a structure of 199999999999999 atoms in a file of"),
        (b"forces:R:3", b"forces:R:3333333333", "3333333337 columns in Properties"),
    ],
)
def test_a_count_beyond_the_file_is_refused_at_once(folder, right, wrong, words):
    path = folder / "many.extxyz"
    path.write_bytes(TRAIN.read_bytes().replace(right, wrong, 1))
    for read in (read_structures, lambda file: read_labelled(file, ["K"])):
        with pytest.raises(ValueError, match=words):
            read(path)


@pytest.fixture(scope="module")
def configurations(folder) -> bytes:
    """The sample's structures in MLIP's format."""
    write_cfg(folder / "whole.cfg", read_structures(TRAIN), ["K"])
    return (folder / "whole.cfg").read_bytes()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(edits)
def test_damaged_configurations_are_refused_or_sound(folder, configurations, changes):
    content = damaged(configurations, changes)
    found = read_or_refused(lambda file: read_cfg(file, ["K"]), folder / "some.cfg", content)
    assert found is None or is_sound(found)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(edits)
def test_a_damaged_pseudopotential_is_refused_or_has_an_element(folder, soft_potassium, changes):
    source = folder / "K.UPF"

    def read(file):
        provide_upf(str(file), None, folder / "out.UPF")
        content = (folder / "out.UPF").read_text()
        try:
            return upf_element(content), upf_size(content)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    read_or_refused(read, source, damaged(soft_potassium.read_bytes(), changes))


@pytest.mark.parametrize("share", np.linspace(0.01, 0.99, 25))
def test_a_potential_cut_off_anywhere_is_refused(folder, share):
    content = POTENTIAL.read_bytes()
    # Behind the matrices there is nothing that anybody needs.
    end = content.rindex(b"\n#\n-1 -1")
    for file, whole in (
        ("cut.almtp", content[:end]),
        ("cut.mtp", content[: content.index(b"#MVS") - 2]),
    ):
        (folder / file).write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=file):
            read_potential(folder / file)


def test_a_flipped_bit_of_an_active_set_is_refused_or_changes_no_grade(folder):
    """By either matrix: Python takes grades from the set itself, LAMMPS from its inverse."""
    content = POTENTIAL.read_bytes()
    potential = read_potential(POTENTIAL)
    structures, size = rows(potential, read_structures(TRAIN)), potential.n_parameters
    begin = content.index(b"\n#", content.index(b"#MVS")) + 2
    right = np.abs(structures @ np.linalg.inv(potential.active_set)).max(axis=1)
    rng, refused = np.random.default_rng(1), 0
    for _ in range(200):
        flipped = bytearray(content)
        flipped[begin + int(rng.integers(16 * size**2))] ^= 1 << int(rng.integers(8))
        (folder / "flipped.almtp").write_bytes(flipped)
        try:
            read_potential(folder / "flipped.almtp")
        except ValueError as error:
            assert "flipped.almtp: the two matrices of the active set" in str(error)
            refused += 1
            continue
        numbers = np.frombuffer(flipped, "<f8", 2 * size**2, begin).reshape(2, size, size)
        for inverse in (np.linalg.inv(numbers[0]), numbers[1].T):
            assert np.abs(structures @ inverse).max(axis=1) == pytest.approx(right, rel=1e-3)
    assert 40 < refused < 160


def test_a_training_set_cut_off_anywhere_is_refused_but_between_structures(folder):
    content = TRAIN.read_bytes()
    file = folder / "cut.extxyz"
    between = [found.start() for found in re.finditer(rb"(?m)^\d+$", content)]
    for end in range(len(content)):
        file.write_bytes(content[:end])
        if end in between:
            assert len(read_structures(file)) == between.index(end)
        else:
            with pytest.raises(ValueError, match="cut.extxyz"):
                read_structures(file)


@pytest.mark.parametrize(
    "file", sorted((SAMPLES / "damaged").iterdir()), ids=lambda file: file.name
)
def test_what_was_read_wrongly_once_is_refused(file):
    with pytest.raises(ValueError, match=re.escape(file.name)):
        if file.suffix in (".mtp", ".almtp"):
            read_potential(file)
        elif file.suffix == ".extxyz":
            read_structures(file)
        else:
            read_cfg(file, ["K"])
