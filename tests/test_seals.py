"""A digit that changes by itself is noticed, and what a person changes is left to them."""

import os

import pytest

from smallcell.seals import SEALS, damage, seal

NUMBERS = "potential.mtp", "seeds/train.extxyz"


@pytest.fixture
def results(tmp_path):
    """Results that are sealed."""
    folder = tmp_path / "results"
    for name in (*NUMBERS, "logs/fit.log"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("0.123456789")
    seal(folder)
    return folder


def flip(path):
    """Change a digit as a disk does, which leaves the time of writing."""
    times = path.stat()
    path.write_text(path.read_text().replace("5", "4"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("name", NUMBERS)
def test_a_changed_digit_is_told_until_the_file_is_deleted(results, name):
    assert damage(results) == []
    flip(results / name)
    (fault,) = damage(results)
    assert fault.startswith(f"{results / name}: damaged, it is not what was written")
    # Sealing anew hides nothing.
    seal(results)
    assert damage(results) == [fault]
    (results / name).unlink()
    assert damage(results) == []


def test_what_somebody_has_written_is_theirs(results):
    (results / NUMBERS[0]).write_text("0.2")
    assert damage(results) == []
    seal(results)
    assert damage(results) == []
    flip(results / NUMBERS[1])
    assert len(damage(results)) == 1


def test_logs_are_not_sealed_and_new_files_are(results):
    flip(results / "logs/fit.log")
    assert damage(results) == []
    new = results / "fit.json"
    new.write_text("0.5")
    flip(new)
    assert damage(results) == []
    seal(results)
    new.write_text("0.5")
    seal(results)
    flip(new)
    assert len(damage(results)) == 1


def test_without_results_there_is_nothing_to_seal(tmp_path):
    seal(tmp_path / "results")
    assert damage(tmp_path / "results") == []
    assert not (tmp_path / "results").exists()


def test_damaged_seals_are_told(results):
    content = (results / SEALS).read_bytes()
    (results / SEALS).write_bytes(content[: len(content) // 2])
    (fault,) = damage(results)
    assert fault.startswith(f"{results / SEALS}: damaged (")
