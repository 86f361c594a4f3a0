"""What a walker has kept, in one file: frames for their grades, samples for their times."""

from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from smallcell.training import read_structures, write_structures

KEPT_AS = "kept_as"
"""Which of the two a structure of the file is, in its ``info``."""


@dataclass(frozen=True)
class Met:
    """Structures that a walker has kept.

    Attributes
    ----------
    frames : list of Atoms
        What the potential does not know.
    samples : list of Atoms
        What was met at regular times, whatever its grade.
    """

    frames: list[Atoms]
    samples: list[Atoms]


def write_met(path: str | Path, met: Met) -> None:
    """Write what a walker has kept."""
    marked = []
    for kept_as, structures in (("frame", met.frames), ("sample", met.samples)):
        for atoms in structures:
            one = atoms.copy()
            one.info[KEPT_AS] = kept_as
            marked.append(one)
    write_structures(path, marked)


def read_met(path: str | Path) -> Met:
    """Read what a walker has kept.

    Raises
    ------
    ValueError
        If the file is damaged, or does not say what a structure was kept as.
    """
    found: dict[str, list[Atoms]] = {"frame": [], "sample": []}
    for number, atoms in enumerate(read_structures(path)):
        kept_as = atoms.info.pop(KEPT_AS, None)
        if kept_as not in found:
            raise ValueError(
                f"{path}: structure {number} has {KEPT_AS}={kept_as}, not frame or sample"
            )
        found[kept_as].append(atoms)
    return Met(found["frame"], found["sample"])
