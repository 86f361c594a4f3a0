"""Labels turned back: what is known of a crystal in one description, as any other has it.

The store keeps each crystal once, turned and numbered in its own way (`smallcell.canonical`).
Energies do not feel this; forces and stress have directions and belong to atoms. It serves symmetry
as well: of structures that are one crystal, one need be computed.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import minkowski_reduce
from ase.stress import full_3x3_to_voigt_6_stress

from smallcell.canonical import CanonicalForm, canonical_form

TOLERANCE = 1e-3
"""A; far above what the canonical form rounds, far below what tells two structures apart."""


def described_as(labelled: Atoms, atoms: Atoms) -> Atoms:
    """Copy of a structure with the label of the same crystal in another description.

    Parameters
    ----------
    labelled : Atoms
        With energy, forces and stress. May be turned, mirrored, moved, numbered otherwise, or have
        other lattice vectors.
    atoms : Atoms

    Raises
    ------
    ValueError
        If they are two crystals.
    """
    reduced, _ = minkowski_reduce(atoms.cell.array)
    fractions = _fractions(atoms.positions, reduced)
    for basis in _bases_alike(minkowski_reduce(labelled.cell.array)[0], reduced):
        others = _fractions(labelled.positions, basis)
        order = _same_places(atoms.numbers, fractions, labelled.numbers, others, reduced)
        if order is None:
            continue
        turn = np.linalg.solve(basis, reduced)
        stress = turn.T @ labelled.get_stress(voigt=False) @ turn
        copy = atoms.copy()
        copy.calc = SinglePointCalculator(
            copy,
            energy=labelled.get_potential_energy(),
            forces=labelled.get_forces()[order] @ turn,
            stress=full_3x3_to_voigt_6_stress(stress),
        )
        return copy
    raise ValueError(
        f"a label of {labelled.get_chemical_formula()} is not one of this "
        f"{atoms.get_chemical_formula()}: no turn takes one crystal to the other"
    )


def _fractions(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return positions @ np.linalg.inv(cell)


def _bases_alike(cell: np.ndarray, wanted: np.ndarray) -> Iterator[np.ndarray]:
    """Bases of a lattice, given by a reduced cell, with the lengths and angles that are wanted."""
    vectors = np.array(list(product(range(-2, 3), repeat=3))) @ cell
    lengths = np.linalg.norm(wanted, axis=1)
    alike = [
        vectors[np.abs(np.linalg.norm(vectors, axis=1) - length) < TOLERANCE] for length in lengths
    ]
    metric = wanted @ wanted.T
    for one, two, three in product(*alike):
        basis = np.array([one, two, three])
        if np.allclose(basis @ basis.T, metric, rtol=0, atol=TOLERANCE * lengths.max()):
            yield basis


def _same_places(
    numbers: np.ndarray,
    fractions: np.ndarray,
    other_numbers: np.ndarray,
    others: np.ndarray,
    cell: np.ndarray,
) -> np.ndarray | None:
    """Other atom in the place of each, after a shift by which all fall on each other, or None."""
    if len(numbers) != len(other_numbers):
        return None
    for origin in others[other_numbers == numbers[0]]:
        offsets = (fractions - fractions[0])[:, None] - (others - origin)[None, :]
        offsets -= np.rint(offsets)
        distances = np.linalg.norm(offsets @ cell, axis=2)
        order = distances.argmin(axis=1)
        together = distances[np.arange(len(order)), order].max() < TOLERANCE
        if together and np.array_equal(numbers, other_numbers[order]):
            return order
    return None


def distinct(structures: Sequence[Atoms]) -> list[Atoms]:
    """Of structures that are the same crystal, the first."""
    found: dict[CanonicalForm, Atoms] = {}
    for atoms in structures:
        found.setdefault(canonical_form(atoms), atoms)
    return list(found.values())


def of_all(structures: Sequence[Atoms], computed: Sequence[Atoms]) -> list[Atoms]:
    """All structures, each with what was computed of its crystal.

    Parameters
    ----------
    structures : sequence of Atoms
    computed : sequence of Atoms
        Of `distinct`, in the same order, with energy, forces and stress.
    """
    forms = [canonical_form(atoms) for atoms in structures]
    known = dict(zip(dict.fromkeys(forms), computed, strict=True))
    return [described_as(known[form], atoms) for form, atoms in zip(forms, structures, strict=True)]
