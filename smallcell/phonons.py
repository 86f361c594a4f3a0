"""Phonons from the forces that follow a small displacement of an atom in a supercell.

A wave of which the supercell holds a whole number of lengths is exact in it, however far forces
reach: cells that pw.x can do are enough for the points of high symmetry. Between them, along a
path, the supercell must be larger than the range of the forces, which only a potential can afford.
"""

import tempfile
from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import pandas as pd
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.dft.kpoints import BandPath
from ase.phonons import Phonons
from ase.units import J, _hplanck, fs

from smallcell.cells import crystal
from smallcell.orientation import distinct, of_all

REPEATS = (2, 2, 2)
"""Conventional cells: 16 atoms of bcc, in which H, N and P are exact."""

DISPLACEMENT = 0.01
"""Share of the lattice constant."""

THZ = 1000 * fs / (2 * np.pi)
"""Frequency (THz) where force constant and mass are 1 in ASE's units."""

PATH_POINTS = 100
"""Of a dispersion."""


def displaced(element: Mapping) -> list[Atoms]:
    """Supercells in which each atom of a primitive cell is moved along x, y, z, to both sides."""
    perfect, movable = _supercell(element)
    structures = []
    for atom in movable:
        for step in DISPLACEMENT * element["lattice_constant"] * np.eye(3):
            for sign in (1, -1):
                atoms = perfect.copy()
                atoms.positions[atom] += sign * step
                structures.append(atoms)
    return structures


def _supercell(element: Mapping) -> tuple[Atoms, list[int]]:
    """Perfect supercell, and those of its atoms that are in a primitive cell."""
    primitive = crystal(element, "primitive", (1, 1, 1))
    perfect = crystal(element, "conventional", REPEATS)
    return perfect, [_nearest(perfect, position) for position in primitive.positions]


def _nearest(atoms: Atoms, position: np.ndarray) -> int:
    offsets = (atoms.positions - position) @ np.linalg.inv(atoms.cell.array)
    offsets -= np.rint(offsets)
    return int(np.argmin(np.linalg.norm(offsets @ atoms.cell.array, axis=1)))


def phonon_structures(element: Mapping) -> list[Atoms]:
    """Supercells with an atom displaced, each crystal once: one for bcc, fcc and sc.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    """
    return distinct(displaced(element))


def phonon_frequencies(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Frequencies (THz) at those special points that are exact in the supercell.

    Branches are numbered from the lowest; an imaginary frequency is given as a negative one.

    Parameters
    ----------
    element : Mapping
    structures : sequence of Atoms
        Of `phonon_structures`, with energy, forces and stress.

    Returns
    -------
    dict
        By quantity and unit.
    """
    primitive = crystal(element, "primitive", (1, 1, 1))
    perfect, movable = _supercell(element)
    forces = np.array([atoms.get_forces() for atoms in of_all(displaced(element), structures)])
    step = DISPLACEMENT * element["lattice_constant"]
    # By displaced atom and direction, then by atom and direction of the force.
    constants = -(forces[::2] - forces[1::2]) / (2 * step)
    constants = constants.reshape(len(movable), 3, len(perfect), 3)
    sites = [movable[_nearest(primitive, position)] for position in perfect.positions]
    values = {}
    for name, point in primitive.cell.bandpath().special_points.items():
        wave = 2 * np.pi * point @ np.linalg.inv(primitive.cell.array).T
        if not any(point) or not _fits(wave, perfect):
            continue
        matrix = np.zeros((len(movable), 3, len(movable), 3), dtype=complex)
        for atom, site in enumerate(sites):
            for number, moved in enumerate(movable):
                phase = np.exp(-1j * wave @ (perfect.positions[atom] - perfect.positions[moved]))
                matrix[number, :, movable.index(site), :] += phase * constants[number, :, atom, :]
        for branch, frequency in enumerate(_frequencies(matrix, primitive.get_masses()), start=1):
            values[f"{name}, branch {branch}", "THz"] = frequency
    return values


def _fits(wave: np.ndarray, supercell: Atoms) -> bool:
    lengths = supercell.cell.array @ wave / (2 * np.pi)
    return bool(np.allclose(lengths, np.rint(lengths), atol=1e-6))


def _frequencies(constants: np.ndarray, masses: np.ndarray) -> list[float]:
    """Frequencies (THz), ascending, of force constants (eV/A^2) at a wave vector."""
    weights = np.repeat(1 / np.sqrt(masses), 3)
    size = len(weights)
    matrix = constants.reshape(size, size) * np.outer(weights, weights)
    squares = np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)
    return [float(THZ * np.sign(square) * np.sqrt(abs(square))) for square in squares]


def dispersion(
    element: Mapping, calculator: Calculator, reach: float
) -> tuple[BandPath, np.ndarray]:
    """Frequencies along ASE's standard path through the Brillouin zone.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).
    calculator : Calculator
    reach : float
        Distance beyond which an atom's displacement causes no force (A).

    Returns
    -------
    path : BandPath
    frequencies : ndarray, shape (n_points, n_branches)
        THz, imaginary ones negative.
    """
    primitive = crystal(element, "primitive", (1, 1, 1))
    heights = 1 / np.linalg.norm(np.linalg.inv(primitive.cell.array), axis=0)
    repeats = tuple(ceil(2 * reach / height) for height in heights)
    path = primitive.cell.bandpath(npoints=PATH_POINTS)
    with tempfile.TemporaryDirectory(prefix="phonons-") as folder:
        step = DISPLACEMENT * element["lattice_constant"]
        phonons = Phonons(primitive, calculator, repeats, name=f"{folder}/cache", delta=step)
        phonons.run()
        phonons.read(acoustic=True)
    energies = phonons.band_structure(path.kpts, verbose=False)
    return path, energies / (_hplanck * J) * 1e-12


def dispersion_table(path: BandPath, frequencies: np.ndarray) -> pd.DataFrame:
    """Table of a dispersion: coordinates along the path (1/A), wave vector, branches (THz)."""
    along, _, _ = path.get_linear_kpoint_axis()
    names = [
        "".join(name for name, point in path.special_points.items() if np.allclose(point, wave))
        for wave in path.kpts
    ]
    table = pd.DataFrame({"point": names, "along the path 1/A": along})
    for axis, column in zip("123", path.kpts.T, strict=True):
        table[f"q{axis}"] = column
    for branch, column in enumerate(frequencies.T, start=1):
        table[f"branch {branch} THz"] = column
    return table
