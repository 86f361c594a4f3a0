"""Pages of results that several benchmarks write to."""

import re
from pathlib import Path

from smallcell.files import written_whole


def write_part(path: str | Path, text: str) -> None:
    """Put a part, which begins with a heading ``# ...``, in the place of that of its heading.

    Other parts of the page stay as they are; a part that is new comes last.
    """
    page = Path(path).read_text() if Path(path).exists() else ""
    parts = {heading_of(part): part for part in re.split(r"(?m)^(?=# )", page) if part}
    parts[heading_of(text)] = text
    with written_whole(path) as whole:
        whole.write_text("\n".join(part.rstrip() + "\n" for part in parts.values()))


def heading_of(part: str) -> str:
    return part.splitlines()[0]
