"""The label store: each pw.x result once, under a key made of all that decides it.

An entry is a folder ``<store>/<first two digits>/<key>/`` of three files:

``label.extxyz``
    The crystal in its canonical form with total energy (eV), forces (eV/A), stress (eV/A^3) and,
    where there is spin, magnetic moment (Bohr magnetons).
``label.json``
    The calculation, the program, how it converged, what it cost, and SHA-256 of the other files.
``pw.out.gz``
    What pw.x printed.

The store only grows. An entry is written beside its place and renamed into it, so that it is whole
or not there, whatever happens to the writer and however many write at once. Entries need no lock:
of two writers of one label the first to rename wins, and the other's is dropped. That there is only
one to compute a label is what `smallcell.claims` is for.
"""

import errno
import gzip
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from smallcell.canonical import CanonicalForm, canonical_form
from smallcell.files import FULL, is_full
from smallcell.labels import Calculation
from smallcell.programs import Program
from smallcell.pw_output import convergence, cores, version

STRUCTURE = "label.extxyz"
DESCRIPTION = "label.json"
OUTPUT = "pw.out.gz"
README = "README.txt"
CLAIMS = ".claims"
"""Folder of `smallcell.claims`."""

PART = ".part-"
"""What the names of unfinished entries begin with."""

FORMAT = 2
"""Version of the format of `DESCRIPTION`."""

EXPLANATION = """\
A store of results of pw.x (Quantum ESPRESSO): energy, forces and stress of crystals.

Each result is a folder <first two digits>/<key>/ of three files:

label.extxyz  the crystal as extended XYZ (ASE reads it), with the total energy (eV), forces (eV/A)
              and stress (eV/A^3, positive when stretched); isolated atoms with their magnetic
              moment (Bohr magnetons). Orientation and origin follow from the crystal alone.
label.json    settings (in pw.x's words, Ry), k-mesh, SHA-256 of the pseudopotentials' sources,
              program; how the calculation converged (eV, eV/A), what it cost (seconds of wall time,
              core-seconds, number of cores), date (UTC), SHA-256 of the other two files
pw.out.gz     what pw.x printed

The key is the SHA-256 of the crystal and all settings that decide the result, with the program and
its major version behind it. Folders .part-* are what killed jobs left behind, .damaged-* are
entries that did not agree with their checksum; nothing reads either. In .claims is who computes
what just now; what is left there by a kill does no harm. docs/label-store.md of the
program that wrote this store tells more, and its command `make verify-labels STORE=...` checks all.
"""


class FormatError(ValueError):
    """An entry of another release, which is neither to be read wrongly nor to be replaced."""


@dataclass(frozen=True)
class StoredLabel:
    """An entry of the store.

    Attributes
    ----------
    key : str
    atoms : Atoms
        The labelled crystal.
    description : dict
        What ``label.json`` says.
    """

    key: str
    atoms: Atoms
    description: dict

    @property
    def core_seconds(self) -> float:
        """What the label cost when it was computed."""
        return self.description["cost"]["core_seconds"]


def label_key(atoms: Atoms, calculation: Calculation, program: Program) -> str:
    """Key of a label: SHA-256 of crystal and calculation, then the program and its major version.

    Parameters
    ----------
    atoms : Atoms
        Any description of the crystal.
    calculation : Calculation
        For the canonical form of the crystal.
    program : Program
        If it names no version, the key ends with the name; see `find_label`.
    """
    return _key(canonical_form(atoms), calculation, program)


def _key(form: CanonicalForm, calculation: Calculation, program: Program) -> str:
    identity = {"crystal": asdict(form), "calculation": calculation.decisive()}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{digest}-{program.release}"


def find_label(store: Path, key: str) -> StoredLabel | None:
    """Look a label up, of the newest release of the program if the key names none."""
    if found := read_label(store, key):
        return found
    releases = [place.name for place in _place(store, key).parent.glob(f"{key}-*")]
    for release in sorted(releases, key=_major, reverse=True):
        if found := read_label(store, release):
            return found
    return None


def _major(key: str) -> int:
    number = key.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1


def read_label(store: Path, key: str) -> StoredLabel | None:
    """Read the label under a key, None if there is none or a damaged one.

    Raises
    ------
    ValueError
        If there is one, of a format that this release does not know.
    """
    entry = _place(store, key)
    try:
        structure = (entry / STRUCTURE).read_bytes()
        description = json.loads((entry / DESCRIPTION).read_text())
        if other := other_format(entry, description):
            raise FormatError(other)
        if hashlib.sha256(structure).hexdigest() != description["sha256"][STRUCTURE]:
            return None
        return StoredLabel(key, ase.io.read(entry / STRUCTURE), description)
    except FormatError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        return None


