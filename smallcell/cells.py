"""Cells: supercells of parent crystals, all of a number of atoms, and each of them once.

A supercell of a crystal is fixed by its lattice, a sublattice of the crystal's own. In terms of a
primitive basis each sublattice has one basis in Hermite normal form, so that listing these lists
them all; two of them are the same cell, seen from another side, if a rotation or reflection of the
crystal takes one to the other (G. L. W. Hart and R. W. Forcade, Phys. Rev. B 77, 224115 (2008)).
Stacks of cubic units are a small and special part of this list.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ase.io
import numpy as np
import spglib
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.geometry import minkowski_reduce
from spglib.error import SpglibError

spglib.error.OLD_ERROR_HANDLING = False  # Errors are exceptions; the other way goes with version 3.

LATTICES = ("sc", "bcc", "fcc", "hcp", "diamond")
"""Parents that have a name; hcp is that of touching spheres, c/a = sqrt(8/3)."""

ALIKE = 1e-3
"""A; how far symmetry may be broken by the rounding of coordinates in a structure file."""


def crystal(element: Mapping, unit: str, repeats: Sequence[int]) -> Atoms:
    """Build a crystal of one element's lattice.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    unit : {"primitive", "conventional"}
        Of hcp both are the hexagonal cell of two atoms.
    repeats : sequence of int
        How often the unit is repeated along its vectors.
    """
    atoms = bulk(
        element["symbol"],
        element["lattice"],
        a=element["lattice_constant"],
        # ASE has c/a of its own for elements that are hcp.
        covera=np.sqrt(8 / 3) if element["lattice"] == "hcp" else None,
        cubic=unit == "conventional" and element["lattice"] in ("bcc", "fcc", "diamond"),
    )
    return make_supercell(atoms, np.diag(repeats))


def atom_volume(element: Mapping) -> float:
    """Volume of an atom in an element's own lattice (A^3)."""
    atoms = crystal(element, "primitive", (1, 1, 1))
    return atoms.get_volume() / len(atoms)


def vegard_volume(
    atoms: Atoms, elements: Sequence[Mapping], bowings: Sequence[Mapping] = ()
) -> float:
    """Volume of an alloy's atoms (A^3) by Vegard's law.

    The edge of the cube that an atom fills is the mean of those in the crystals of the elements.

    Parameters
    ----------
    atoms : Atoms
        Whose elements count, not its volume.
    elements : sequence of Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    bowings : sequence of Mapping
        For pairs of ``elements`` a ``bowing`` (A) by which it is not the mean, times the product of
        their shares (see `smallcell.bowing`).
    """
    edges = {element["symbol"]: np.cbrt(atom_volume(element)) for element in elements}
    edge = np.mean([edges[symbol] for symbol in atoms.symbols])
    for one in bowings:
        shares = [np.mean(atoms.symbols == symbol) for symbol in one["elements"]]
        edge += np.prod(shares) * one["bowing"]
    return float(len(atoms) * edge**3)


def parent(lattice: str, element: Mapping) -> Atoms:
    """Primitive cell of a parent crystal, with the volume an atom has in the element's own lattice.

    Parameters
    ----------
    lattice : str
        One of `LATTICES`, or the path of a file that ASE reads. Of a file only the sites count:
        what occupies them is replaced by the element.
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If the file is not that of one crystal.
    """
    if lattice in LATTICES:
        atoms = crystal(element | {"lattice": lattice}, "primitive", (1, 1, 1))
    else:
        atoms = _primitive_sites(Path(lattice), element["symbol"])
    scale = np.cbrt(atom_volume(element) * len(atoms) / atoms.get_volume())
    atoms.set_cell(atoms.cell * scale, scale_atoms=True)
    return atoms


def _primitive_sites(file: Path, symbol: str) -> Atoms:
    with file.open("rb"):
        pass  # What cannot be opened is an OSError, whatever ASE would make of it.
    try:
        structures = ase.io.read(file, index=":")
    except Exception as error:  # ASE's readers raise whatever goes wrong in them.
        reason = " ".join(str(error).split())
        raise ValueError(f"{file}: ASE cannot read it ({reason})") from error
    if len(structures) != 1:
        raise ValueError(f"{file}: has {len(structures)} structures; a parent crystal is one")
    (read,) = structures
    if not len(read) or not read.pbc.all() or read.cell.rank < 3:
        raise ValueError(
            f"{file}: {read.get_chemical_formula() or 'no atom'} with pbc {read.pbc.tolist()} and "
            f"{read.cell.rank} lattice vectors; a parent crystal is periodic in three directions"
        )
    sites = (read.cell.array, read.get_scaled_positions(), np.ones(len(read)))
    try:
        cell, fractions, _ = spglib.find_primitive(sites, symprec=ALIKE)
    except SpglibError as error:
        raise ValueError(
            f"{file}: spglib finds no symmetry in it ({error}); are atoms on top of each other?"
        ) from error
    return Atoms([symbol] * len(fractions), cell=cell, scaled_positions=fractions, pbc=True)


