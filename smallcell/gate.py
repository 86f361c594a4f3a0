"""One crystal, one energy: the same crystal in a campaign's own cells, labelled and compared.

A potential cannot tell a cell from its supercell. Where pw.x can, because the k-mesh of one is
coarser than that of the other, the difference is noise that no fit can learn.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import pandas as pd
from ase import Atoms
from ase.build import make_supercell
from ase.units import GPa

from smallcell.canonical import CanonicalForm, canonical_form
from smallcell.cells import cells, crystal, starts
from smallcell.labels import k_mesh

STRAIN = np.diag([1.02, 1.02, 0.95])
"""Of the distorted crystal. The four-fold axis stays, by which pw.x spares most k-points."""

DISPLACEMENT = 0.06
"""Of the last atom of the unit of a distorted crystal, along z; a share of the lattice constant."""

COLUMNS = (
    "element",
    "structure",
    "cell",
    "atoms",
    "k-mesh",
    "energy meV/atom",
    "pressure GPa",
    "core-seconds",
)


def gate_structures(
    elements: Sequence[Mapping], stages: Mapping[str, Mapping], most_atoms: int
) -> list[Atoms]:
    """Each element's crystal, perfect and distorted, in a campaign's cells of it.

    Of a stage that has all cells of a range of atoms, those of the element's own lattice take
    part, of each number of atoms the longest. The distorted crystal is strained, and an atom of its
    unit displaced; the unit is the largest that all cells are made of, the conventional cell or the
    primitive one.

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    stages : Mapping
        ``cell`` and ``unit``, or ``cells``, under a name each, as `starts` takes them.
    most_atoms : int
        Larger cells are left out.

    Returns
    -------
    list of Atoms
        ``info`` has ``element``, ``structure`` (perfect or distorted) and ``in_cell``. Cells that
        are alike come once; elements that are left with a single cell have none, since there is
        nothing to compare.
    """
    conventional = all(stage.get("unit") == "conventional" for stage in stages.values())
    structures = []
    for element in elements:
        unit = crystal(element, "conventional" if conventional else "primitive", (1, 1, 1))
        repeats = {
            name: np.rint(cell @ np.linalg.inv(unit.cell.array))
            for stage_name, stage in stages.items()
            for name, cell in _own_cells(element, stage_name, stage, most_atoms).items()
        }
        for structure, atoms in (("perfect", unit), ("distorted", _distorted(unit, element))):
            different: dict[CanonicalForm, Atoms] = {}
            for name, matrix in repeats.items():
                supercell = make_supercell(atoms, matrix)
                supercell.info = {
                    "element": element["symbol"],
                    "structure": structure,
                    "in_cell": name,
                }
                different.setdefault(canonical_form(supercell), supercell)
            if len(different) > 1:
                structures += different.values()
    return structures


def _own_cells(
    element: Mapping, name: str, stage: Mapping, most_atoms: int
) -> dict[str, np.ndarray]:
    """Lattice vectors (A) of a stage's cells of an element's own lattice, under a name each."""
    if "cell" in stage:
        (atoms,) = starts(element, stage)
        return {name: atoms.cell.array} if len(atoms) <= most_atoms else {}
    fewest, most = stage["cells"]["atoms"]
    lattices = stage["cells"].get("lattices", [element["lattice"]])
    own = [lattice for lattice in lattices if lattice == element["lattice"]]
    found = {}
    for _, alike in groupby(cells(element, own, (fewest, min(most, most_atoms))), key=len):
        longest = max(alike, key=lambda atoms: atoms.cell.lengths().max().round(6))
        found[f"{name} {len(longest)} #{longest.info['number']}"] = longest.cell.array
    return found


def _distorted(unit: Atoms, element: Mapping) -> Atoms:
    atoms = unit.copy()
    atoms.positions[-1, 2] += DISPLACEMENT * element["lattice_constant"]
    atoms.set_cell(atoms.cell.array @ STRAIN, scale_atoms=True)
    return atoms


def gate_table(
    structures: Sequence[Atoms],
    labelled: Sequence[Atoms],
    core_seconds: Sequence[float],
    spacing: float,
) -> pd.DataFrame:
    """Compare labels of one crystal across cells.

    Parameters
    ----------
    structures : sequence of Atoms
        As `gate_structures` made them.
    labelled : sequence of Atoms
        Their labels, in the same order.
    core_seconds : sequence of float
    spacing : float
        ``k_spacing`` of the labels (1/A).

    Returns
    -------
    DataFrame
        A row a structure; energies are relative to that of the crystal's first cell.
    """
    rows, zeros = [], {}
    for atoms, label, seconds in zip(structures, labelled, core_seconds, strict=True):
        energy = 1000 * label.get_potential_energy() / len(atoms)
        zero = zeros.setdefault((atoms.info["element"], atoms.info["structure"]), energy)
        rows.append(
            {
                "element": atoms.info["element"],
                "structure": atoms.info["structure"],
                "cell": atoms.info["in_cell"],
                "atoms": len(atoms),
                "k-mesh": "x".join(map(str, k_mesh(label.cell.array, spacing))),
                "energy meV/atom": energy - zero,
                "pressure GPa": -label.get_stress()[:3].mean() / GPa,
                "core-seconds": seconds,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def spreads(table: pd.DataFrame) -> pd.DataFrame:
    """Largest differences of energy (meV/atom) and pressure (GPa) between cells of a crystal."""
    crystals = table.groupby(["element", "structure"], sort=False)
    return crystals[["energy meV/atom", "pressure GPa"]].agg(lambda column: np.ptp(column))


def gate_faults(table: pd.DataFrame, tolerances: Mapping) -> list[str]:
    """Say in a line each where cells of one crystal differ by more than is allowed.

    Parameters
    ----------
    table : DataFrame
        Of `gate_table`.
    tolerances : Mapping
        ``energy`` (meV/atom) and ``pressure`` (GPa).
    """
    faults = []
    for (element, structure), spread in spreads(table).iterrows():
        for quantity, unit in (("energy", "meV/atom"), ("pressure", "GPa")):
            found = spread[f"{quantity} {unit}"]
            if found > tolerances[quantity]:
                faults.append(
                    f"{structure} {element}: {quantity} differs by {found:.3g} {unit} from cell to "
                    f"cell; gate.{quantity} allows {tolerances[quantity]:g}"
                )
    return faults


def gate_text(table: pd.DataFrame) -> str:
    """Tell of the gate: the table, and the largest differences of each crystal."""
    if table.empty:
        return "no element has two different cells within gate.atoms: nothing to compare\n"
    lines = [
        f"{structure} {element}: {spread['energy meV/atom']:.3f} meV/atom and "
        f"{spread['pressure GPa']:.4f} GPa from cell to cell"
        for (element, structure), spread in spreads(table).iterrows()
    ]
    return "\n".join([table.to_string(index=False, float_format="%.4f"), *lines]) + "\n"
