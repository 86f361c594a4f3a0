"""Runs of commands that take long: what is done is kept in a file, and is not repeated."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from smallcell.files import write_report


def kept(path: Path, asked: Mapping, run: Callable[[], Mapping]) -> dict:
    """Run, unless a file has what the same question was answered with.

    Parameters
    ----------
    path : Path
        Of the file, which is written whole or not at all; one with the answer to another question
        is replaced.
    asked : Mapping
        All that decides the answer, as JSON has it.
    run : callable
        Gives the answer.
    """
    if path.exists():
        found = json.loads(path.read_text())
        if found["asked"] == asked:
            return found["run"]
    answer = dict(run())
    write_report(path, {"asked": asked, "run": answer})
    return answer
