"""The label store: each pw.x result once, under a key made of all that decides it.

An entry is a folder ``<store>/<first two digits>/<key>/`` of three files:

``label.extxyz``
    The structure with total energy (eV), forces (eV/A) and stress (eV/A^3).
``label.json``
    The calculation, its cost, and the SHA-256 of ``label.extxyz``.
``pw.out.gz``
    What pw.x printed.

The store only grows. An entry is written beside its place and renamed into it, so that it is whole
or not there, whatever happens to the writer and however many write at once.
"""

import gzip
import hashlib
import json
import os
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from smallcell.labels import Calculation

STRUCTURE = "label.extxyz"
DESCRIPTION = "label.json"
OUTPUT = "pw.out.gz"

DIGITS = 8
"""Decimals of lattice vectors (A) and fractional coordinates that tell structures apart."""


def label_key(atoms: Atoms, calculation: Calculation) -> str:
    """SHA-256 of the structure and of all that decides its label.

    Two structures share a key if species, lattice vectors and fractional coordinates (modulo 1)
    agree, in the order given, to `DIGITS` decimals.
    """
    # A fraction that rounds to 1 is 0; adding 0.0 turns -0.0 into 0.0.
    fractions = np.round(atoms.get_scaled_positions(wrap=True), DIGITS) % 1.0 + 0.0
    identity = {
        "numbers": atoms.numbers.tolist(),
        "cell": (np.round(atoms.cell.array, DIGITS) + 0.0).tolist(),
        "fractions": fractions.tolist(),
        "calculation": asdict(calculation),
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def read_label(store: Path, key: str) -> tuple[Atoms, float] | None:
    """Look a label up.

    Returns
    -------
    atoms : Atoms
        The labelled structure.
    core_seconds : float
        What it cost when it was computed.
    None
        If there is no label under this key, or a damaged one.
    """
    entry = _place(store, key)
    try:
        structure = (entry / STRUCTURE).read_bytes()
        description = json.loads((entry / DESCRIPTION).read_text())
        if hashlib.sha256(structure).hexdigest() != description["sha256"]:
            return None
        return ase.io.read(entry / STRUCTURE), description["core_seconds"]
    except (OSError, ValueError, KeyError):
        return None


def write_label(
    store: Path, atoms: Atoms, calculation: Calculation, core_seconds: float, output: str
) -> str:
    """Add a label to the store.

    Parameters
    ----------
    store : Path
    atoms : Atoms
        The labelled structure.
    calculation : Calculation
    core_seconds : float
    output : str
        What pw.x printed.

    Returns
    -------
    str
        The label's key.
    """
    key = label_key(atoms, calculation)
    place = _place(store, key)
    part = store / f".part-{uuid.uuid4().hex}"
    part.mkdir(parents=True)
    try:
        ase.io.write(part / STRUCTURE, atoms, format="extxyz")
        digest = hashlib.sha256((part / STRUCTURE).read_bytes()).hexdigest()
        description = {
            "key": key,
            "sha256": digest,
            "core_seconds": core_seconds,
            "calculation": asdict(calculation),
        }
        (part / DESCRIPTION).write_text(json.dumps(description, indent=1))
        with gzip.open(part / OUTPUT, "wt") as archive:
            archive.write(output)
        for written in part.iterdir():
            with open(written, "rb") as file:
                os.fsync(file.fileno())
        _move_into(part, place, store)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return key


def _move_into(part: Path, place: Path, store: Path) -> None:
    """Rename a finished entry into its place, unless another writer was there first."""
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        if read_label(store, place.name) is not None:
            return
        # Nothing is thrown away: what a disk or a hand has damaged stays to be looked at.
        place.rename(store / f".damaged-{place.name}-{uuid.uuid4().hex}")
    try:
        part.rename(place)
    except OSError:
        if read_label(store, place.name) is None:
            raise


def _place(store: Path, key: str) -> Path:
    return store / key[:2] / key
