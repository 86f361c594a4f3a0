"""What pruning gains: errors on structures that no fit has seen, against cost, beside plain levels.

Every level up to one is fitted to the structures of a set from the same number of random starts;
the highest is then pruned (`smallcell.pruning`). The cost is what LAMMPS needs an atom and step.
How many times cheaper a pruned potential is than plain levels of its error follows from their
Pareto front, between two levels by interpolation of the cost's logarithm; its interval from the
bootstrap over structures, the same ones for all potentials.

    python benchmarks/pruning.py train.extxyz table.md --level 16
    python benchmarks/pruning.py train.cfg table.md --species K --unseen other.cfg

Structures of ``--unseen`` that the set has too are left out; without it a share of the set is held
out. Cells of up to eight atoms and larger ones are tables of their own.
"""

import argparse
import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.optimize import nnls

from benchmarks.levels import SHARE
from benchmarks.md import Case, best, processor, repulsion, table
from benchmarks.pages import write_part
from smallcell.basis import generate_basis
from smallcell.errors import RESAMPLES, differences, hash_fraction, held_out
from smallcell.fitting import Fit, fit, random_starts
from smallcell.formats import read_labelled
from smallcell.loss import Weights
from smallcell.pruning import Cost, preferred_part, prune

WEIGHTS = Weights()
STARTS = 3

CELLS = 10
"""Conventional cells along each axis of what the cost is measured on: 2000 atoms."""

SIZES = ((1, 3), (4, 8), (9, np.inf))
"""Fewest and most atoms of the structures that a table is of."""


@dataclass(frozen=True)
class Candidate:
    """A potential, what a step costs (us an atom), and whether cross-validation prefers it."""

    name: str
    result: Fit
    cost: float
    preferred: bool = False


def plain(level: int, structures: Sequence[Atoms], cutoff: float) -> Candidate:
    species = tuple(sorted({symbol for atoms in structures for symbol in atoms.symbols}))
    rng = np.random.default_rng(level)
    starts = random_starts(structures, species, generate_basis(level), cutoff, 8, rng, STARTS)
    return candidate(f"level {level}", fit(structures, starts, WEIGHTS))


def candidate(name: str, result: Fit) -> Candidate:
    basis = result.potential.basis
    cost = best(Case(basis.level, CELLS), repulsion(basis, 1))
    print(
        name,
        f"{result.loss:.3e}",
        f"{cost:.3f} us",
        f"{result.seconds:.0f} s",
        sep="\t",
        flush=True,
    )
    return Candidate(name, result, cost)


def pruned(levels: Sequence[Candidate], structures: Sequence[Atoms]) -> list[Candidate]:
    """Prune the last level until it is cheaper than the first; return it and its parts."""
    start = levels[-1]
    found = [start]
    for result in prune(structures, start.result.potential, WEIGHTS, start.result.ridge):
        found.append(candidate(f"{start.name}, pruned", result))
        if found[-1].cost < levels[0].cost:
            break
    choice = preferred_part(structures, [one.result for one in found], WEIGHTS)
    return [replace(one, preferred=place == choice) for place, one in enumerate(found)]


def gains(
    levels: Sequence[Candidate], parts: Sequence[Candidate], structures: Sequence[Atoms]
) -> str:
    """Table of errors on some structures, and of how many times cheaper pruned potentials are."""
    everything = [*levels, *parts]
    by_candidate = [differences(one.result.potential, structures) for one in everything]
    squares = np.array([[np.sum(force**2) for _, force, _ in one] for one in by_candidate])
    counts = np.array([force.size for _, force, _ in by_candidate[0]])
    energies = [np.sqrt(np.mean([energy**2 for energy, _, _ in one])) for one in by_candidate]
    n = len(structures)
    times = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    # The first row is of the structures as they are.
    times = np.vstack([np.ones(n, dtype=int), times])
    forces = 1e3 * np.sqrt((times @ squares.T) / (times @ counts)[:, None])
    costs = np.array([one.cost for one in everything])
    factors = np.array([cheaper_by(row, costs, len(levels)) for row in forces])
    lines = []
    for place, one in enumerate(everything):
        basis = one.result.potential.basis
        low, high = np.quantile(forces[1:, place], [0.025, 0.975])
        factor, *resampled = factors[:, place]
        ends = np.quantile(resampled, [0.025, 0.975], method="nearest")
        lines.append(
            [
                f"{one.name}{' *' if one.preferred else ''}",
                f"{len(basis.scalars)}",
                f"{len(basis.products)}",
                f"{one.cost:.2f}",
                f"{forces[0, place]:.2f} ({low:.2f} to {high:.2f})",
                f"{1e3 * energies[place]:.2f}",
                "" if one in levels else in_words(factor, ends),
            ]
        )
    heads = ["basis", "scalars", "products", "us/atom", "force error", "energy error"]
    return table([*heads, "times cheaper"], lines)


