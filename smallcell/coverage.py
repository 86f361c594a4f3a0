"""What is covered of an alloy's compositions, and of positions without symmetry.

An atom on a site of high symmetry feels no force, whatever the potential: cells that are stuck
there teach little. A range of composition that no label is from is known by interpolation alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from ase import Atoms
from ase.data import atomic_masses

from smallcell.canonical import symmetry_of
from smallcell.composition import PARTS, tenths_of

SYMMETRIC = 0.01
"""A; atoms this close to where symmetry would have them are taken to be there."""

KILOGRAMS = 1660.539
"""kg/m3 of an atomic mass unit in an A^3."""


def is_symmetric(atoms: Atoms) -> bool:
    """Whether a crystal has a rotation, reflection or inversion, a point group that is not 1."""
    found = symmetry_of(
        atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers, tolerance=SYMMETRIC
    )
    return found is not None and len(np.unique(found.rotations, axis=0)) > 1


def density(atoms: Atoms) -> float:
    """Mass density (kg/m3), by the elements' standard atomic masses."""
    return float(KILOGRAMS * atomic_masses[atoms.numbers].sum() / atoms.get_volume())


def stage_of(batch: str) -> str:
    """Return the stage of a batch, or the batch itself where it is none's."""
    return batch.partition("/")[0]


def coverage_table(
    labelled: Sequence[Atoms], walks: Mapping[str, Sequence[str]], species: Sequence[str]
) -> pd.DataFrame:
    """Count walks and labels of each stage by composition, and labels with symmetry.

    Parameters
    ----------
    labelled : sequence of Atoms
        ``info["batch"]`` tells from which batch.
    walks : Mapping
        For each stage, the formulas that its walkers started from.
    species : sequence of str
        The elements, in the order of the potential's types.

    Returns
    -------
    DataFrame
        A row for each stage and element but the first: ``labels``, ``symmetric %``, the share of
        labelled cells of three and more atoms with a point group that is not 1, and for each tenth
        of the element's share labels and walks, ``0.1-0.2: walks``.
    """
    by_stage: dict[str, list[Atoms]] = {}
    for atoms in labelled:
        by_stage.setdefault(stage_of(atoms.info["batch"]), []).append(atoms)
    rows = []
    for stage, structures in by_stage.items():
        general = [atoms for atoms in structures if len(atoms) > 2]
        symmetric = [is_symmetric(atoms) for atoms in general]
        labels = [tenths_of(atoms, species) for atoms in structures]
        walked = [tenths_of(Atoms(formula), species) for formula in walks.get(stage, [])]
        for place, symbol in enumerate(species[1:]):
            counts, steps = (Counter(one[place] for one in found) for found in (labels, walked))
            row = {
                "stage": stage,
                "share of": symbol,
                "labels": len(structures),
                "walks": len(walked),
                "symmetric %": 100 * np.mean(symmetric) if general else np.nan,
            }
            for part in range(PARTS):
                name = f"{part / PARTS:g}-{(part + 1) / PARTS:g}"
                row |= {f"{name}: walks": steps[part], f"{name}: labels": counts[part]}
            rows.append(row)
    return pd.DataFrame(rows)
