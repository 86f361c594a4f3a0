"""Rounds that need not be asked for one by one: all is as the last run left it.

Snakemake asks for one checkpoint after the other and looks at everything again after each, which
takes minutes where there are hundreds of rounds. A run that came to its end with everything up to
date notes which checkpoints there were, and what all files looked like. As long as they look the
same, the next one may take these checkpoints for done from the start, and looks at everything once.
If anything at all is different, nothing is taken for done.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from smallcell.files import write_report


def write_settled(
    record: Path,
    checkpoints: Iterable[str],
    made: Iterable[str],
    given: Iterable[str],
    identity: str,
    began: int,
) -> None:
    """Note what a run has left up to date.

    Parameters
    ----------
    record : Path
        Where to note it.
    checkpoints : iterable of str
        Outputs of checkpoints that are done.
    made, given : iterable of str
        All files that the campaign depends on: those that its jobs make, and code and data that it
        was given. If one that was given has changed since the run began, nothing is noted.
    identity : str
        What else has to be the same.
    began : int
        When the run began (ns since the epoch).
    """
    record.unlink(missing_ok=True)
    given = set(given)
    looks = _looks({*made, *given})
    if all(looks[path] and looks[path][0] < began for path in given):
        write_report(
            record, {"identity": identity, "checkpoints": sorted(checkpoints), "files": looks}
        )


def read_settled(record: Path, identity: str) -> Sequence[str]:
    """Read which checkpoints are done for certain; none if anything is not as it was."""
    try:
        noted = json.loads(record.read_text())
    except (OSError, ValueError):
        return []
    same = noted["identity"] == identity and _looks(noted["files"]) == noted["files"]
    return noted["checkpoints"] if same else []


def _looks(paths: Iterable[str]) -> dict[str, list[int] | None]:
    """Time of modification (ns) and size of files, None if there is none."""
    looks = {}
    for path in sorted(paths):
        try:
            status = Path(path).stat()
            looks[path] = [status.st_mtime_ns, status.st_size]
        except FileNotFoundError:
            looks[path] = None
    return looks
