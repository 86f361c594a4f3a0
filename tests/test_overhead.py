"""Overhead is the time that no job covers."""

import json
import time

from smallcell.overhead import idle_seconds, job_intervals


def test_idle_time_is_what_no_interval_covers():
    assert idle_seconds([], 0, 10) == 10
    assert idle_seconds([(1, 4), (2, 3), (6, 9)], 0, 10) == 1 + 2 + 1
    assert idle_seconds([(0, 5), (5, 10)], 0, 10) == 0


def test_intervals_come_from_jobs_of_this_run_alone(tmp_path):
    began = time.time()
    folder = tmp_path / "metadata"
    folder.mkdir()
    for name, start in (("old", began - 100), ("new", began + 1)):
        (folder / name).write_text(json.dumps({"starttime": start, "endtime": start + 5}))
    (folder / "running").write_text(json.dumps({"starttime": None}))
    assert job_intervals(tmp_path, began) == [(began + 1, began + 6)]