def other_format(entry: Path, description: Mapping) -> str:
    """Say that an entry is of another format than this release's, and what helps; else nothing."""
    if description["format"] == FORMAT:
        return ""
    return (
        f"{entry}: {DESCRIPTION} is of format {description['format']}, not {FORMAT}; read it with "
        "the release that wrote it, or move the entry away to have its label made again"
    )


def of_later_release(store: Path) -> str:
    """Say that a later release writes to a store, by the first entry found; else nothing."""
    for place in store.glob(f"??/*/{DESCRIPTION}"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            description = json.loads(place.read_text())
            return other_format(place.parent, description) if description["format"] > FORMAT else ""
    return ""


def write_label(
    store: Path,
    atoms: Atoms,
    calculation: Calculation,
    output: str,
    seconds: float,
    core_seconds: float,
) -> str:
    """Add a label to the store.

    Parameters
    ----------
    store : Path
    atoms : Atoms
        The labelled crystal in its canonical form.
    calculation : Calculation
    output : str
        What pw.x printed.
    seconds, core_seconds : float
        Wall time and processor time that the label took.

    Returns
    -------
    str
        The label's key.

    Raises
    ------
    ValueError
        If the crystal is not in its canonical form, or the output not pw.x's.
    OSError
        If the store cannot be written, because the disk is full for one.
    """
    form, program = canonical_form(atoms), Program("pw.x", version(output))
    if program.version is None:
        raise ValueError("only results of pw.x are stored; the output does not name its version")
    if not _same_description(atoms, form.atoms()):
        raise ValueError("only crystals in their canonical form are stored")
    key = _key(form, calculation, program)
    with explained(store), _part_of(store) as part:
        part.mkdir()
        ase.io.write(part / STRUCTURE, atoms, format="extxyz")
        # Without the time in it, equal outputs are equal files.
        (part / OUTPUT).write_bytes(gzip.compress(output.encode(), mtime=0))
        description = {
            "format": FORMAT,
            "key": key,
            "program": asdict(program),
            "calculation": asdict(calculation),
            "convergence": convergence(output),
            "cost": {"seconds": seconds, "core_seconds": core_seconds, "cores": cores(output)},
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sha256": {name: file_hash(part / name) for name in (STRUCTURE, OUTPUT)},
        }
        (part / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
        for written in (*part.iterdir(), part):
            _to_disk(written)
        _move_into(part, _place(store, key), store)
    return key


def _same_description(one: Atoms, other: Atoms) -> bool:
    return (
        np.array_equal(one.numbers, other.numbers)
        and np.allclose(one.cell.array, other.cell.array, rtol=0, atol=1e-6)
        and np.allclose(one.positions, other.positions, rtol=0, atol=1e-6)
    )


@contextmanager
def explained(store: Path) -> Iterator[None]:
    """Say of which store it is, and what is to be done, if something cannot be written into it.

    Raises
    ------
    OSError
        In these words.
    """
    try:
        yield
    except OSError as error:
        reason = FULL if is_full(error) else f"it cannot be written ({error.strerror})"
        raise OSError(error.errno, f"label store {store}: {reason}") from error


@contextmanager
def _part_of(store: Path) -> Iterator[Path]:
    """Give a name in the store that nobody else has; explain the store if nobody has yet."""
    part = store / f"{PART}{uuid.uuid4().hex}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        if not (store / README).exists():
            explanation = part.with_suffix(".txt")
            explanation.write_text(EXPLANATION)
            explanation.replace(store / README)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):
            part.with_suffix(".txt").unlink()


def _move_into(part: Path, place: Path, store: Path) -> None:
    """Rename a finished entry into its place, unless another writer was there first."""
    place.parent.mkdir(exist_ok=True)
    while True:
        try:
            part.rename(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if read_label(store, place.name):
                return
            # Nothing is thrown away: what a disk or a hand has damaged stays to be looked at.
            with suppress(FileNotFoundError):
                place.rename(store / f".damaged-{place.name}-{uuid.uuid4().hex}")
        else:
            _to_disk(place.parent)
            _to_disk(store)
            return


def _to_disk(path: Path) -> None:
    """Return when a file, or what a folder lists, would outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _place(store: Path, key: str) -> Path:
    return store / key[:2] / key
