"""What a job says goes into its log, and one that said nothing leaves none."""

import subprocess
import sys

import pytest
from conftest import REPOSITORY

SCRIPT = """
import sys
from smallcell.progress import log_to

log_to("log")
"""


@pytest.mark.parametrize(
    ("ends", "left"),
    [
        ("", None),
        ("print('a warning', file=sys.stderr)", "a warning"),
        ("import os; os.system('echo a program >&2')", "a program"),
        ("raise KeyError('what was missing')", "what was missing"),
        ("import os; os.chdir('/')", None),
    ],
)
def test_a_log_is_left_of_a_job_that_had_something_to_say(tmp_path, ends, left):
    subprocess.run(
        [sys.executable, "-c", SCRIPT + ends],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    log = tmp_path / "log"
    assert log.exists() == (left is not None)
    if left:
        assert left in log.read_text()
