"""What foresees errors: the grade, the disagreement of an ensemble, and what else might.

A set is fitted, and errors are foreseen on the structures of another that it does not have. Beside
grade and ensemble stand the size of the predicted forces, since large forces have large errors,
and refits from other starts without other weights. For each, Spearman's rank correlation with the
errors of forces (root mean square of a structure) and energies (per atom, median taken off) and the
area under the curve by which the worst tenth of the structures is told from the others.

    PYTHONPATH=. python benchmarks/ensembles.py train.cfg unseen.cfg K --level 12
"""

import argparse
import time
from collections.abc import Sequence

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


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def area(errors: np.ndarray, foreseen: np.ndarray) -> float:
    """Probability that one of the worst tenth was foreseen to be worse than one of the others."""
    worst = errors >= np.quantile(errors, 0.9)
    pairs = worst.sum() * (~worst).sum()
    return mannwhitneyu(foreseen[worst], foreseen[~worst]).statistic / pairs


def line(
    words: str,
    foreseen: tuple[np.ndarray, np.ndarray],
    errors: tuple[np.ndarray, np.ndarray],
    seconds: float,
    with_factor: bool = True,
) -> list[str]:
    """Cells of a predictor of force and energy errors."""
    cells = [words]
    for one, error in zip(foreseen, errors, strict=True):
        factor = f"{np.median(error / one):.1f}" if with_factor else ""
        cells += [f"{spearmanr(one, error)[0]:.2f}", f"{area(error, one):.2f}", factor]
    cells.append(f"{seconds:.1f}")
    print(*cells, sep="\t", flush=True)
    return cells


def spread_line(
    words: str,
    ensemble: Sequence[Potential],
    others: Sequence[Atoms],
    errors: tuple[np.ndarray, np.ndarray],
    seconds: float,
) -> list[str]:
    """Cells of an ensemble's disagreement."""
    spread = disagreement(ensemble, others)
    return line(words, (spread.force, spread.energy), errors, seconds)


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
    energies = np.array([energy[0] for energy, _, _ in wrong])
    errors = (
        np.array([root_mean_square(force) for _, force, _ in wrong]),
        np.abs(energies - np.median(energies)),
    )
    values = Engine(potential, others).values(potential)
    forces = np.array([root_mean_square(force) for _, force, _ in values])
    grade = grades(rows(potential, others), active_set(rows(potential, structures)))
    lines = [
        line("grade", (grade, grade), errors, 0, with_factor=False),
        line("size of forces", (forces, forces), errors, 0, with_factor=False),
    ]
    if options.starts:
        began = time.perf_counter()
        alone = [
            fit(structures, [start], Weights(), [found.ridge], threads=threads).potential
            for start in random_starts(*made, number=options.starts)
        ]
        seconds = time.perf_counter() - began
        lines.append(
            spread_line(f"{len(alone)} other starts alone", alone, others, errors, seconds)
        )
    for number in NUMBERS:
        began = time.perf_counter()
        ensemble = members(structures, potential, Weights(), found.ridge, number, rng, threads)
        seconds = time.perf_counter() - began
        lines.append(spread_line(f"ensemble of {number}", ensemble, others, errors, seconds))
    heads = ["predictor", "force: rank correlation", "worst tenth", "error / spread"]
    heads += ["energy: rank correlation", "worst tenth", "error / spread", "s"]
    print(table(heads, lines))


if __name__ == "__main__":
    main()
