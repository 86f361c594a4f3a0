"""Seals of a campaign's results: a file that changed although nobody wrote to it is damaged.

Numbers of a potential or a training set tell nobody that one of their digits is another. But what
changes a digit on a disk leaves the file's time as it was, and who edits a file does not. So each
file's SHA-256 is kept with its time of writing; files with another time are somebody's, and
Snakemake repeats what follows from them.
"""

import hashlib
import json
from pathlib import Path

from smallcell.files import write_report

SEALS = "sealed.json"
UNSEALED = "logs"
"""Folder whose files are for people alone."""


def seal(folder: Path) -> None:
    """Keep the SHA-256 of what has been written in a campaign's results since they were sealed."""
    if not folder.is_dir():
        return
    kept = _seals(folder)
    seals = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in (UNSEALED, SEALS) and path.name[0] != ".":
            known, written = kept.get(str(name)), path.stat().st_mtime_ns
            same = known is not None and known[0] == written
            seals[str(name)] = known if same else [written, _sha256(path)]
    write_report(folder / SEALS, seals)


def damage(folder: Path) -> list[str]:
    """Say which of the results are not what was written, one line each; nothing if all are."""
    try:
        kept = _seals(folder)
    except ValueError as error:
        return [f"{folder / SEALS}: damaged ({error}); delete it, and the results are taken as is"]
    return [
        f"{folder / name}: damaged, it is not what was written at its time; delete it, and it is "
        "made again if it is needed"
        for name, (written, sha256) in kept.items()
        if _written(folder / name) == written and _sha256(folder / name) != sha256
    ]


def _seals(folder: Path) -> dict[str, list]:
    try:
        return json.loads((folder / SEALS).read_bytes())
    except FileNotFoundError:
        return {}


def _written(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
