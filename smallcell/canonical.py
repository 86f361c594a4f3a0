"""The canonical form of a crystal: one description for all that describe the same crystal.

Where the origin lies, how atoms are numbered, which lattice vectors span the cell, how the crystal
is turned in space and whether it is seen in a mirror: nothing of this changes energy, forces or
stress but by the same turn. The canonical form is a function of the crystal alone, so that a label
found under it serves all descriptions. The number of atoms stays: a supercell is a cell of its own.

The lattice is described by its conorms, the six products -v_i . v_j (i < j) of four vectors that
sum to zero and of which no two enclose an acute angle. Such an obtuse superbase exists for every
lattice, and its vectors are Voronoi vectors: the shortest of their class modulo twice the lattice
(J. H. Conway and N. J. A. Sloane, Proc. R. Soc. Lond. A 436, 55 (1992)). What symmetry a lattice
has shows in conorms that are equal or zero, so that rounding them leaves it exact.

Tolerance
---------
Conorms are rounded to multiples of 1/16384 A^2 and coordinates to 1/1441440 of a lattice vector:
for a cell of 5 A, edges move by 1e-5 A at most and atoms by 2e-6 A along each of them. Halves,
thirds, quarters and all simple fractions up to sixteenths lie on the grid, and conorms of fewer
than 15 decimals never lie half-way between two multiples. Two descriptions of one crystal differ by
noise; where a number happens to lie within this noise of half-way, they get two forms. Then the
crystal is labelled once more; it never gets the label of one further off than the tolerance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import minkowski_reduce
from spglib.error import SpglibError

spglib.error.OLD_ERROR_HANDLING = False  # Errors are exceptions; the other way goes with version 3.

CONORM_STEPS = 2**14
"""Steps an A^2 that conorms are rounded to."""

FRACTION_STEPS = 1441440
"""Steps a lattice vector that coordinates are rounded to: a multiple of 1 to 16 and of 32."""

FURTHEST = 1e5
"""Largest component of a lattice vector or position as given (A)."""

DENSEST = 0.5
"""Smallest volume of an atom (A^3); hydrogen in the middle of Jupiter has more."""

LONGEST = 200.0
"""Longest vector of a reduced lattice (A): products of two metrics stay whole numbers of 64 bits,
and nobody labels a crystal that is larger."""

_NEARLY_SHORTEST = 100 / CONORM_STEPS
"""A^2; squared lengths this close count as equal while vectors are collected, so that noise cannot
hide one. Which of them are used depends on rounded numbers only."""

_ALIKE = 1e-5
"""A; atoms that symmetry brings so close to each other are the same."""

_SHORT = np.array([v for v in product(range(-2, 3), repeat=3) if any(v)])
"""Coefficients of lattice vectors among which a reduced basis has all its Voronoi vectors."""


@dataclass(frozen=True, order=True)
class CanonicalForm:
    """A crystal in whole numbers; equal for equal crystals.

    Attributes
    ----------
    numbers : tuple of int
        Atomic numbers, ascending.
    metric : tuple of int
        Products of lattice vectors 11, 22, 33, 23, 13, 12 in units of 1/`CONORM_STEPS` A^2.
    fractions : tuple of int
        Three coordinates an atom in units of 1/`FRACTION_STEPS` of the lattice vectors.
    """

    numbers: tuple[int, ...]
    metric: tuple[int, ...]
    fractions: tuple[int, ...]

    def atoms(self) -> Atoms:
        """Build the crystal, turned so that pw.x finds what symmetry it has.

        pw.x looks for rotations about x, y, z and their diagonals and for six-fold ones about z: so
        axes of symmetry are laid where spglib's standard has them. Without any, the first lattice
        vector is along x and the second in the xy plane.
        """
        one, two, three, two_three, one_three, one_two = self.metric
        products = np.array(
            [[one, one_two, one_three], [one_two, two, two_three], [one_three, two_three, three]]
        )
        cell = np.linalg.cholesky(products / CONORM_STEPS)
        fractions = np.reshape(self.fractions, (-1, 3)) / FRACTION_STEPS
        cell = _upright(cell, fractions, self.numbers)
        return Atoms(numbers=self.numbers, cell=cell, scaled_positions=fractions, pbc=True)


def canonical_form(atoms: Atoms) -> CanonicalForm:
    """Find the canonical form of a crystal.

    Parameters
    ----------
    atoms : Atoms
        Any description of it. What it has beyond species, cell and positions is disregarded.

    Raises
    ------
    ValueError
        If it is no crystal: without atoms, not periodic in three directions, without volume, or
        beyond `FURTHEST`, `DENSEST` or `LONGEST`.
    """
    if not len(atoms) or not all(atoms.pbc) or atoms.cell.rank < 3:
        raise ValueError(
            f"{atoms.get_chemical_formula() or 'no atom'}: a crystal has atoms and is periodic "
            "along three lattice vectors that span a volume"
        )
    numbers = np.concatenate([atoms.cell.array, atoms.positions])
    if not (np.abs(numbers) <= FURTHEST).all():
        raise ValueError(
            f"{atoms.get_chemical_formula()}: a lattice vector or position of "
            f"{np.abs(numbers).max():g} A; it must be at most {FURTHEST:g} A"
        )
    if (volume := atoms.get_volume() / len(atoms)) < DENSEST:
        raise ValueError(
            f"{atoms.get_chemical_formula()}: a volume of {volume:g} A^3 an atom; it must be at "
            f"least {DENSEST:g} A^3"
        )
    # Of a symmetric crystal several descriptions are equally good, until its coordinates are
    # rounded. What rounding prefers is settled here: the form of a form is that form, or, should
    # rounding lead round in a circle, the smallest on it.
    form, before = _rounded_once(atoms), []
    while form not in before:
        before.append(form)
        form = _rounded_once(form.atoms())
    return min(before[before.index(form) :])


def _rounded_once(atoms: Atoms) -> CanonicalForm:
    """Smallest of the crystal's descriptions in the best bases, each rounded for itself."""
    reduced, change = minkowski_reduce(atoms.cell.array)
    if (longest := np.linalg.norm(reduced, axis=1).max()) > LONGEST:
        raise ValueError(
            f"{atoms.get_chemical_formula()}: a lattice vector of {longest:g} A; a crystal to be "
            f"labelled has at most {LONGEST:g} A"
        )
    fractions = atoms.cell.scaled_positions(atoms.positions) @ _inverse(change)
    metric, bases = _best_bases(reduced @ reduced.T)
    order = np.argsort(atoms.numbers, kind="stable")
    numbers, fractions = atoms.numbers[order], fractions[order]
    descriptions = np.array(
        [_smallest_description(numbers, fractions @ _inverse(basis)) for basis in bases]
    )
    smallest = descriptions[_smallest(descriptions)[0]]
    steps = np.stack([smallest // FRACTION_STEPS**2, smallest // FRACTION_STEPS, smallest], axis=1)
    return CanonicalForm(
        numbers=tuple(numbers.tolist()),
        metric=tuple(metric.tolist()),
        fractions=tuple((steps % FRACTION_STEPS).ravel().tolist()),
    )


def symmetry_of(
    cell: np.ndarray, fractions: np.ndarray, numbers: Sequence[int], tolerance: float = _ALIKE
) -> spglib.SpglibDataset | None:
    """Find the symmetry of a crystal; None where spglib gives up, as if atoms lie on each other.

    Atoms within the tolerance (A) of where symmetry would have them are taken to be there.
    """
    try:
        return spglib.get_symmetry_dataset((cell, fractions, numbers), symprec=tolerance)
    except SpglibError:
        return None


def _upright(cell: np.ndarray, fractions: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Turn lattice vectors so that axes of symmetry lie where pw.x looks for them."""
    symmetry = symmetry_of(cell, fractions, numbers)
    if symmetry is None or np.all(np.abs(np.trace(symmetry.rotations, axis1=1, axis2=2)) == 3):
        return cell  # identity and inversion need no axes
    # Rounded, so that what is zero is zero.
    return np.round(cell @ symmetry.std_rotation_matrix.T, 12) + 0.0


def _best_bases(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the rounded metric of the best basis, and all bases that have it: up to 48.

    The best basis has the shortest reciprocal vectors, which makes it as orthogonal as it can be
    and k-meshes as even; among equals, that of the smallest metric.

    Parameters
    ----------
    products : ndarray, shape (3, 3)
        Metric of a Minkowski-reduced basis (A^2).

    Returns
    -------
    metric : ndarray of int, shape (6,)
        As in `CanonicalForm`.
    bases : ndarray of int, shape (number, 3, 3)
        Rows are lattice vectors in terms of those of the given basis.
    """
    superbases = _bases(_voronoi_vectors(products, _NEARLY_SHORTEST))
    conorms = np.rint(_conorms(_metrics(superbases, products)) * CONORM_STEPS).astype(int)
    obtuse = (conorms >= 0).all(axis=1)
    superbases, conorms = superbases[obtuse], conorms[obtuse]
    smallest = _smallest(conorms)
    superbases, exact = superbases[smallest], _from_conorms(conorms[smallest[0]])

    bases = _bases(_voronoi_vectors(exact, 0))
    metrics = _metrics(bases, exact)
    one, two, three = (metrics[:, axis, axis] for axis in range(3))
    two_three, one_three, one_two = metrics[:, 1, 2], metrics[:, 0, 2], metrics[:, 0, 1]
    reciprocal = (
        (one * two - one_two**2) + (two * three - two_three**2) + (one * three - one_three**2)
    )
    metrics = np.stack([one, two, three, two_three, one_three, one_two], axis=1)
    best = _smallest(np.column_stack([reciprocal, metrics]))
    combined = np.einsum("aij,bjk->abik", bases[best], superbases).reshape(-1, 3, 3)
    return metrics[best[0]], np.unique(combined, axis=0)


def _voronoi_vectors(products: np.ndarray, tolerance: float) -> np.ndarray:
    """Vectors no longer than the shortest of their class modulo 2, shape (number, 3)."""
    lengths = np.einsum("ni,ij,nj->n", _SHORT, products, _SHORT)
    classes = _SHORT % 2 @ [4, 2, 1]
    shortest = np.array([lengths[classes == c].min() for c in range(8)])
    return _SHORT[(lengths <= shortest[classes] + tolerance) & (classes > 0)]


def _bases(vectors: np.ndarray) -> np.ndarray:
    """All ordered triples of vectors that span the whole lattice, shape (number, 3, 3)."""
    crossed = np.cross(vectors[:, None], vectors[None, :])
    volumes = crossed @ vectors.T
    first, second, third = np.nonzero(np.abs(volumes) == 1)
    return np.stack([vectors[first], vectors[second], vectors[third]], axis=1)


def _metrics(bases: np.ndarray, products: np.ndarray) -> np.ndarray:
    return bases @ products @ bases.transpose(0, 2, 1)


def _conorms(metrics: np.ndarray) -> np.ndarray:
    """Conorms 23, 13, 12, 01, 02, 03 of three vectors and v_0, minus their sum."""
    return np.stack(
        [
            -metrics[:, 1, 2],
            -metrics[:, 0, 2],
            -metrics[:, 0, 1],
            *(metrics[:, axis].sum(axis=1) for axis in range(3)),
        ],
        axis=1,
    )


def _from_conorms(conorms: np.ndarray) -> np.ndarray:
    """Metric of the three vectors that have these conorms."""
    two_three, one_three, one_two, *with_sum = conorms
    metric = -np.array(
        [[0, one_two, one_three], [one_two, 0, two_three], [one_three, two_three, 0]]
    )
    return metric + np.diag(with_sum - metric.sum(axis=1))


def _smallest_description(numbers: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Round coordinates, one number an atom, seen from the atom that makes them smallest.

    Parameters
    ----------
    numbers : ndarray of int, shape (n,)
        Atomic numbers, ascending.
    fractions : ndarray, shape (n, 3)
    """
    species, counts = np.unique(numbers, return_counts=True)
    origins = fractions[numbers == species[counts.argmin()]]
    steps = np.rint((fractions - origins[:, None]) * FRACTION_STEPS).astype(np.int64)
    # A coordinate that rounds to 1 is 0.
    steps %= FRACTION_STEPS
    described = (steps[..., 0] * FRACTION_STEPS + steps[..., 1]) * FRACTION_STEPS + steps[..., 2]
    for number in species:
        described[:, numbers == number] = np.sort(described[:, numbers == number], axis=1)
    return described[_smallest(described)[0]]


def _smallest(rows: np.ndarray) -> np.ndarray:
    """Find the rows that are first in lexicographic order; their indices."""
    found = np.arange(len(rows))
    for column in rows.T:
        found = found[column[found] == column[found].min()]
    return found


def _inverse(change: np.ndarray) -> np.ndarray:
    """Inverse of a change of basis, which is made of whole numbers as well."""
    return np.rint(np.linalg.inv(change))
