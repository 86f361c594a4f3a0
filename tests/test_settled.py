"""Nothing is taken for done once anything is not as the last run left it."""

import os

import pytest

from smallcell.settled import read_settled, write_settled

DONE = ["one/000/selection.json"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files of a campaign that has ended well."""
    monkeypatch.chdir(tmp_path)
    for name in ("Snakefile", "made.json", "given.xyz"):
        (tmp_path / name).write_text("as it is")
        os.utime(name, (1e9, 1e9))
    return tmp_path


def note(folder, began=2 * 10**18):
    made, given = ["made.json", "never-made.json"], ["given.xyz", "Snakefile"]
    write_settled(folder / "record.json", DONE, made, given, "configuration", began)


def test_what_is_as_it_was_is_done(folder):
    assert read_settled(folder / "record.json", "configuration") == []
    note(folder)
    assert read_settled(folder / "record.json", "configuration") == DONE


def test_another_configuration_settles_nothing(folder):
    note(folder)
    assert read_settled(folder / "record.json", "another") == []


@pytest.mark.parametrize("name", ["Snakefile", "made.json", "given.xyz", "never-made.json"])
@pytest.mark.parametrize("change", ["touched", "written", "lost"])
def test_a_file_that_is_not_as_it_was_settles_nothing(folder, name, change):
    if (name, change) == ("never-made.json", "lost"):
        pytest.skip("what was never made cannot be lost")
    note(folder)
    if change == "lost":
        (folder / name).unlink()
    elif change == "touched":
        (folder / name).touch()
    else:
        (folder / name).write_text("otherwise")
        os.utime(name, (1e9, 1e9))
    assert read_settled(folder / "record.json", "configuration") == []


def test_data_that_changed_while_a_run_used_them_settle_nothing(folder):
    note(folder)
    note(folder, began=int(0.9e18))
    assert read_settled(folder / "record.json", "configuration") == []


def test_a_damaged_record_settles_nothing(folder):
    note(folder)
    record = folder / "record.json"
    record.write_text(record.read_text()[:-20])
    assert read_settled(record, "configuration") == []