def in_words(factor: float, ends: np.ndarray) -> str:
    """A factor of `cheaper_by` and the ends of its interval."""
    names = {0.0: "worse than all", np.inf: "better than all"}
    value, low, high = (names.get(one, f"{one:.2f}") for one in (factor, *ends))
    return value if low == high else f"{value} ({low} to {high})"


def cheaper_by(errors: np.ndarray, costs: np.ndarray, n_levels: int) -> np.ndarray:
    """Cost of a plain level of the error of each, over its own.

    Infinite if no level has so small an error, zero if all have smaller ones.
    """
    order = np.argsort(costs[:n_levels])
    logarithms = np.log(costs[:n_levels][order])
    front = np.minimum.accumulate(errors[:n_levels][order])
    # Of levels that are no better than cheaper ones nothing is left to interpolate.
    first = np.unique(-front, return_index=True)[1]
    at = np.interp(-errors, -front[first], logarithms[first], left=-np.inf, right=np.inf)
    return np.exp(at) / costs


def calibrated(candidates: Sequence[Candidate]) -> str:
    """The coefficients of `pruning.Cost` that fit measured costs best, in relative error."""
    units = (Cost(1, 0, 0), Cost(0, 1, 0), Cost(0, 0, 1))
    sizes = np.array(
        [[one.of(each.result.potential.basis) for one in units] for each in candidates]
    )
    costs = np.array([each.cost for each in candidates])
    step, moment, product = coefficients = nnls(sizes / costs[:, None], np.ones(len(costs)))[0]
    deviation = np.abs(sizes @ coefficients / costs - 1).max()
    return (
        f"These costs are {step:.2f} us, {1000 * moment:.1f} ns a basic moment and "
        f"{1000 * product:.2f} ns a product, to {deviation:.0%}.\n"
    )


def main() -> None:
    """Fit, prune and measure; print as it goes and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set")
    parser.add_argument("page")
    parser.add_argument("--unseen", help="another set to measure errors on")
    parser.add_argument("--species", nargs="+", default=[], help="of the types of .cfg files")
    parser.add_argument("--level", type=int, default=16, help="level that is pruned")
    parser.add_argument("--cutoff", type=float, default=7.0)
    options = parser.parse_args()

    seen = read_labelled(options.set, options.species)
    if options.unseen:
        known = {hash_fraction(atoms) for atoms in seen}
        others = read_labelled(options.unseen, options.species)
        rest = [atoms for atoms in others if hash_fraction(atoms) not in known]
    else:
        out = held_out(seen, SHARE)
        rest = [atoms for atoms, unseen in zip(seen, out, strict=True) if unseen]
        seen = [atoms for atoms, unseen in zip(seen, out, strict=True) if not unseen]
    levels = [plain(level, seen, options.cutoff) for level in range(8, options.level + 1, 2)]
    levels[-1], *parts = pruned(levels, seen)
    text = f"""# Level {options.level} pruned, {Path(options.set).name}

`python benchmarks/pruning.py {Path(options.set).name} ... --level {options.level}` on
{datetime.date.today()}: {processor()}, {os.cpu_count()} cores, LAMMPS {version("lammps")};
{len(seen)} structures fitted. Force errors (95 % interval) in meV/A, energy errors in meV/atom; a
star: cross-validation inside the training set prefers it.
"""
    text += f"\n{calibrated([*levels, *parts])}"
    for fewest, most in SIZES:
        part = [atoms for atoms in rest if fewest <= len(atoms) <= most]
        if part:
            sizes = sorted({len(atoms) for atoms in part})
            text += f"\n{len(part)} structures not seen, of {sizes[0]} to {sizes[-1]} atoms:\n"
            text += f"\n{gains(levels, parts, part)}"
    write_part(options.page, text)
    print(text)


if __name__ == "__main__":
    main()
