"""How to use a potential: the code of a page of the documentation, for reports and for its test."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "using-the-potential.md"

EXAMPLE = "results/quickstart"
"""Results that the page is written for."""


@dataclass(frozen=True)
class Snippet:
    """A block of code.

    Attributes
    ----------
    heading : str
        What it stands under.
    language : {"python", "lammps", "bash"}
    code : str
    """

    heading: str
    language: str
    code: str


def snippets(results: str = EXAMPLE) -> list[Snippet]:
    """Blocks of code of the page, in their order, for other results than those of its example.

    Each takes what those before it have left in the folder.

    Parameters
    ----------
    results : str
        Folder of the results, as seen from the workflow's.
    """
    text = PAGE.read_text().replace(EXAMPLE, results)
    found = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, rest = section.partition("\n")
        for language, code in re.findall(r"^```(\w+)\n(.*?)^```$", rest, re.MULTILINE | re.DOTALL):
            found.append(Snippet(heading, language, code))
    return found
