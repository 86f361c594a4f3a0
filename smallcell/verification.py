"""Reads a label store from end to end and tells what is wrong with it: ``make verify-labels``."""

import argparse
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from smallcell.labels import Calculation
from smallcell.programs import Program
from smallcell.pw_output import convergence, cores, magnetic_moment, version
from smallcell.store import (
    CLAIMS,
    DESCRIPTION,
    OUTPUT,
    PART,
    README,
    STRUCTURE,
    file_hash,
    label_key,
    other_format,
)

NET_FORCE = 1e-6
"""eV/A an atom that forces may sum to: pw.x prints them to 3e-7 eV/A."""


@dataclass(frozen=True)
class Findings:
    """What a store holds.

    Attributes
    ----------
    descriptions : list of dict
        ``label.json`` of each entry that has nothing wrong.
    faults : list of str
        One line a fault, the place first.
    leftovers : list of Path
        Unfinished entries of writers that were killed, or are writing just now.
    """

    descriptions: list[dict]
    faults: list[str]
    leftovers: list[Path]


def verify(store: Path) -> Findings:
    """Read all of a store.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    descriptions, faults, leftovers = [], [], []
    for place in sorted(store.iterdir()):
        if place.name.startswith(PART):
            leftovers.append(place)
        elif place.is_dir() and len(place.name) == 2:
            for entry in sorted(place.iterdir()):
                wrong = list(entry_faults(entry))
                faults += [f"{entry}: {fault}" for fault in wrong]
                if not wrong:
                    descriptions.append(json.loads((entry / DESCRIPTION).read_text()))
        elif place.name.startswith(".damaged-"):
            faults.append(f"{place}: damaged, and was set aside when the label was made again")
        elif place.name not in (README, CLAIMS):
            faults.append(f"{place}: no part of a label store")
    return Findings(descriptions, faults, leftovers)


def entry_faults(entry: Path) -> Iterator[str]:
    """Tell what is wrong with an entry, one fault at a time."""
    try:
        description = json.loads((entry / DESCRIPTION).read_text())
        if other := other_format(entry, description):
            yield other.removeprefix(f"{entry}: ")
            return
        damaged = [
            name
            for name in (STRUCTURE, OUTPUT)
            if file_hash(entry / name) != description["sha256"][name]
        ]
        if damaged:
            yield f"{' and '.join(damaged)} not as written: another SHA-256 than {DESCRIPTION} has"
            return
        atoms = ase.io.read(entry / STRUCTURE)
        output = gzip.decompress((entry / OUTPUT).read_bytes()).decode()
        printed = ase.io.read(io.StringIO(output), format="espresso-out")
        yield from _description_faults(entry, description, atoms, output)
        yield from _number_faults(atoms, printed)
    except Exception as error:  # noqa: BLE001 - whatever cannot be read is a finding
        yield f"cannot be read ({type(error).__name__}: {error})"


def _description_faults(entry: Path, description: dict, atoms: Atoms, output: str) -> Iterator[str]:
    """Compare ``label.json`` with the other files and the entry's place."""
    program = Program("pw.x", version(output))
    calculation = Calculation(**description["calculation"])
    key = label_key(atoms, calculation, program)
    if not entry.name == description["key"] == key:
        yield f"its content has the key {key}, {DESCRIPTION} says {description['key']}"
    if entry.parent.name != entry.name[:2]:
        yield f"belongs into the folder {entry.name[:2]}"
    told = (description["program"], description["convergence"], description["cost"]["cores"])
    if told != (vars(program), convergence(output), cores(output)):
        yield f"{DESCRIPTION} tells program, convergence or cores otherwise than {OUTPUT}"
    if atoms.calc.results.get("magmom") != magnetic_moment(output):
        yield f"{STRUCTURE} has another magnetic moment than {OUTPUT}"


def _number_faults(atoms: Atoms, printed: Atoms) -> Iterator[str]:
    """Compare the structure and its label with what pw.x printed."""
    # pw.x prints the crystal to six digits.
    if not np.array_equal(atoms.numbers, printed.numbers) or not (
        np.allclose(atoms.cell.array, printed.cell.array, rtol=0, atol=1e-4)
        and np.allclose(atoms.positions, printed.positions, rtol=0, atol=1e-4)
    ):
        yield f"{OUTPUT} is of another structure than {STRUCTURE}"
        return
    for name in ("energy", "forces", "stress"):
        stored, read = atoms.calc.results[name], printed.calc.results[name]
        if not np.allclose(stored, read, rtol=1e-9, atol=1e-8):
            yield f"{name} in {STRUCTURE} and {OUTPUT} differ by {np.abs(stored - read).max():g}"
    net = np.abs(atoms.get_forces().sum(axis=0)).max()
    if not net <= NET_FORCE * len(atoms):
        yield f"forces do not sum to zero, but to {net:g} eV/A"


def summary(store: Path, findings: Findings) -> str:
    """Tell of a store on one screen."""
    descriptions = findings.descriptions
    programs = Counter(" ".join(d["program"].values()) for d in descriptions)
    costs = [description["cost"] for description in descriptions]
    lines = [
        f"Label store {store}",
        f"  labels      {len(descriptions)} in order, {len(findings.faults)} faults",
        *(f"  program     {name}: {number}" for name, number in sorted(programs.items())),
        f"  cost        {sum(cost['core_seconds'] for cost in costs) / 3600:.3f} core-hours",
        *(
            f"  leftover    {place}: by a job that was killed, or runs"
            for place in findings.leftovers
        ),
        *(f"  wrong       {fault}" for fault in findings.faults),
    ]
    return "\n".join(lines)


def main() -> None:
    """Verify the store that the command line names."""
    parser = argparse.ArgumentParser(description="Read and check a label store.")
    parser.add_argument("store", type=Path)
    store = parser.parse_args().store
    if not store.is_dir():
        raise SystemExit(f"{store}: there is no such folder; name the label store as STORE=...")
    findings = verify(store)
    print(summary(store, findings))
    raise SystemExit(1 if findings.faults else 0)


if __name__ == "__main__":
    main()
