"""Files that are whole or not there."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


FULL = "the disk is full; make room and run the same command again"

LEAST_ROOM = 1_000_000
"""Bytes without which a program that has failed is taken to have failed for want of them."""


def is_full(error: OSError) -> bool:
    """Whether an error says that there is no room left, on the disk or within a quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def need_room(folder: Path) -> None:
    """Make sure that a program had room for what it wrote, since not all of them tell.

    Raises
    ------
    OSError
        If there are less than `LEAST_ROOM` left.
    """
    if shutil.disk_usage(folder).free < LEAST_ROOM:
        raise OSError(
            errno.ENOSPC, f"scratch folder {folder}: {FULL} (TMPDIR names another folder)"
        )


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Write a file beside its place and rename it into place when all went well.

    A run that is killed leaves at most ``.<name>.<pid>.part`` behind, which nothing reads: what
    stands under the file's own name is always complete.

    Parameters
    ----------
    path : str or Path
        Where the file is to be; its folder is made if need be.

    Yields
    ------
    Path
        Where to write it.

    Raises
    ------
    OSError
        With the file's name and what is to be done, if the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    except OSError as error:
        if is_full(error):
            raise OSError(error.errno, f"{path}: {FULL}") from error
        raise
    finally:
        part.unlink(missing_ok=True)


def read_reports(paths: Sequence[str | Path]) -> list[dict]:
    """Read what jobs reported, one JSON file each; a job of several labels reports a list."""
    found = [json.loads(Path(path).read_text()) for path in paths]
    return [one for report in found for one in (report if isinstance(report, list) else [report])]


def write_report(path: str | Path, report: Mapping | Sequence) -> None:
    """Write what a job reports as JSON, whole or not at all."""
    with written_whole(path) as part:
        part.write_text(json.dumps(report, indent=1))


def write_table(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV with six digits, whole or not at all."""
    with written_whole(path) as part:
        table.to_csv(part, index=False, float_format="%.6g")
