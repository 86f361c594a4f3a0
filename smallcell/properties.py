"""Static properties: by the potential, by pw.x at the campaign's settings, and as published.

A property is a list of structures and what follows from their energies, forces and stresses, so
that pw.x and the potential are asked the same. Each has the crystal at its own lattice constant:
compared is what somebody finds who uses the one or the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.canonical import canonical_form
from smallcell.compounds import compound_energies, compound_structures
from smallcell.defects import (
    relaxed_surfaces,
    relaxed_vacancy,
    surface_energies,
    surface_structures,
    vacancy_energy,
    vacancy_structures,
)
from smallcell.displacements import displaced_structures, force_errors, force_sizes
from smallcell.elastic import elastic_constants, elastic_structures
from smallcell.labels import SUCCESSES, k_mesh
from smallcell.lattices import (
    bain_energies,
    bain_structures,
    lattice_energies,
    lattice_structures,
)
from smallcell.mixtures import system_of
from smallcell.orientation import described_as
from smallcell.phonons import phonon_frequencies, phonon_structures
from smallcell.published import KINDS, beside_published, per_cent
from smallcell.relaxation import relax
from smallcell.training import relative_label

Values = dict[tuple[str, str], float]
"""By quantity and unit."""

AT_REST = 1e-4
"""Force (eV/A) on atoms that are relaxed in a strained cell: stresses feel more."""

SETTLED = 1e-12
"""Self-consistency (Ry) where what counts are small forces: at 1e-8 the lowest phonon of potassium
at N came out imaginary."""

FINER = 0.02
"""By how much k-points are brought nearer to each other, step by step, until meshes agree."""


@dataclass(frozen=True)
class Property:
    """How a static property is found.

    Attributes
    ----------
    structures : callable
        Of an element (``symbol``, ``lattice``, ``lattice_constant`` in A), what is to be computed.
    values : callable
        Of an element and these structures with energy, forces and stress, `Values`.
    relaxes : bool
        Whether the atoms of a structure must be relaxed in its cell, if symmetry lets them move.
    beyond : callable, optional
        Of an element and a calculator, more `Values`, which cost too much for pw.x.
    errors : callable, optional
        Of structures by the potential and by pw.x, both at pw.x's lattice constant, `Values`.
    conv_thr : float, optional
        Self-consistency (Ry) that pw.x needs for it, if the campaign's is coarser.
    of_alloy : bool
        Whether it is one of all elements together, not of each: see `subjects`.
    """

    structures: Callable[[Mapping], list[Atoms]]
    values: Callable[[Mapping, Sequence[Atoms]], Values]
    relaxes: bool = False
    beyond: Callable[[Mapping, Calculator], Values] | None = None
    errors: Callable[[Sequence[Atoms], Sequence[Atoms]], Values] | None = None
    conv_thr: float | None = None
    of_alloy: bool = False


def properties(seed: int) -> dict[str, Property]:
    """All static properties beside the equation of state, by name; the seed is of displacements."""
    return {
        "lattices": Property(lattice_structures, lattice_energies),
        "bain": Property(bain_structures, bain_energies),
        "elastic": Property(elastic_structures, elastic_constants, relaxes=True),
        "phonons": Property(phonon_structures, phonon_frequencies, conv_thr=SETTLED),
        "vacancy": Property(vacancy_structures, vacancy_energy, beyond=relaxed_vacancy),
        "surfaces": Property(surface_structures, surface_energies, beyond=relaxed_surfaces),
        "forces": Property(
            partial(displaced_structures, seed=seed), force_sizes, errors=force_errors
        ),
        "compounds": Property(compound_structures, compound_energies, of_alloy=True),
    }


def subjects(asked: Property, elements: Sequence[Mapping]) -> list[Mapping]:
    """List what a property is one of: each element, or the alloy of them all.

    Parameters
    ----------
    asked : Property
    elements : sequence of Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A).

    Returns
    -------
    list of Mapping
        What the property's functions take; ``symbol`` of an alloy is as Na-K.
    """
    if not asked.of_alloy:
        return list(elements)
    symbols = [element["symbol"] for element in elements]
    return [{"symbol": system_of(symbols), "elements": list(elements)}]


def structures_to_label(
    asked: Property, elements: Sequence[Mapping], spacing: float
) -> list[Atoms]:
    """Structures of a property of all elements, for pw.x.

    Parameters
    ----------
    asked : Property
    elements : sequence of Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A), that of pw.x.
    spacing : float
        The campaign's ``k_spacing`` (1/A).

    Returns
    -------
    list of Atoms
        ``info`` has the ``element`` or alloy and ``k_spacing``, that of the campaign or a smaller
        one by which structures of one ``mesh`` have the same k-points; ``conv_thr`` (Ry) if the
        property needs one of its own.
    """
    structures = []
    for element in subjects(asked, elements):
        of_element = asked.structures(element)
        meshes = {atoms.info["mesh"] for atoms in of_element if "mesh" in atoms.info}
        spacings = {
            mesh: common_spacing([a for a in of_element if a.info.get("mesh") == mesh], spacing)
            for mesh in meshes
        }
        for atoms in of_element:
            atoms.info["k_spacing"] = spacings.get(atoms.info.get("mesh"), spacing)
            atoms.info["element"] = element["symbol"]
            if asked.conv_thr:
                atoms.info["conv_thr"] = asked.conv_thr
        structures += of_element
    return structures


def common_spacing(structures: Sequence[Atoms], spacing: float) -> float:
    """Largest spacing of k-points, within a step of 2 %, by which cells have the same mesh.

    A mesh that has a division less in one of two slightly different cells puts a step between their
    energies, which is larger than what their strain does.

    Parameters
    ----------
    structures : sequence of Atoms
        Whose shapes are nearly the same.
    spacing : float
        The largest that is allowed (1/A). It stays where none down to half of it will do.
    """
    cells = [canonical_form(atoms).atoms().cell.array for atoms in structures]
    finer = spacing
    while finer > spacing / 2:
        if len({tuple(sorted(k_mesh(cell, finer))) for cell in cells}) <= 1:
            return finer
        finer *= 1 - FINER
    return spacing


def evaluated(
    structures: Sequence[Atoms], calculator: Calculator, relaxes: bool = False
) -> list[Atoms]:
    """Copy structures, with their energy, forces and stress.

    Parameters
    ----------
    structures : sequence of Atoms
    calculator : Calculator
    relaxes : bool
        Whether these are those after relaxation in the cell; the copies have the places from
        before. Of atoms that do not come to rest they are not numbers.
    """
    found = []
    for structure in structures:
        atoms = structure.copy()
        settled = not relaxes or len(atoms) == 1 or relax(atoms, calculator, AT_REST)
        label = {
            name: calculator.get_property(name, atoms) * (1 if settled else np.nan)
            for name in ("energy", "forces", "stress")
        }
        copy = structure.copy()
        copy.calc = SinglePointCalculator(copy, **label)
        found.append(copy)
    return found


def values_by_potential(asked: Property, element: Mapping, calculator: Calculator) -> Values:
    """Find a property of an element or alloy by a potential, at its own lattice constants."""
    structures = evaluated(asked.structures(element), calculator, asked.relaxes)
    values = asked.values(element, structures)
    return values | (asked.beyond(element, calculator) if asked.beyond else {})


def labelled_structures(
    symbol: str,
    structures: Sequence[Atoms],
    reports: Sequence[Mapping],
    store: Path,
    references: Sequence[Mapping],
) -> tuple[list[Atoms], list[Atoms]]:
    """Choose an element's structures of a property, and the same with their labels.

    Parameters
    ----------
    symbol : str
    structures : sequence of Atoms
        Of `structures_to_label`.
    reports : sequence of Mapping
        Of their label jobs, in the same order.
    store : Path
    references : sequence of Mapping
        Of the elements (see `smallcell.training.relative_label`).

    Returns
    -------
    structures, labelled : list of Atoms
        None of the latter if one has failed: a property takes all.
    """
    pairs = [
        (atoms, report)
        for atoms, report in zip(structures, reports, strict=True)
        if atoms.info["element"] == symbol
    ]
    if any(report["fate"] not in SUCCESSES for _, report in pairs):
        return [atoms for atoms, _ in pairs], []
    labelled = [
        described_as(relative_label(report, store, references), atoms) for atoms, report in pairs
    ]
    return [atoms for atoms, _ in pairs], labelled


def comparison(
    name: str,
    symbol: str,
    by_potential: Values,
    by_dft: Values,
    references: Mapping[str, Sequence[Mapping]],
) -> pd.DataFrame:
    """Table of a property of an element; what is not known is empty.

    Parameters
    ----------
    name : str
        Of the property.
    symbol : str
        Of the element.
    by_potential, by_dft : Values
        The latter may lack some, or all.
    references : Mapping
        See `published.beside_published`.

    Returns
    -------
    DataFrame
        A row a quantity.
    """
    rows = []
    for quantity, unit in by_potential:
        value = by_potential[quantity, unit]
        dft = by_dft.get((quantity, unit), np.nan)
        row = {
            "property": name,
            "element": symbol,
            "quantity": quantity,
            "unit": unit,
            "potential": value,
            "pw.x": dft,
            "off pw.x": value - dft,
            "off pw.x %": per_cent(value, dft),
        }
        rows.append(row | beside_published(name, symbol, quantity, value, references))
    return pd.DataFrame(rows)


def static_in_words(table: pd.DataFrame) -> list[str]:
    """Tell of static properties: of each a line about the quantity that is farthest off.

    Parameters
    ----------
    table : DataFrame
        Of `comparison`, of all properties.

    Returns
    -------
    list of str
        Those that have nothing beside them share the last line.
    """
    lines, alone = [], []
    for name, rows in table.groupby("property", sort=False):
        off = {kind: rows[f"off {kind} %"].abs() for kind in ("pw.x", *KINDS)}
        known = [kind for kind in off if off[kind].notna().any()]
        if not known:
            alone.append(name)
            continue
        kind = known[0]
        worst = rows.loc[off[kind].idxmax()]
        lines.append(
            f"{name}: {off[kind].notna().sum()} of {len(rows)} beside {kind}, farthest off "
            f"{worst['element']} {worst['quantity']}, {worst['potential']:.3g} {worst['unit']}, "
            f"{kind} {worst[kind]:.3g}"
        )
    return lines + ([f"{', '.join(alone)}: nothing to compare them with"] if alone else [])
