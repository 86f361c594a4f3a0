"""Pseudopotentials: made by ld1.x from a deck, or a UPF file that the user brings.

No Debian package carries data sets for the alkali metals, but ld1.x generates one in a second from
the few lines that define it. Two things about its output need mending before pw.x 6.7 takes it:
pw.x cannot read lines as long as those that ld1.x writes, and the date of the day would make every
day's file another one.
"""

import hashlib
import os
import re
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smallcell.files import written_whole
from smallcell.programs import tied, without_launcher

LONGEST_LINE = 150
"""Characters a line that pw.x 6.7 still reads; it gives up somewhere between 150 and 900."""

DECK_SUFFIX = ".ld1"


def provide_upf(source: str, checksum: str | None, upf: Path) -> None:
    """Write the pseudopotential that a configuration names to a UPF file that pw.x can read.

    Parameters
    ----------
    source : str
        Path of an ld1.x deck (``.ld1``) or of a UPF file, or the address of a UPF file.
    checksum : str or None
        SHA-256 of the UPF file, in hexadecimal digits; needed for an address.
    upf : Path
        The file to write; beside it its SHA-256, in the form of ``sha256sum``.

    Raises
    ------
    ValueError
        If ld1.x makes no pseudopotential, or the file is not UPF, not the one of the checksum, or
        an address without one.
    OSError
        If it cannot be downloaded.
    """
    if source.endswith(DECK_SUFFIX):
        content = generate_upf(Path(source).read_text())
    elif "://" in source:
        if checksum is None:
            raise ValueError(
                f"pseudopotential {source}: is an address and needs a checksum (SHA-256)"
            )
        content = _downloaded(source)
    else:
        try:
            content = Path(source).read_text()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"pseudopotential {source}: not the text of a UPF file: {error}"
            ) from None
    if checksum is not None and (found := content_hash(content)) != checksum.lower():
        raise ValueError(f"pseudopotential {source}: its SHA-256 is {found}, not {checksum}")
    check_upf(content, source)
    with written_whole(upf) as part:
        part.write_text(content)
    with written_whole(_seal(upf)) as part:
        part.write_text(f"{content_hash(content)}  {upf.name}\n")


def _downloaded(address: str) -> str:
    """Text from an address, or why there is none and what helps."""
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            return response.read().decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"pseudopotential {address}: not the text of a UPF file: {error}"
        ) from None
    except OSError as error:
        raise OSError(
            f"pseudopotential {address}: cannot be downloaded ({error}); where there is a network, "
            "fetch the file and name its path instead of the address"
        ) from error


def check_seal(upf: Path) -> None:
    """Refuse a UPF file that is not, or no longer, what `provide_upf` wrote.

    The key of a label has the hash of the pseudopotential's source: a label by a file that was
    changed since would be kept as one by the right file.

    Raises
    ------
    ValueError
        With what is to be done.
    """
    seal = _seal(upf)
    if not seal.exists() or seal.read_text().split()[:1] != [content_hash(_text(upf))]:
        raise ValueError(
            f"pseudopotential {upf}: not as it was written, not with the SHA-256 in {seal.name}; "
            "delete it to have it made again"
        )


def _seal(upf: Path) -> Path:
    return upf.with_name(f"{upf.name}.sha256")


def _text(path: Path) -> str:
    """Read a file whose bytes may be damaged."""
    return path.read_text(errors="surrogateescape")


def generate_upf(deck: str) -> str:
    """Run ld1.x on a deck and return the UPF that it makes, repaired by `repair_upf`.

    Raises
    ------
    ValueError
        If ld1.x ends without a UPF file.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            tied(["ld1.x"]),
            input=deck,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=without_launcher(os.environ),
        )
        made = sorted(Path(folder).glob("*.UPF"))
        if run.returncode != 0 or len(made) != 1:
            last = " / ".join((run.stdout + run.stderr).strip().splitlines()[-4:])
            raise ValueError(
                f"ld1.x made no pseudopotential (file_pseudopw must end in .UPF); it said: {last}"
            )
        return repair_upf(made[0].read_text())


def repair_upf(upf: str) -> str:
    """Break the long lines of a UPF file and take the date out of it.

    A tag's attributes go on one line each; rows of numbers are broken at spaces. UPF is XML, so
    that neither changes its meaning.
    """
    lines = []
    for line in upf.splitlines():
        if re.match(r"\s*Generation date:", line):
            continue
        line = re.sub(r'\bdate="[^"]*"', 'date=""', line)
        if len(line) <= LONGEST_LINE:
            lines.append(line)
        elif line.lstrip().startswith("<PP_"):
            lines.append(re.sub(r'(?<=")\s+(?=[\w]+=")', "\n      ", line))
        else:
            lines.extend(_wrapped(line.split()))
    return "\n".join(lines) + "\n"


def _wrapped(words: list[str]) -> list[str]:
    """Words joined by spaces into lines no longer than `LONGEST_LINE`."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > LONGEST_LINE:
            lines.append(word)
        else:
            lines[-1] += " " + word
    return lines


def check_upf(content: str, name: str) -> None:
    """Refuse what is not a whole UPF file.

    Raises
    ------
    ValueError
        If the opening or closing tag is missing (version 1 files have neither).
    """
    if not re.search(r"<UPF version=", content) or "</UPF>" not in content:
        raise ValueError(
            f"pseudopotential {name}: not a whole UPF file (version 2: <UPF version=...> to </UPF>)"
        )


def upf_element(content: str) -> str:
    """Chemical symbol in the header of a UPF file.

    Raises
    ------
    ValueError
        If the header names none.
    """
    match = re.search(r'\belement="\s*(\w+)\s*"', content)
    if match is None:
        raise ValueError("the UPF file names no element in its header")
    return match.group(1)


@dataclass(frozen=True)
class UPFSize:
    """What a pseudopotential asks of pw.x.

    Attributes
    ----------
    electrons : float
        Valence electrons.
    projectors : int
        Projectors of an atom, each with all its m.
    augmentation : int
        Functions by which the density of an ultrasoft or PAW set is augmented, 0 for others.
    """

    electrons: float
    projectors: int
    augmentation: int


def upf_size(content: str) -> UPFSize:
    """Read from a UPF file what decides on the memory that pw.x takes with it.

    Raises
    ------
    ValueError
        If the header does not tell the valence.
    """
    valence = re.search(r'\bz_valence="\s*([-+.\dEeDd]+)\s*"', content)
    if valence is None:
        raise ValueError("the UPF file tells no z_valence in its header")
    momenta = re.findall(r'<PP_BETA\.\d+[^>]*?\bangular_momentum="\s*(\d)\s*"', content)
    projectors = sum(2 * int(momentum) + 1 for momentum in momenta)
    augmented = re.search(r'\bis_(?:ultrasoft|paw)="\s*\.?[Tt]', content)
    return UPFSize(
        electrons=float(valence.group(1).upper().replace("D", "E")),
        projectors=projectors,
        augmentation=projectors * (projectors + 1) // 2 if augmented else 0,
    )


def content_hash(content: str) -> str:
    """SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(content.encode(errors="surrogateescape")).hexdigest()


def source_hash(element: Mapping) -> str:
    """SHA-256 that a pseudopotential is known by: of the deck or UPF file, or its checksum.

    A deck stands for the UPF made of it, whose last digits may differ between machines.

    Parameters
    ----------
    element : Mapping
        ``pseudopotential`` and, for an address, ``checksum``.
    """
    if "://" in element["pseudopotential"]:
        return element["checksum"].lower()
    return content_hash(Path(element["pseudopotential"]).read_text())
