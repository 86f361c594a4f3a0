"""What moves the forces on cells of four atoms: cut-offs, k-mesh, smearing, data set.

Presets are compared with the labels of a set, on its cells of four atoms with the largest forces;
on the first of these, labels whose settings differ in one thing with each other. What cut-offs do
hardly depends on the k-mesh, nor what k-mesh and smearing do on cut-offs, so that each is looked at
where the others are cheap. All labels go through a store: an interrupted run goes on where it was.

    python benchmarks/forces.py SET.cfg 2 labels docs/benchmarks.md
"""

import datetime
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import GPa

from benchmarks.labels import PRESETS, TRUTH, Label, Preset
from benchmarks.md import processor, table
from benchmarks.pages import write_part
from smallcell.cfg import read_cfg

SYMBOL = "K"
ATOMS = 4

FULL, BALANCED = (PRESETS[name]["dft"] for name in (TRUTH, "balanced"))
HIGH = {key: PRESETS[TRUTH]["elements"][SYMBOL][key] for key in ("ecutwfc", "ecutrho")}
LOW = {"ecutwfc": 20, "ecutrho": 120}
COARSE = {"k_spacing": 0.62}
DENSE = {"k_spacing": FULL["k_spacing"]}

COMPARISONS = {
    "`balanced`; with mesh and smearing of `published`": (("balanced", {}), ("balanced", FULL)),
    "`balanced` on 2x2x1 k-points; with cut-offs of `published`": (
        ("balanced", COARSE),
        ("balanced", COARSE | HIGH),
    ),
    "`quick` at 20/120 Ry with mesh and smearing of `balanced`; with mesh of `published`": (
        ("quick", LOW | BALANCED),
        ("quick", LOW | BALANCED | DENSE),
    ),
    "`balanced`; data set of `quick` at 20/120 Ry with its mesh and smearing": (
        ("balanced", {}),
        ("quick", LOW | BALANCED),
    ),
    "`balanced`; `quick`": (("balanced", {}), ("quick", {})),
}
"""Pairs of settings: a preset and what is changed in it."""

OWN = ("balanced", FULL)
"""The set's own settings but for cut-offs, which matter least."""


def row(words: str, first: Label, second: Label) -> list[str]:
    """What two labels of a structure differ by; core-seconds of those that are not the set's."""
    forces = 1e3 * (second.atoms.get_forces() - first.atoms.get_forces())
    stresses = [label.atoms.get_stress()[:3].mean() for label in (first, second)]
    costs = [label.core_seconds for label in (first, second) if label.core_seconds]
    return [
        words,
        f"{np.linalg.norm(first.atoms.get_forces(), axis=1).max():.2f}",
        f"{np.linalg.norm(forces, axis=1).max():.1f}",
        f"{np.sqrt(np.mean(forces**2)):.1f}",
        f"{(stresses[0] - stresses[1]) / GPa:.3f}",
        ", ".join(f"{cost:.0f}" for cost in costs),
    ]


HEADS = (
    "labels compared",
    "largest force, eV/A",
    "largest difference, meV/A",
    "rms",
    "pressure, GPa",
    "core-seconds",
)


def rows_of(cells: list[Atoms], store: str, folder: Path) -> list[list[str]]:
    """Rows of all comparisons on the first cell, and of the presets and the set on every cell."""

    def label(atoms: Atoms, name: str, changed: dict) -> Label:
        return Preset(name, SYMBOL, store, folder, changed).label(atoms)

    first = cells[0]
    rows = [
        row(words, *(label(first, *settings) for settings in pair))
        for words, pair in COMPARISONS.items()
    ]
    words = "the set; `balanced` with mesh and smearing of `published`"
    rows.append(row(words, Label(first, 0), label(first, *OWN)))
    for atoms in cells:
        for name in ("balanced", "quick"):
            rows.append(row(f"the set; `{name}`", Label(atoms, 0), label(atoms, name, {})))
    return rows


def main(path: str, number: str, store: str, page: str) -> None:
    """Measure, print, and write the part of the page."""
    cells = [atoms for atoms in read_cfg(path, [SYMBOL]) if len(atoms) == ATOMS]
    cells.sort(key=lambda atoms: -np.abs(atoms.get_forces()).max())
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(cells[: int(number)], store, Path(folder))
    text = f"""# Forces on cells of four atoms

`make bench-forces` on {datetime.date.today()}: {processor()}, pw.x on one core; {number} of
{len(cells)} such cells of {path}. How it is measured: `benchmarks/forces.py`. Differences
are those of the second label from the first; force vectors.

{table(HEADS, rows)}"""
    print(text)
    write_part(page, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
