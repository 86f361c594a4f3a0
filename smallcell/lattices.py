"""A crystal's energy in other lattices, and along the path from bcc to fcc.

Both ask for differences of some meV/atom between structures that a potential has met rarely or
never, which decide what phase it finds stable.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.build import bulk

from smallcell.cells import atom_volume, parent
from smallcell.validation import energies_per_atom, fit_equation_of_state

COMPARED = ("bcc", "fcc", "hcp")
"""Lattices that an element's own is compared with."""

FACTORS = (0.95, 0.975, 1.0, 1.025, 1.05)
"""On the lattice constant: of these strains energies are fitted to find each lattice's lowest."""

BAIN = (0.9, 1.0, 1.1, 1.2, 1.3, np.sqrt(2), 1.5)
"""Ratios c/a of the path by E. C. Bain, Trans. AIME 70, 25 (1924): 1 is bcc, sqrt(2) is fcc."""


def lattice_structures(element: Mapping) -> list[Atoms]:
    """Primitive cells of an element's own lattice and of `COMPARED`, strained by `FACTORS`.

    Parameters
    ----------
    element : Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).

    Returns
    -------
    list of Atoms
        ``info["mesh"]`` is the lattice: cells of one name are to have the same k-points.
    """
    structures = []
    for lattice in _compared(element):
        for factor in FACTORS:
            atoms = parent(lattice, element)
            atoms.set_cell(factor * atoms.cell.array, scale_atoms=True)
            atoms.info = {"mesh": lattice}
            structures.append(atoms)
    return structures


def lattice_energies(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Energies above the element's own lattice (meV/atom) and volumes of an atom (A^3), at minima.

    Parameters
    ----------
    element : Mapping
    structures : sequence of Atoms
        Of `lattice_structures`, with energies.

    Returns
    -------
    dict
        By quantity and unit; not a number where a lattice has no minimum among its strains.
    """
    values, lowest = {}, {}
    for lattice in _compared(element):
        of_lattice = [atoms for atoms in structures if atoms.info["mesh"] == lattice]
        try:
            fit = fit_equation_of_state(*energies_per_atom(of_lattice))
        except (ValueError, RuntimeError):  # The latter where ASE's fit does not converge.
            lowest[lattice] = volume = np.nan
        else:
            lowest[lattice], volume = fit.energy, fit.volume
        values[f"volume of an atom in {lattice}", "A^3"] = volume
    own = element["lattice"]
    differences = {
        (f"{lattice} above {own}", "meV/atom"): 1000 * (energy - lowest[own])
        for lattice, energy in lowest.items()
        if lattice != own
    }
    return differences | values


def _compared(element: Mapping) -> tuple[str, ...]:
    return tuple(dict.fromkeys((element["lattice"], *COMPARED)))


def bain_structures(element: Mapping) -> list[Atoms]:
    """Tetragonal cells of one atom, c/a of `BAIN`, with the volume of the element's own lattice."""
    edges = np.cbrt(2 * atom_volume(element) / np.array(BAIN))
    return [
        bulk(element["symbol"], "bct", a=edge, c=ratio * edge)
        for edge, ratio in zip(edges, BAIN, strict=True)
    ]


def bain_energies(element: Mapping, structures: Sequence[Atoms]) -> dict:
    """Energies above bcc (meV/atom) of `bain_structures`, by quantity and unit."""
    _, energies = energies_per_atom(structures)
    bcc = energies[BAIN.index(1.0)]
    return {
        (f"above bcc, c/a = {ratio:.3f}", "meV/atom"): 1000 * (energy - bcc)
        for ratio, energy in zip(BAIN, energies, strict=True)
        if ratio != 1
    }