def hermite_normal_forms(determinant: int) -> np.ndarray:
    """All sublattices of an index, as bases in terms of the lattice's: rows are their vectors.

    Returns
    -------
    ndarray of int, shape (number, 3, 3)
        Upper triangular; above a diagonal element numbers are from 0 to that element less 1.
    """
    divisors = [number for number in range(1, determinant + 1) if determinant % number == 0]
    return np.array(
        [
            [[one, shift_two, shift_three], [0, two, slant], [0, 0, determinant // (one * two)]]
            for one in divisors
            for two in divisors
            if determinant % (one * two) == 0
            for shift_two in range(two)
            for shift_three in range(determinant // (one * two))
            for slant in range(determinant // (one * two))
        ]
    )


def rotations(atoms: Atoms) -> np.ndarray:
    """Rotations of a crystal in terms of its lattice vectors, shape (number, 3, 3).

    Row vectors are multiplied from the right. A reflection is the rotation that it makes together
    with inversion, which takes each lattice to itself.
    """
    description = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry_dataset(description).rotations.transpose(0, 2, 1)
    return np.unique(found * np.rint(np.linalg.det(found))[:, None, None], axis=0)


def superlattices(turns: np.ndarray, index: int) -> np.ndarray:
    """Sublattices of an index that are no turned copies of each other.

    Parameters
    ----------
    turns : ndarray, shape (number, 3, 3)
        The crystal's `rotations`.
    index : int
        Volume of a cell of the sublattice in cells of the lattice.

    Returns
    -------
    ndarray of int, shape (number, 3, 3)
        Of each class of sublattices the first Hermite normal form.
    """
    left, found = hermite_normal_forms(index), []
    while len(left):
        found.append(left[0])
        # A lattice is a turned one if what leads from basis to basis is whole. Its determinant is
        # 1 or -1 then, as their volumes are the same.
        turned = (left[0] @ turns).reshape(-1, 3)
        inverses = np.rint(index * np.linalg.inv(left)).transpose(1, 0, 2).reshape(3, -1)
        changes = (turned @ inverses).reshape(len(turns), 3, len(left), 3)
        left = left[~(changes % index == 0).all(axis=(1, 3)).any(axis=0)]
    return np.array(found)


def supercell(atoms: Atoms, form: np.ndarray) -> Atoms:
    """Supercell of a crystal on the lattice of a Hermite normal form, Minkowski-reduced."""
    _, change = minkowski_reduce(form @ atoms.cell.array)
    return make_supercell(atoms, change @ form)


def indices(sites: int, atoms: Sequence[int]) -> range:
    """How many primitive cells of some sites have a number of atoms within a range."""
    fewest, most = atoms
    return range(-(-fewest // sites), most // sites + 1)


def cells(element: Mapping, lattices: Sequence[str], atoms: Sequence[int]) -> list[Atoms]:
    """All cells of an element that parent lattices have in a range of numbers of atoms.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    lattices : sequence of str
        Names or structure files, see `parent`.
    atoms : sequence of int
        Fewest and most. A parent of several atoms has cells of their multiples only.

    Returns
    -------
    list of Atoms
        ``info`` has ``parent``, ``atoms`` and ``number``, which counts the cells of that parent
        and number of atoms from 0.
    """
    found = []
    for lattice in lattices:
        primitive = parent(lattice, element)
        turns = rotations(primitive)
        for index in indices(len(primitive), atoms):
            for number, form in enumerate(superlattices(turns, index)):
                cell = supercell(primitive, form)
                cell.info = {"parent": lattice, "atoms": len(cell), "number": number}
                found.append(cell)
    return found


def starts(element: Mapping, stage: Mapping) -> list[Atoms]:
    """Perfect, unstrained cells of an element that walkers of a stage start from.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    stage : Mapping
        ``cell`` and ``unit``, for a single cell; or ``cells``, for all of a range of ``atoms`` on
        ``lattices``, the element's own where these are not given.
    """
    if "cell" in stage:
        return [crystal(element, stage["unit"], stage["cell"])]
    return cells(
        element, stage["cells"].get("lattices", [element["lattice"]]), stage["cells"]["atoms"]
    )
