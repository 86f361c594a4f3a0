"""Files are whole or not there."""

import pandas as pd
import pytest

from smallcell.files import read_reports, write_report, write_table, written_whole


def test_a_file_is_there_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "file"
    with written_whole(path) as part:
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail():
        with written_whole(path) as part:
            part.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_reports_and_tables_are_read_as_they_were_written(tmp_path):
    report = {"energy": 1.5, "nothing": None}
    write_report(tmp_path / "report.json", report)
    assert read_reports([tmp_path / "report.json"]) == [report]
    write_table(tmp_path / "table.csv", pd.DataFrame({"energy": [1 / 3, 2e9], "fate": ["a", "b"]}))
    assert (tmp_path / "table.csv").read_text() == "energy,fate\n0.333333,a\n2e+09,b\n"
