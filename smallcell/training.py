"""Training sets: labelled structures as extended XYZ.

Energies are relative to isolated atoms, and stresses have what a finite basis leaves out of them
(`smallcell.finite_basis`): energies and stresses are of one function then.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.files import written_whole
from smallcell.jobs import stored_label
from smallcell.labels import SUCCESSES

ORIGIN = ("strain", "close", "prototype", "walker", "step", "grade", "disagreement", "purpose")
"""What a structure's ``info`` tells of where it was met and what for."""


def relative_to_atoms(
    atoms: Atoms, references: Mapping[str, float], missing: Mapping[str, float]
) -> Atoms:
    """Copy of a labelled structure with the energies of its isolated atoms taken off.

    Parameters
    ----------
    atoms : Atoms
        With total energy (eV), forces and stress.
    references : Mapping
        Energy of the isolated atom of each element (eV).
    missing : Mapping
        What volume times stress lacks of an atom of each element (eV), in the normal components;
        nothing of those that are not in it.
    """
    labelled = atoms.copy()
    energy = atoms.get_potential_energy() - sum(references[symbol] for symbol in atoms.symbols)
    stress = atoms.get_stress()
    stress[:3] += sum(missing.get(symbol, 0.0) for symbol in atoms.symbols) / atoms.get_volume()
    labelled.calc = SinglePointCalculator(
        labelled, energy=energy, forces=atoms.get_forces(), stress=stress
    )
    return labelled


def relative_label(report: Mapping, store: Path, references: Sequence[Mapping]) -> Atoms:
    """Read the label that a job has reported, energy and stress as `relative_to_atoms` has them.

    Parameters
    ----------
    report : Mapping
        Of a label job that has come to a label.
    store : Path
    references : sequence of Mapping
        ``element``, ``energy`` (eV) of the isolated atom and ``missing_virial`` (eV/atom) of each.

    Raises
    ------
    ValueError
        If the label is not in the store any more.
    """
    energies, missing = (
        {reference["element"]: reference[name] for reference in references}
        for name in ("energy", "missing_virial")
    )
    return relative_to_atoms(stored_label(report, store), energies, missing)


def labelled_batch(
    fates: Sequence[Mapping], store: Path, references: Sequence[Mapping]
) -> list[Atoms]:
    """Collect the labels of a batch from the store.

    Parameters
    ----------
    fates : sequence of Mapping
        Reports of its label jobs; those without a label are passed over.
    store : Path
    references : sequence of Mapping
        As of `relative_label`.

    Returns
    -------
    list of Atoms
        Energies relative to isolated atoms; ``info`` has the ``batch`` and what is known of the
        `ORIGIN`.

    Raises
    ------
    ValueError
        If a label is not in the store any more.
    """
    structures = []
    for fate in fates:
        if fate["fate"] not in SUCCESSES:
            continue
        labelled = relative_label(fate, store, references)
        labelled.info["batch"] = fate["batch"]
        labelled.info |= {name: fate[name] for name in ORIGIN if name in fate}
        structures.append(labelled)
    return structures


def read_structures(path: str | Path, wanted: range | None = None) -> list[Atoms]:
    """Read the structures of an extended XYZ file of ours, which may have none.

    Parameters
    ----------
    path : str or Path
    wanted : range or None
        Numbers of some that follow each other; the others are passed over, which costs little.

    Raises
    ------
    ValueError
        If the file is damaged or cut off, as far as that can be seen.
    """
    content = Path(path).read_bytes()
    if not content:
        return []
    # In a number that is cut off nobody sees what is missing.
    if not content.endswith(b"\n"):
        raise ValueError(f"{path}: cut off in its last line")
    check_counts(path, content)
    try:
        index = slice(wanted.start, wanted.stop) if wanted is not None else slice(None)
        structures = ase.io.read(path, index=index, format="extxyz")
    except Exception as error:  # noqa: BLE001 - ASE's reader has errors of many kinds
        raise ValueError(f"{path}: damaged, ASE cannot read it ({error!r})") from None
    for number, atoms in enumerate(structures, start=wanted.start if wanted is not None else 0):
        _check_numbers(path, number, atoms)
        # ASE has numbers as numpy's, which JSON does not know.
        atoms.info = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in atoms.info.items()
        }
    return structures


def check_counts(path: str | Path, content: bytes) -> None:
    """Refuse extended XYZ with more atoms in a structure, or columns of them, than there can be.

    ASE's reader would go on looking for them, for hours and in all memory where a digit is damaged.

    Parameters
    ----------
    path : str or Path
        To be named.
    content : bytes
        What is in it.

    Raises
    ------
    ValueError
    """
    lines = content.splitlines()
    widest = max((len(line.split()) for line in lines), default=0)
    for line in lines:
        properties = re.search(rb"Properties=(\S+)", line)
        columns = sum(map(int, re.findall(rb":[RSIL]:(\d+)", properties[1]))) if properties else 0
        if columns > widest:
            raise ValueError(
                f"{path}: damaged, {columns} columns in Properties, of at most {widest} in the file"
            )
        try:
            atoms = int(line)
        except ValueError:
            continue
        if atoms > len(lines):
            raise ValueError(
                f"{path}: damaged, a structure of {atoms} atoms in a file of {len(lines)} lines"
            )


def _check_numbers(path: str | Path, number: int, atoms: Atoms) -> None:
    """Refuse a structure of which a number has become a word, or no number."""
    labels = atoms.calc.results if atoms.calc is not None else {}
    for name, values in {"positions": atoms.positions, "cell": atoms.cell.array, **labels}.items():
        if np.asarray(values).dtype.kind not in "fi" or not np.isfinite(values).all():
            raise ValueError(f"{path}: damaged, structure {number} has {name} of no finite number")


def write_structures(path: str | Path, structures: Sequence[Atoms]) -> None:
    """Write structures as extended XYZ, whole or not at all; of none, an empty file."""
    with written_whole(path) as part:
        if structures:
            ase.io.write(part, list(structures), format="extxyz")
        else:
            part.touch()
