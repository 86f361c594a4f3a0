"""The folder of a campaign's results: which release made it, and whether it can be written."""

import json
import os
from pathlib import Path

from smallcell.files import write_report

FORMAT = 1
"""Version of what lies where in the results, and in what form. Without a mark it is the first."""

MARK = "format.json"


def mark(folder: Path) -> None:
    """Leave in a campaign's results which format they have, unless that is there already."""
    if not (folder / MARK).exists():
        write_report(folder / MARK, {"format": FORMAT})


def results_faults(folder: Path) -> list[str]:
    """Say why a campaign cannot go on in its folder, which need not be there; nothing if it can."""
    if (found := _format(folder)) != FORMAT:
        return [
            f"{folder}: these results have format {found}, this release has {FORMAT}; go on with "
            "the release that made them, or give the campaign another name (run): what is in the "
            "label store is not computed again"
        ]
    place = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        return [f"{place}: cannot be written, and the results are to be in {folder}"]
    return []


def _format(folder: Path) -> object:
    try:
        return json.loads((folder / MARK).read_text())["format"]
    except FileNotFoundError:
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"that cannot be read from {MARK} ({error})"
