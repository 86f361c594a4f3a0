"""What foresees errors: the grade, the disagreement of an ensemble, and what else might.

A set is fitted, and errors are foreseen on the structures of another that it does not have, cells
of all sizes together and by size. Beside grade and ensemble stand the size of the predicted forces,
since large forces have large errors, and refits from other starts without other weights. For each,
Spearman's rank correlation with the errors of forces (root mean square of a structure) and energies
(per atom, median taken off), the area under the curve by which the worst tenth of the structures is
told from the others, and the median ratio of error to disagreement.

    PYTHONPATH=. python benchmarks/ensembles.py train.cfg unseen.cfg K --level 12
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.stats import mannwhitneyu, spearmanr

from benchmarks.md import table
from smallcell.basis import generate_basis
from smallcell.calibration import SMALLEST_FORCE
from smallcell.engine import Engine, rows
from smallcell.ensemble import disagreement, members
from smallcell.errors import differences, hash_fraction
from smallcell.fitting import fit, random_starts
from smallcell.formats import read_labelled
from smallcell.loss import Weights
from smallcell.potential import Potential
from smallcell.selection import active_set, grades

NUMBERS = (3, 4, 8)
"""Sizes of ensembles."""

SIZES = ((1, 54), (2, 2), (3, 8), (9, 54))
"""Numbers of atoms, from and to, of the structures of a table."""

HEADS = [
    "predictor",
    *("force: rank correlation", "worst tenth", "error / spread"),
    *("energy: rank correlation", "worst tenth", "error / spread"),
    "s",
]


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def area(errors: np.ndarray, foreseen: np.ndarray) -> float:
    """Probability that one of the worst tenth was foreseen to be worse than one of the others."""
    worst = errors >= np.quantile(errors, 0.9)
    pairs = worst.sum() * (~worst).sum()
    return mannwhitneyu(foreseen[worst], foreseen[~worst]).statistic / pairs


@dataclass(frozen=True)
class Foreseen:
    """What something foresees of each structure, in whatever unit, and what it took to make."""

    name: str
    force: np.ndarray
    energy: np.ndarray
    seconds: float = 0.0


def line(one: Foreseen, force: np.ndarray, energy: np.ndarray, chosen: np.ndarray) -> list[str]:
    """Cells of a predictor beside the errors of some of the structures."""
    cells = [one.name]
    for foreseen, error in ((one.force, force), (one.energy, energy)):
        foreseen, error = foreseen[chosen], error[chosen]
        cells += [f"{spearmanr(foreseen, error)[0]:.2f}", f"{area(error, foreseen):.2f}"]
        cells.append(f"{np.median(error / foreseen):.1f}" if one.seconds else "")
    return [*cells, f"{one.seconds:.1f}" if one.seconds else ""]


def unseen(structures: Sequence[Atoms], others: Sequence[Atoms]) -> list[Atoms]:
    """Structures with forces among others that are not in a set."""
    known = {hash_fraction(atoms) for atoms in structures}
    return [
        atoms
        for atoms in others
        if hash_fraction(atoms) not in known and np.abs(atoms.get_forces()).max() > SMALLEST_FORCE
    ]


def main() -> None:
    """Measure, print as it goes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set")
    parser.add_argument("unseen")
    parser.add_argument("species", nargs="+")
    parser.add_argument("--level", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--starts", type=int, default=8, help="number of other starts; 0 for none")
    options = parser.parse_args()

    structures = read_labelled(options.set, options.species)
    others = unseen(structures, read_labelled(options.unseen, options.species))
    rng = np.random.default_rng(options.seed)
    threads = options.threads
    made = (structures, tuple(options.species), generate_basis(options.level), 7.0, 8, rng)
    found = fit(structures, random_starts(*made), threads=threads)
    print(f"{len(structures)} structures, {len(others)} unseen, fit {found.seconds:.1f} s")
    potential = found.potential
    wrong = differences(potential, others)
    force = np.array([root_mean_square(one) for _, one, _ in wrong])
    energy = np.array([one[0] for one, _, _ in wrong])
    energy = np.abs(energy - np.median(energy))
    grade = grades(rows(potential, others), active_set(rows(potential, structures)))
    values = Engine(potential, others).values(potential)
    forces = np.array([root_mean_square(one) for _, one, _ in values])
    predictors = [Foreseen("grade", grade, grade), Foreseen("size of forces", forces, forces)]

    def foresee(words: str, ensemble: Sequence[Potential], began: float) -> None:
        seconds = time.perf_counter() - began
        spread = disagreement(ensemble, others)
        predictors.append(Foreseen(words, spread.force, spread.energy, seconds))

    if options.starts:
        began = time.perf_counter()
        alone = [
            fit(structures, [start], Weights(), [found.ridge], threads=threads).potential
            for start in random_starts(*made, number=options.starts)
        ]
        foresee(f"{len(alone)} other starts alone", alone, began)
    for number in NUMBERS:
        began = time.perf_counter()
        ensemble = members(structures, potential, Weights(), found.ridge, number, rng, threads)
        foresee(f"ensemble of {number}", ensemble, began)
    sizes = np.array([len(atoms) for atoms in others])
    for low, high in SIZES:
        chosen = (sizes >= low) & (sizes <= high)
        print(f"\n{chosen.sum()} structures of {low} to {high} atoms, force error", end=" ")
        print(f"{1e3 * root_mean_square(force[chosen]):.1f} meV/A\n")
        print(table(HEADS, [line(one, force, energy, chosen) for one in predictors]), flush=True)


if __name__ == "__main__":
    main()
