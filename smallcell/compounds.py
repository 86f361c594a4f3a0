"""Energies of ordered compounds, from which the convex hull of an alloy is drawn.

Each compound, and each element in its own crystal, is at the volume of its lowest energy. The
energy of formation is that above the elements, of an atom; a compound above the line between any
two others would fall apart into these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from ase import Atoms

from smallcell.cells import crystal
from smallcell.lattices import FACTORS
from smallcell.prototypes import PROTOTYPES, compound, formula
from smallcell.validation import energies_per_atom, fit_equation_of_state

HULL = ("B2", "B32", "D0_3", "L1_2", "C15")
"""Prototypes that are asked for: ordered ways to fill bcc and fcc sites, and a phase of Laves."""


@dataclass(frozen=True)
class Compound:
    """An ordered compound of two elements.

    Attributes
    ----------
    prototype : str
    elements : tuple of str
        The one of which there is more comes first.
    """

    prototype: str
    elements: tuple[str, str]

    @property
    def name(self) -> str:
        """Prototype and formula, such as ``D0_3 Na3K``."""
        return f"{self.prototype} {formula(self.prototype, self.elements)}"

    @property
    def share(self) -> float:
        """Share of atoms of the first element."""
        numbers = PROTOTYPES[self.prototype].numbers
        return numbers[0] / sum(numbers)


def compounds(symbols: Sequence[str]) -> list[Compound]:
    """List those of `HULL` of all pairs of elements, in both orders where these differ."""
    found = []
    for pair in combinations(symbols, 2):
        for name in HULL:
            found.append(Compound(name, pair))
            if len(set(PROTOTYPES[name].numbers)) > 1:
                found.append(Compound(name, pair[::-1]))
    return found


def shares_of_first(of_pair: Sequence[Compound], pair: Sequence[str]) -> list[float]:
    """Shares of the first element of a pair in compounds of both."""
    return [one.share if one.elements[0] == pair[0] else 1 - one.share for one in of_pair]


def compound_structures(system: Mapping) -> list[Atoms]:
    """Primitive cells of all elements and `compounds`, strained by `FACTORS`.

    Compounds begin with the volume of Vegard's law.

    Parameters
    ----------
    system : Mapping
        ``elements``: of each ``symbol``, ``lattice`` and ``lattice_constant`` (A).

    Returns
    -------
    list of Atoms
        ``info["mesh"]`` is the crystal's name: cells of one name are to have the same k-points.
    """
    elements = {element["symbol"]: element for element in system["elements"]}
    cells = {name: crystal(one, "primitive", (1, 1, 1)) for name, one in elements.items()}
    for one in compounds(list(elements)):
        cells[one.name] = compound(one.prototype, *(elements[symbol] for symbol in one.elements))
    structures = []
    for name, cell in cells.items():
        for factor in FACTORS:
            atoms = cell.copy()
            atoms.set_cell(factor * cell.cell.array, scale_atoms=True)
            atoms.info = {"mesh": name}
            structures.append(atoms)
    return structures


def compound_energies(system: Mapping, structures: Sequence[Atoms]) -> dict:
    """Energies of formation and above the hull (meV/atom), and volumes of an atom (A^3).

    Parameters
    ----------
    system : Mapping
    structures : sequence of Atoms
        Of `compound_structures`, with energies.

    Returns
    -------
    dict
        By quantity and unit; not a number where a crystal has no minimum among its strains.
    """
    energies, volumes = {}, {}
    for name in dict.fromkeys(atoms.info["mesh"] for atoms in structures):
        strained = [atoms for atoms in structures if atoms.info["mesh"] == name]
        try:
            fit = fit_equation_of_state(*energies_per_atom(strained))
        except (ValueError, RuntimeError):  # The latter where ASE's fit does not converge.
            energies[name] = volumes[name] = np.nan
        else:
            energies[name], volumes[name] = fit.energy, fit.volume
    formation, above = {}, {}
    symbols = [element["symbol"] for element in system["elements"]]
    for pair in combinations(symbols, 2):
        of_pair = compounds(pair)
        shares = shares_of_first(of_pair, pair)
        for one, share in zip(of_pair, shares, strict=True):
            apart = share * energies[pair[0]] + (1 - share) * energies[pair[1]]
            formation[one.name] = 1000 * (energies[one.name] - apart)
        known = [formation[one.name] for one in of_pair]
        heights = above_hull([0.0, 1.0, *shares], [0.0, 0.0, *known])[2:]
        above |= {one.name: float(height) for one, height in zip(of_pair, heights, strict=True)}
    return (
        {(f"formation of {name}", "meV/atom"): value for name, value in formation.items()}
        | {(f"{name} above the hull", "meV/atom"): value for name, value in above.items()}
        | {(f"volume of an atom in {name}", "A^3"): volumes[name] for name in formation}
    )


def above_hull(shares: Sequence[float], energies: Sequence[float]) -> np.ndarray:
    """Heights above the lower convex hull of a binary alloy.

    Parameters
    ----------
    shares : sequence of float
        Of one of the two elements, in each crystal; 0 and 1 are among them.
    energies : sequence of float
        Of formation; what is not a number is no corner of the hull.

    Returns
    -------
    ndarray, shape (n,)
        In the unit of the energies, 0 of what is on the hull.
    """
    # Two thirds and what is left of one must be the same.
    shares, energies = np.round(shares, 6), np.asarray(energies, dtype=float)
    known = np.isfinite(energies)
    lowest = energies.copy()
    for one, other in combinations(np.flatnonzero(known), 2):
        low, high = sorted((one, other), key=shares.__getitem__)
        between = (shares[low] < shares) & (shares < shares[high])
        line = np.interp(shares, shares[[low, high]], energies[[low, high]])
        lowest[between] = np.fmin(lowest[between], line[between])
    # Of several crystals of one composition only the lowest can be a corner.
    for share in np.unique(shares):
        alike = shares == share
        lowest[alike] = np.nanmin(lowest[alike]) if known[alike].any() else np.nan
    return energies - lowest
