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
from itertools import product
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
"""Conventional cells of bcc; of one atom there are primitive ones."""


def displaced() -> Iterator[Atoms]:
    """Crystals without symmetry, but that of every lattice where there is but one atom."""
    shear = [[1, 0.02, 0.01], [0, 1.01, 0.03], [0, 0, 0.98]]
    for constant, repeats in product((5.1, 5.4), (None, *REPEATS)):
        atoms = bulk("K", "bcc", a=constant, cubic=repeats is not None) * (repeats or (1, 1, 1))
        atoms.set_cell(atoms.cell @ shear, scale_atoms=True)
        atoms.rattle(0.1, seed=1)
        yield atoms


def crystals(store: str) -> Iterator[tuple[Atoms, Calculation, float]]:
    """Labelled crystals of a store, how they were calculated and the core-seconds that it took."""
    for path in sorted(Path(store).rglob("label.json")):
        report = json.loads(path.read_text())
        calculation = Calculation(**report["calculation"])
        if "nspin" not in calculation.system:
            atoms = ase.io.read(path.with_name("label.extxyz"))
            yield atoms, calculation, report["cost"]["core_seconds"]


def size(atoms: Atoms, calculation: Calculation) -> list[float]:
    """Logarithms of k-points, plane waves and atoms."""
    return np.log(
        [
            irreducible_k_points(atoms, calculation.k_mesh),
            plane_waves(atoms, calculation.system["ecutwfc"]),
            len(atoms),
        ]
    ).tolist()


def fitted(store: str) -> tuple[np.ndarray, int]:
    """Exponents of k-points, plane waves and atoms by least squares, and the number of labels."""
    labels = list(crystals(store))
    sizes = np.array([[*size(atoms, calculation), 1.0] for atoms, calculation, _ in labels])
    seconds = [seconds for _, _, seconds in labels]
    solution, *_ = np.linalg.lstsq(sizes, np.log(seconds), rcond=None)
    return solution[:-1], len(labels)


def comparison(store: str) -> list[list]:
    """Rows of a table: by cell, what labels took, relative to what was foreseen.

    The unit, core-seconds of a relative cost, is the store's geometric mean.
    """
    labels = list(crystals(store))
    misses = np.array([np.log(took / expected_cost(a, c)) for a, c, took in labels])
    misses -= misses.mean()
    kinds = [(len(a), c.system["ecutwfc"]) for a, c, _ in labels]
    rows = []
    for kind in [*sorted(set(kinds)), None]:
        of_kind = [kind in (found, None) for found in kinds]
        took = [seconds for (_, _, seconds), mine in zip(labels, of_kind, strict=True) if mine]
        off = misses[of_kind]
        rows.append(
            [
                f"{kind[0]} atoms, {kind[1]:g} Ry" if kind else "all",
                str(len(took)),
                f"{min(took):.0f} - {max(took):.0f}",
                f"{np.exp(off.mean()):.2f}",
                f"{np.exp(off.std()):.2f}",
                f"{np.exp(np.abs(off).max()):.2f}",
            ]
        )
    return rows


def main(store: str, page: str, others: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        quick = Preset("quick", "K", store, Path(name))
        for atoms in displaced():
            quick.label(atoms)
    exponents, number = fitted(store)
    columns = ["labels", "number", "core-s", "took / foreseen", "scatter", "largest"]
    parts = [
        "# What labels are foreseen to cost",
        f"`make bench-label-cost` on {datetime.date.today()}: {processor()}, pw.x on one core.\n"
        "How it is measured: `benchmarks/cost.py`. Exponents of k-points, plane waves and atoms,\n"
        f"fitted to the {number} labels of `{store}`: "
        f"{', '.join(f'{exponent:.2f}' for exponent in exponents)}.\n"
        "Factors between the core-seconds that labels took and those foreseen by\n"
        "`smallcell/cost.py`: geometric mean, spread about it and largest.",
    ]
    for one in (store, *others):
        parts += [f"## {one}", table(columns, comparison(one))]
    write_part(page, "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
