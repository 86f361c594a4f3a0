"""What is covered of an alloy's compositions, and of positions without symmetry.

An atom on a site of high symmetry feels no force, whatever the potential: cells that are stuck
there teach little. A range of composition that no label is from is known by interpolation alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers, covalent_radii

from smallcell.approach import shortest_distances
from smallcell.canonical import symmetry_of
from smallcell.composition import PARTS, tenths_of
from smallcell.errors import differences, energy_constants, summary
from smallcell.labels import SUCCESSES
from smallcell.potential import Potential
from smallcell.wall import Wall

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


def tenth_in_words(part: int) -> str:
    """``0.1-0.2`` for the second tenth."""
    return f"{part / PARTS:g}-{(part + 1) / PARTS:g}"


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
                name = tenth_in_words(part)
                row |= {f"{name}: walks": steps[part], f"{name}: labels": counts[part]}
            rows.append(row)
    return pd.DataFrame(rows)


def composition_table(
    potential: Potential,
    sets: Mapping[str, Sequence[Atoms]],
    fates: Sequence[Mapping],
    met: Sequence[Atoms],
    grades: Sequence[float],
) -> pd.DataFrame:
    """Tell how a potential does by composition: errors, grades, fates of labels.

    Parameters
    ----------
    potential : Potential
        Its elements decide the order.
    sets : Mapping
        Labelled structures by the name of their set.
    fates : sequence of Mapping
        Reports of all label jobs: ``formula`` and ``fate``.
    met : sequence of Atoms
        What walks passed through, whatever their grade.
    grades : sequence of float
        Of these, by the potential.

    Returns
    -------
    DataFrame
        A row for each element but the first and each tenth of its share.
    """
    species = potential.species
    ends = [(tenths_of(Atoms(one["formula"]), species), one["fate"]) for one in fates]
    known = [(tenths_of(atoms, species), grade) for atoms, grade in zip(met, grades, strict=True)]
    found = {
        name: list(
            zip(
                (tenths_of(atoms, species) for atoms in structures),
                differences(potential, structures),
                strict=True,
            )
        )
        for name, structures in sets.items()
    }
    rows = []
    for place, symbol in enumerate(species[1:]):
        for part in range(PARTS):
            of_part = [fate for tenths, fate in ends if tenths[place] == part]
            labelled = sum(fate in SUCCESSES for fate in of_part)
            row = {
                "share of": symbol,
                "from": part / PARTS,
                "to": (part + 1) / PARTS,
                "labelled": labelled,
                "not labelled": len(of_part) - labelled,
            }
            for name, ones in found.items():
                part_errors = summary([one for tenths, one in ones if tenths[place] == part])
                row |= {
                    f"{name} structures": part_errors.configurations,
                    f"{name} energy meV/atom": 1000 * part_errors.energy,
                    f"{name} force meV/A": 1000 * part_errors.force,
                }
            values = pd.Series(
                [grade for tenths, grade in known if tenths[place] == part], dtype=float
            )
            row |= {"grade median": values.median(), "grade largest": values.max()}
            rows.append(row)
    return pd.DataFrame(rows)


def element_table(
    potential: Potential, sets: Mapping[str, Sequence[Atoms]], references: Sequence[Mapping]
) -> pd.DataFrame:
    """Tell of each element its isolated atom, its atoms in the sets, and the errors on these.

    Parameters
    ----------
    potential : Potential
    sets : Mapping
        Labelled structures by the name of their set, energies relative to isolated atoms.
    references : sequence of Mapping
        ``element`` and ``energy`` (eV) of each isolated atom.

    Returns
    -------
    DataFrame
        A row an element: ``reference eV``; for each set its ``atoms``, the root mean square error
        of the ``force`` on them, and the ``offset`` of energies that a constant for each element
        takes off, empty where the set is too small to tell.
    """
    energies = {one["element"]: one["energy"] for one in references}
    rows = [{"element": symbol, "reference eV": energies[symbol]} for symbol in potential.species]
    for name, structures in sets.items():
        found = differences(potential, structures)
        constants = energy_constants([energy.item() for energy, _, _ in found], structures)
        for row in rows:
            own = [
                force.reshape(-1, 3)[atoms.symbols == row["element"]]
                for (_, force, _), atoms in zip(found, structures, strict=True)
            ]
            forces = np.concatenate(own) if own else np.empty((0, 3))
            offset = constants.get(row["element"], np.nan)
            row |= {
                f"{name} atoms": len(forces),
                f"{name} force meV/A": 1000 * np.sqrt(np.mean(forces**2))
                if len(forces)
                else np.nan,
                f"{name} offset meV/atom": 1000 * offset,
            }
    return pd.DataFrame(rows)


def pair_table(
    structures: Sequence[Atoms],
    species: Sequence[str],
    closest: float,
    cutoff: float,
    barrier: Wall,
) -> pd.DataFrame:
    """Tell for each pair of elements how close its atoms come in labelled structures.

    Parameters
    ----------
    structures : sequence of Atoms
    species : sequence of str
    closest : float
        Share of the sum of two covalent radii below which nothing is labelled.
    cutoff : float
        Distances beyond are not looked at (A).
    barrier : Wall
        Of the potential.

    Returns
    -------
    DataFrame
        ``shortest A`` is empty where no two atoms of the pair are within the cut-off.
    """
    shortest = shortest_distances(structures, cutoff)
    walls = {(species[one.first], species[one.second]): one.outer for one in barrier.pairs}
    radii = {symbol: covalent_radii[atomic_numbers[symbol]] for symbol in species}
    return pd.DataFrame(
        {
            "pair": f"{one}-{other}",
            "shortest A": shortest.get(tuple(sorted((one, other))), np.nan),
            "wall from A": walls.get((one, other), barrier.outer),
            "too close for pw.x A": closest * (radii[one] + radii[other]),
        }
        for one, other in combinations_with_replacement(species, 2)
    )
