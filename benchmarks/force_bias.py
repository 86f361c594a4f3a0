"""Do potentials trained on small, symmetric cells make forces too small? What helps against it.

Walks of an oracle, a potential whose values serve as labels, give training sets of cells of two,
four and eight atoms: from perfect sites or displaced ones, at rest or with velocities. What is
fitted to them is judged on hot walks of 16 and 54 atoms. Then published labels are fitted with
large forces counting for less (`loss.Weights.force_scale`), judged on the larger cells of another
set.

    PYTHONPATH=. python benchmarks/force_bias.py oracle.almtp train.cfg unseen.cfg K
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from benchmarks.md import table
from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.draws import Walker, draw_conditions
from smallcell.engine import Engine
from smallcell.errors import errors
from smallcell.fitting import fit, random_starts
from smallcell.force_bias import bias_table, histogram
from smallcell.formats import read_labelled
from smallcell.loss import Weights
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.sampling import provide, walk, write_walk

ELEMENT = {"lattice": "bcc", "lattice_constant": 5.3}

SAMPLING = {
    "temperature": [100, 800],
    "pressure": [0, 0.5],
    "strain": [0.95, 1.05],
    "cell_change": "triclinic",
    "timestep": 2,
    "duration": 10,
    # Frames 1 ps apart, all of them.
    "grade_every": 500,
    "save_above": 0,
    "stop_above": 1e6,
    "draws": "independent",
    "hottest": 0,
    "ramp": False,
    "swap_every": 0,
    "pair_style": "mtp",
    "samples": 0,
}
HOT = {"temperature": [300, 800], "displacement": 0.1}

CELLS = ([1, 1, 1], [1, 1, 2], [1, 2, 2])
LARGE = ([2, 2, 2], [3, 3, 3])
WALKS = 6
"""Of each cell; ten frames each."""

STARTS = {
    "perfect, at rest": (0, False),
    "displaced by 0.1 A, at rest": (0.1, False),
    "perfect, with velocities": (0, True),
    "displaced by 0.1 A, with velocities": (0.1, True),
}
SCALES = (None, 0.3, 0.1)
BINS = (10.0, 30.0, 100.0, 300.0)
"""Lower ends of the bins that are shown (meV/A)."""


def frames(
    oracle: Potential,
    structures: Sequence[Atoms],
    cells: Sequence[Sequence[int]],
    sampling: dict,
    moving: bool,
    seed: int,
) -> list[Atoms]:
    """Frames of walks of the oracle in some cells, labelled by it.

    Parameters
    ----------
    oracle : Potential
        With an active set.
    structures : sequence of Atoms
        For its wall.
    cells : sequence of sequence of int
    sampling : dict
    moving : bool
        Whether atoms have velocities at the start.
    seed : int
    """
    sampling = sampling | {"walkers": WALKS, "velocities": moving}
    barrier = wall(oracle, structures)
    found = []
    for cell in cells:
        for number in range(WALKS):
            stage = {"cell": cell, "unit": "conventional"}
            walker = Walker(seed, f"force-bias-{cell}", 0, number)
            elements = [{"symbol": oracle.species[0]} | ELEMENT]
            conditions = draw_conditions(walker, elements, stage, sampling)
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_potential(folder / "oracle.almtp", oracle)
                provide(folder, folder / "oracle.almtp")
                write_walk(folder, conditions, sampling, oracle.species, barrier)
                # The first frame is the start, which all walks have.
                found += walk(folder, oracle.species).frames[1:]
    return labelled(found, oracle)


def labelled(structures: Sequence[Atoms], oracle: Potential) -> list[Atoms]:
    """Give structures the oracle's values as labels."""
    for atoms, values in zip(structures, Engine(oracle, structures).values(oracle), strict=True):
        energies, forces, virial = values
        atoms.calc = SinglePointCalculator(
            atoms, energy=energies.sum(), forces=forces, stress=virial / atoms.cell.volume
        )
    return list(structures)


def fitted(structures: Sequence[Atoms], level: int, scale: float | None) -> Potential:
    species = tuple(sorted({symbol for atoms in structures for symbol in atoms.symbols}))
    rng = np.random.default_rng(level)
    starts = random_starts(structures, species, generate_basis(level), 7.0, 8, rng)
    return fit(structures, starts, Weights(force_scale=scale)).potential


def line(words: str, seen: Sequence[Atoms], potential: Potential, unseen: Sequence[Atoms]) -> list:
    """Cells of a fit: forces that it saw; slope by size and errors on what it has not seen."""
    counts = histogram({"seen": seen}).set_index("|F| from meV/A")["share"]
    bias = bias_table(potential, {"unseen": unseen}).set_index("|F| from meV/A")
    found = errors(potential, unseen)
    slopes = [
        "{:.3f} ({:.3f} to {:.3f})".format(*bias.loc[low, ["slope", "slope low", "slope high"]])
        for low in BINS
        if low in bias.index
    ]
    small = [f"{bias.loc[low, 'force error meV/A']:.1f}" for low in BINS if low in bias.index]
    cells = [
        words,
        f"{len(seen)}",
        f"{100 * counts[0.0]:.0f}",
        f"{100 * counts[counts.index >= 100].sum():.0f}",
        *slopes,
        " / ".join(small),
        f"{1e3 * found.force:.1f}",
        f"{1e3 * found.energy:.2f}",
    ]
    print(*cells, sep="\t", flush=True)
    return cells


def main() -> None:
    """Measure, print as it goes, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("oracle")
    parser.add_argument("set")
    parser.add_argument("unseen")
    parser.add_argument("species", nargs="+")
    parser.add_argument("--level", type=int, default=12)
    options = parser.parse_args()

    known = read_labelled(options.set, options.species)
    oracle = read_potential(options.oracle, tuple(options.species))
    hot = frames(oracle, known, LARGE, SAMPLING | HOT, True, seed=0)
    lines = []
    for words, (displacement, moving) in STARTS.items():
        sampling = SAMPLING | {"displacement": displacement}
        seen = frames(oracle, known, CELLS, sampling, moving, seed=1)
        lines.append(line(words, seen, fitted(seen, options.level, None), hot))
    for scale in SCALES[1:]:
        words = f"the last, force_scale {scale}"
        lines.append(line(words, seen, fitted(seen, options.level, scale), hot))
    larger = [atoms for atoms in read_labelled(options.unseen, options.species) if len(atoms) > 8]
    for scale in SCALES:
        words = f"{Path(options.set).name}, force_scale {scale}"
        lines.append(line(words, known, fitted(known, options.level, scale), larger))
    heads = ["trained on", "structures", "no force, %", "> 100 meV/A, %"]
    heads += [f"slope from {low:g}" for low in BINS]
    heads += ["force errors by size", "force error", "energy error"]
    print(table(heads, lines))


if __name__ == "__main__":
    main()
