"""How well the cost of labels is foreseen: fits its exponents to the labels of a store.

Cells of potassium of 1 to 8 atoms are labelled at the preset `quick` first, where the store does
not have them, so that there are labels of several sizes. Isolated atoms do not count.

    python benchmarks/label_cost.py benchmarks/labels docs/benchmarks.md [STORE ...]

Further stores are not fitted to, but what is foreseen is compared with what their labels took.
"""

import datetime
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk

from benchmarks.labels import Preset
from benchmarks.md import processor, table
from benchmarks.pages import write_part
from smallcell.cost import expected_cost, irreducible_k_points
from smallcell.labels import Calculation
from smallcell.memory import plane_waves

REPEATS = (1, 1, 1), (1, 1, 3), (1, 2, 2)
"""Conventional cells of bcc; there is a primitive one beside them."""


def displaced() -> Iterator[Atoms]:
    """Crystals without symmetry, but that of every lattice where there is but one atom."""
    shear = [[1, 0.02, 0.01], [0, 1.01, 0.03], [0, 0, 0.98]]
    cells = [bulk("K", "bcc", a=5.1), *(bulk("K", "bcc", a=5.1, cubic=True) * n for n in REPEATS)]
    for atoms in cells:
        atoms.set_cell(atoms.cell @ shear, scale_atoms=True)
        atoms.rattle(0.1, seed=1)
        yield atoms


@dataclass(frozen=True)
class Label:
    """A labelled crystal, its calculation, the core-seconds that it took."""

    atoms: Atoms
    calculation: Calculation
    core_seconds: float

    @property
    def settings(self) -> str:
        """What campaigns differ in: each has a unit of cost of its own."""
        elements = " ".join(self.calculation.pseudopotentials)
        return f"{elements}, {self.calculation.system['ecutwfc']:g} Ry"

    @property
    def size(self) -> np.ndarray:
        """Logarithms of k-points, plane waves and atoms."""
        return np.log(
            [
                irreducible_k_points(self.atoms, self.calculation.k_mesh),
                plane_waves(self.atoms, self.calculation.system["ecutwfc"]),
                len(self.atoms),
            ]
        )


def crystals(store: str) -> Iterator[Label]:
    """Labels of a store."""
    for path in sorted(Path(store).rglob("label.json")):
        report = json.loads(path.read_text())
        calculation = Calculation(**report["calculation"])
        if "nspin" not in calculation.system:
            atoms = ase.io.read(path.with_name("label.extxyz"))
            yield Label(atoms, calculation, report["cost"]["core_seconds"])


def apart(labels: list[Label], values: np.ndarray) -> np.ndarray:
    """Values less their means over the labels of the same settings."""
    settings = np.array([label.settings for label in labels])
    means = {kind: values[settings == kind].mean(axis=0) for kind in set(settings)}
    return values - np.array([means[kind] for kind in settings])


def fitted(labels: list[Label]) -> np.ndarray:
    """Exponents of k-points, plane waves and atoms, by least squares within the same settings."""
    sizes = apart(labels, np.array([label.size for label in labels]))
    took = apart(labels, np.log([label.core_seconds for label in labels]))
    solution, *_ = np.linalg.lstsq(sizes, took, rcond=None)
    return solution


def comparison(labels: list[Label]) -> list[list[str]]:
    """Rows of a table: by cell, what labels took, relative to what was foreseen."""
    foreseen = [expected_cost(label.atoms, label.calculation) for label in labels]
    took = np.array([label.core_seconds for label in labels])
    misses = apart(labels, np.log(took / foreseen))
    kinds = np.array([f"{label.settings}, {len(label.atoms)} atoms" for label in labels])
    rows = []
    for kind in [*sorted(set(kinds)), "all"]:
        mine = (kinds == kind) | (kind == "all")
        rows.append(
            [
                kind,
                str(mine.sum()),
                f"{took[mine].min():.0f} - {took[mine].max():.0f}",
                f"{np.exp(misses[mine].mean()):.2f}",
                f"{np.exp(misses[mine].std()):.2f}",
                f"{np.exp(np.abs(misses[mine]).max()):.2f}",
            ]
        )
    return rows


def main(store: str, page: str, others: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        quick = Preset("quick", "K", store, Path(name))
        for atoms in displaced():
            quick.label(atoms)
    labels = list(crystals(store))
    exponents = fitted(labels)
    columns = ["labels", "number", "core-s", "took / foreseen", "scatter", "largest"]
    parts = [
        "# What labels are foreseen to cost",
        f"`make bench-label-cost` on {datetime.date.today()}: {processor()}, pw.x on one core.\n"
        "How it is measured: `benchmarks/cost.py`. Exponents of k-points, plane waves and atoms,\n"
        f"fitted to the {len(labels)} labels of `{store}`: "
        f"{', '.join(f'{exponent:.2f}' for exponent in exponents)}.\n"
        "Factors between the core-seconds that labels took and what `smallcell/cost.py` foresees,\n"
        "in a unit that each element and cut-off has for itself: geometric mean, spread, largest.",
    ]
    for one in (store, *others):
        parts += [f"## {one}", table(columns, comparison(list(crystals(one))))]
    write_part(page, "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
