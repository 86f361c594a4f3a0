"""One crystal, one energy: the same crystal in a campaign's own cells, labelled and compared.

A potential cannot tell a cell from its supercell. Where pw.x can, because the k-mesh of one is
coarser than that of the other, the difference is noise that no fit can learn.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from ase import Atoms
from ase.build import make_supercell
from ase.units import GPa

from smallcell.cells import crystal
from smallcell.labels import k_mesh

STRAIN = np.diag([1.02, 1.02, 0.95])
"""Of the distorted crystal. The four-fold axis stays, by which pw.x spares most k-points."""

DISPLACEMENT = 0.06
"""Of the last atom of a distorted conventional cell, along z; a share of the lattice constant."""

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
    elements: Sequence[Mapping], cells: Mapping[str, Mapping], most_atoms: int
) -> list[Atoms]:
    """Each element's crystal, perfect and distorted, in each of a campaign's cells.

    The distortion is that of the smallest cell, repeated: if a primitive cell is among them, a
    strain; otherwise a strain and a displacement within the conventional cell.

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    cells : Mapping
        ``unit`` and ``cell`` (repeats) under the name of each cell; copies are left out.
    most_atoms : int
        Larger cells are left out.

    Returns
    -------
    list of Atoms
        ``info`` has ``element``, ``structure`` (perfect or distorted) and ``in_cell``. Elements
        that are left with a single cell have none: there is nothing to compare.
    """
    different: dict[tuple, str] = {}
    for name, cell in cells.items():
        different.setdefault((cell["unit"], *cell["cell"]), name)
    displaced = all(cell["unit"] == "conventional" for cell in cells.values())
    structures = []
    for element in elements:
        fitting = [
            (name, unit, repeats)
            for (unit, *repeats), name in different.items()
            if len(crystal(element, unit, repeats)) <= most_atoms
        ]
        for structure in ("perfect", "distorted") if len(fitting) > 1 else ():
            for name, unit, repeats in fitting:
                atoms = crystal(element, unit, (1, 1, 1))
                if structure == "distorted":
                    _distort(atoms, DISPLACEMENT * element["lattice_constant"] * displaced)
                atoms = make_supercell(atoms, np.diag(repeats))
                atoms.info = {
                    "element": element["symbol"],
                    "structure": structure,
                    "in_cell": name,
                }
                structures.append(atoms)
    return structures


def _distort(atoms: Atoms, displacement: float) -> None:
    atoms.positions[-1, 2] += displacement
    atoms.set_cell(atoms.cell.array @ STRAIN, scale_atoms=True)


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
