"""Pseudopotentials: what ld1.x makes is mended, what is no UPF is refused."""

import re
import socket

import pytest

from smallcell.pseudopotentials import (
    LONGEST_LINE,
    check_upf,
    content_hash,
    generate_upf,
    provide_upf,
    repair_upf,
    source_hash,
    upf_element,
    upf_size,
)


def test_electrons_and_projectors_are_those_that_pw_names(soft_potassium):
    # "Zval =  9.0", "6 beta functions", two each of s, p and d.
    size = upf_size(soft_potassium.read_text())
    assert (size.electrons, size.projectors, size.augmentation) == (9.0, 18, 171)
    norm_conserving = re.sub(r'is_(ultrasoft|paw)="true"', r'is_\1="F"', soft_potassium.read_text())
    assert upf_size(norm_conserving).augmentation == 0
    with pytest.raises(ValueError, match="no z_valence"):
        upf_size("<UPF></UPF>")


def test_a_made_upf_has_short_lines_and_no_date(soft_potassium):
    content = soft_potassium.read_text()
    assert max(map(len, content.splitlines())) <= LONGEST_LINE
    assert "Generation date" not in content
    assert upf_element(content) == "K"


def test_repair_keeps_every_number():
    row = " ".join(f"{number / 7:.15E}" for number in range(40))
    tag = "<PP_HEADER " + " ".join(f'key{number}="value {number}"' for number in range(30)) + "/>"
    assert repair_upf(row).split() == row.split()
    assert " ".join(repair_upf(tag).split()) == tag


def test_a_deck_that_ld1_refuses_is_an_error_with_its_words():
    with pytest.raises(ValueError, match=r"ld1\.x made no pseudopotential.*said"):
        generate_upf("no deck at all\n")


def test_a_cut_off_upf_is_refused(soft_potassium, tmp_path):
    content = soft_potassium.read_text()
    half = tmp_path / "K.UPF"
    half.write_text(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a whole UPF file"):
        provide_upf(str(half), None, tmp_path / "out.UPF")
    assert not (tmp_path / "out.UPF").exists()
    check_upf(content, "whole")


def test_a_checksum_decides_whether_a_file_is_the_right_one(soft_potassium, tmp_path):
    right = content_hash(soft_potassium.read_text())
    # An address goes the same way as one on the web.
    provide_upf(soft_potassium.as_uri(), right, tmp_path / "K.UPF")
    assert (tmp_path / "K.UPF").read_text() == soft_potassium.read_text()
    with pytest.raises(ValueError, match=f"SHA-256 is {right}"):
        provide_upf(soft_potassium.as_uri(), "0" * 64, tmp_path / "other.UPF")


def test_the_hash_of_a_source_is_that_of_its_file_or_its_checksum(tmp_path):
    deck = tmp_path / "K.ld1"
    deck.write_text("a deck")
    assert source_hash({"pseudopotential": str(deck)}) == content_hash("a deck")
    address = {"pseudopotential": "https://example.org/K.UPF", "checksum": "AB" * 32}
    assert source_hash(address) == "ab" * 32


def test_a_pseudopotential_that_cannot_be_downloaded_is_named(tmp_path):
    # Nobody listens at this port, as nobody is heard where there is no network.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/K.UPF"
        with pytest.raises(OSError, match=f"{address}: cannot be downloaded .*refused.*its path"):
            provide_upf(address, "ab" * 32, tmp_path / "K.UPF")
    assert not (tmp_path / "K.UPF").exists()
