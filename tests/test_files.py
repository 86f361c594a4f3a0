"""Files are whole or not there."""

import pytest

from smallcell.files import written_whole


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
