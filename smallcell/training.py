"""Training sets: labelled structures, energies relative to isolated atoms, as extended XYZ."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.files import written_whole
from smallcell.jobs import stored_label
from smallcell.labels import SUCCESSES

ORIGIN = ("strain", "close", "walker", "step", "grade", "disagreement", "purpose")
"""What a structure's ``info`` tells of where it was met and what for."""


def relative_to_atoms(atoms: Atoms, references: Mapping[str, float]) -> Atoms:
    """Copy of a labelled structure with the energies of its isolated atoms taken off.

    Parameters
    ----------
    atoms : Atoms
        With total energy (eV), forces and stress.
    references : Mapping
        Energy of the isolated atom of each element (eV).
    """
    labelled = atoms.copy()
    energy = atoms.get_potential_energy() - sum(references[symbol] for symbol in atoms.symbols)
    labelled.calc = SinglePointCalculator(
        labelled, energy=energy, forces=atoms.get_forces(), stress=atoms.get_stress()
    )
    return labelled


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
        ``element`` and ``energy`` (eV) of each isolated atom.

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
    energies = {reference["element"]: reference["energy"] for reference in references}
    structures = []
    for fate in fates:
        if fate["fate"] not in SUCCESSES:
            continue
        labelled = relative_to_atoms(stored_label(fate, store), energies)
        labelled.info["batch"] = fate["batch"]
        labelled.info |= {name: fate[name] for name in ORIGIN if name in fate}
        structures.append(labelled)
    return structures


def read_structures(path: str | Path) -> list[Atoms]:
    """Read all structures of an extended XYZ file, which may have none."""
    if Path(path).stat().st_size == 0:
        return []
    structures = ase.io.read(path, index=":", format="extxyz")
    for atoms in structures:
        # ASE has numbers as numpy's, which JSON does not know.
        atoms.info = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in atoms.info.items()
        }
    return structures


def write_structures(path: str | Path, structures: Sequence[Atoms]) -> None:
    """Write structures as extended XYZ, whole or not at all; of none, an empty file."""
    with written_whole(path) as part:
        if structures:
            ase.io.write(part, list(structures), format="extxyz")
        else:
            part.touch()
