"""Which level to choose: what each costs and how wrong it is on structures it has not seen.

For each level one potential is fitted to the larger share of a training set and tried on the rest,
which a hash of the structures chooses; what LAMMPS needs an atom and step with it is measured. A
level that another undercuts in both is not on the Pareto front. The figure shows, from left to
right: error on the rest against cost; errors on what was and was not fitted by level, which part
where a potential begins to learn the set by heart; error on the rest by size of the training set.

    python benchmarks/levels.py results/quickstart/train.extxyz results/quickstart/levels
"""

import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from ase import Atoms
from ase.io import read

matplotlib.use("svg")
import matplotlib.pyplot as plt

from benchmarks.md import Case, best, potential_of, table
from smallcell.basis import generate_basis
from smallcell.errors import Errors, errors, held_out
from smallcell.figures import write_figure
from smallcell.files import written_whole
from smallcell.fitting import Fit, fit, random_starts

LEVELS = tuple(range(6, 22, 2))
CELLS = 10
"""Conventional cells along each axis of what the cost is measured on: 2000 atoms."""

SHARE = 0.2
"""Share of the structures that fits do not see."""

SIZES = (0.4, 0.6, 0.8, 1)
"""Shares of the rest that the learning curve is made of."""

THREADS = 2


@dataclass(frozen=True)
class Level:
    """What was found for a level; the cost in microseconds an atom and step."""

    level: int
    parameters: int
    cost: float
    result: Fit
    seen: Errors
    unseen: Errors
    curve: list[Errors]


def study(level: int, seen: Sequence[Atoms], rest: Sequence[Atoms], cutoff: float) -> Level:
    """Fit one level to shares of what may be seen, the whole of it last."""
    curve = []
    for share in SIZES:
        part = seen[: max(1, round(share * len(seen)))]
        found = fitted(level, part, cutoff)
        curve.append(errors(found.potential, rest))
    return Level(
        level=level,
        parameters=found.potential.n_parameters,
        cost=best(Case(level, CELLS), potential_of(level, 1)),
        result=found,
        seen=errors(found.potential, seen),
        unseen=curve[-1],
        curve=curve,
    )


def fitted(level: int, structures: Sequence[Atoms], cutoff: float) -> Fit:
    species = tuple(sorted({symbol for atoms in structures for symbol in atoms.symbols}))
    rng = np.random.default_rng(level)
    starts = random_starts(structures, species, generate_basis(level), cutoff, 8, rng)
    return fit(structures, starts, threads=THREADS)


def on_front(levels: Sequence[Level]) -> list[Level]:
    """Those that no other undercuts in both cost and force error."""
    return [
        one
        for one in levels
        if not any(
            other.cost < one.cost and other.unseen.force <= one.unseen.force for other in levels
        )
    ]


def bars(found: Sequence[Errors]) -> tuple[np.ndarray, np.ndarray]:
    """Force errors in meV/A and how far their intervals reach down and up."""
    values = 1e3 * np.array([one.force for one in found])
    ends = 1e3 * np.array([one.force_interval for one in found])
    return values, np.abs(ends.T - values)


def draw(levels: Sequence[Level], n_seen: int) -> plt.Figure:
    figure, (pareto, by_level, by_size) = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True)
    values, spread = bars([one.unseen for one in levels])
    costs = [one.cost for one in levels]
    pareto.errorbar(costs, values, spread, fmt="o", capsize=2)
    front = on_front(levels)
    pareto.plot([one.cost for one in front], [1e3 * one.unseen.force for one in front])
    for one, value in zip(levels, values, strict=True):
        pareto.annotate(f" {one.level}", (one.cost, value))
    pareto.set(xscale="log", xlabel="cost (us an atom and step)", ylabel="force error (meV/A)")
    names = [one.level for one in levels]
    by_level.errorbar(names, values, spread, fmt="o-", capsize=2, label="not seen")
    by_level.plot(names, bars([one.seen for one in levels])[0], "s--", label="fitted")
    by_level.set(xlabel="level", xticks=names)
    by_level.legend()
    for one in front:
        sizes = [max(1, round(share * n_seen)) for share in SIZES]
        by_size.plot(sizes, bars(one.curve)[0], ".-", label=f"level {one.level}")
    by_size.set(xlabel="structures fitted", yscale="log")
    by_size.legend()
    figure.tight_layout()
    return figure


def line(one: Level, front: Sequence[Level]) -> list[str]:
    low, high = (1e3 * end for end in one.unseen.force_interval)
    return [
        f"{one.level}{' *' if one in front else ''}",
        f"{one.parameters}",
        f"{one.cost:.2f}",
        f"{1e3 * one.seen.force:.2f}",
        f"{1e3 * one.unseen.force:.2f} ({low:.2f} to {high:.2f})",
        f"{1e3 * one.unseen.energy:.2f}",
        f"{one.result.ridge:.0e}",
        f"{one.result.seconds:.1f}",
    ]


def main(path: str, target: str, cutoff: str = "7.0") -> None:
    """Study all levels, print as it goes, and write target.md and target.svg."""
    structures = read(path, ":")
    unseen = held_out(structures, SHARE)
    rest = [atoms for atoms, out in zip(structures, unseen, strict=True) if out]
    seen = [atoms for atoms, out in zip(structures, unseen, strict=True) if not out]
    if not rest:
        sys.exit(f"{path}: none of the {len(structures)} structures falls to the held-out share")
    seen = [seen[place] for place in np.random.default_rng(0).permutation(len(seen))]
    levels = []
    for level in LEVELS:
        levels.append(study(level, seen, rest, float(cutoff)))
        print(*line(levels[-1], []), sep="\t", flush=True)
    front = on_front(levels)
    heads = ["level", "parameters", "us/atom", "force error fitted", "not seen (95 %)"]
    heads += ["energy error not seen", "ridge", "fit, s"]
    text = f"""# Levels on {path}

{datetime.date.today()}: {len(seen)} structures fitted, {len(rest)} not seen. Force errors in meV/A,
energy errors in meV/atom; a star: on the Pareto front of cost and force error.

{table(heads, [line(one, front) for one in levels])}"""
    with written_whole(f"{target}.md") as part:
        part.write_text(text)
    write_figure(f"{target}.svg", draw(levels, len(seen)))
    print(f"{target}.md, {target}.svg")


if __name__ == "__main__":
    main(*sys.argv[1:])
