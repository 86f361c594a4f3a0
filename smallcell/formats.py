"""Files of labelled structures that other programs wrote: which format, and reading them."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import ase.io
from ase import Atoms

from smallcell.cfg import read_cfg
from smallcell.labels import Fate, judge
from smallcell.training import check_counts

MLIP, PW = "MLIP .cfg", "espresso-out"

FORMATS = {
    "*.extxyz": "extxyz",
    "*.xyz": "extxyz",
    "*.cfg": MLIP,
    "*.db": "db",
    "*.pwo": PW,
    "*.out": PW,
    "*OUTCAR*": "vasp-out",
    "*.xml": "vasp-xml",
}
"""ASE's format for each pattern of file names; the first that fits."""


def file_format(path: str | Path) -> str:
    """Tell a file's format by its name.

    Raises
    ------
    ValueError
        If no pattern of `FORMATS` fits.
    """
    for pattern, found in FORMATS.items():
        if fnmatch(Path(path).name, pattern):
            return found
    raise ValueError(f"{path}: the name must be one of {', '.join(FORMATS)} to tell the format")


def read_labelled(path: str | Path, species: Sequence[str]) -> list[Atoms]:
    """Read all configurations of a file, with the labels that it has.

    Parameters
    ----------
    path : str or Path
    species : sequence of str
        Chemical symbols of the types 0, 1, ... of a ``.cfg`` file.

    Raises
    ------
    ValueError
        If the file is in no known format, malformed, empty, or of a pw.x run that did not come to
        its end.
    """
    kind = file_format(path)
    if kind == PW:
        fate, message = judge(Path(path).read_text(errors="replace"), 0)
        if fate != Fate.LABELLED:
            raise ValueError(f"{path}: {message}; only a run that came to its end is imported")
    if kind == MLIP:
        found = read_cfg(path, species)
    else:
        if kind == "extxyz":
            check_counts(path, Path(path).read_bytes())
        try:
            found = ase.io.read(path, index=":", format=kind)
        except Exception as error:  # noqa: BLE001 - each of ASE's readers has errors of its own
            raise ValueError(f"{path}: ASE cannot read it as {kind} ({error!r})") from None
    if not found:
        raise ValueError(f"{path}: there is no configuration in it")
    return found
