"""Files that are whole or not there."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


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
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_reports(paths: Sequence[str | Path]) -> list[dict]:
    """Read what jobs reported, one JSON file each."""
    return [json.loads(Path(path).read_text()) for path in paths]


def write_report(path: str | Path, report: Mapping | Sequence) -> None:
    """Write what a job reports as JSON, whole or not at all."""
    with written_whole(path) as part:
        part.write_text(json.dumps(report, indent=1))


def write_table(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV with six digits, whole or not at all."""
    with written_whole(path) as part:
        table.to_csv(part, index=False, float_format="%.6g")
