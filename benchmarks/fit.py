"""What fits cost and where they end, ours and motep's, on one core and from the same starts.

Both minimise the same loss, in motep's convention. A start has random radial functions, and for
motep's ``minimize`` (L-BFGS-B) also the linear coefficients that are the best for these, without
which it ends higher still. Ours is shown from single starts under the weakest ridge, to compare,
and as campaigns use it, from several starts with the ridge chosen by cross-validation.

    python benchmarks/fit.py results/quickstart/train.extxyz docs/benchmarks.md
"""

import contextlib
import datetime
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from ase import Atoms
from ase.io import read
from motep.loss import LossSetting
from motep.train import Trainer

from benchmarks.md import motep_data, processor, table
from benchmarks.pages import write_part
from smallcell.basis import generate_basis
from smallcell.engine import Engine
from smallcell.fitting import RIDGES, fit, random_starts
from smallcell.least_squares import Problem
from smallcell.loss import Weights, labels, scales
from smallcell.potential import Potential

LEVELS = (8, 12, 16)
SEEDS = 3
WEIGHTS = Weights(force=0.01, convention="motep")


def loss(potential: Potential, structures: Sequence[Atoms]) -> float:
    """Loss of a potential, without anybody's ridge."""
    total = 0.0
    values = Engine(potential, structures).values(potential)
    found = zip(values, labels(structures), scales(structures, WEIGHTS), strict=True)
    for (energies, forces, virial), label, scale in found:
        value = np.concatenate([[energies.sum()], forces.ravel(), virial])
        total += float(np.sum((scale * (value - label)) ** 2))
    return total


def by_motep(structures: Sequence[Atoms], start: Potential) -> tuple[float, float]:
    """Seconds and loss of motep's minimisation."""
    data = motep_data(start)
    setting = LossSetting(WEIGHTS.energy, WEIGHTS.force, WEIGHTS.stress)
    steps = [{"method": "minimize", "kwargs": {"method": "L-BFGS-B"}}]
    trainer = Trainer(data, seed=1, loss=setting, steps=steps)
    began = time.perf_counter()
    with contextlib.redirect_stdout(None):
        trainer.train(structures)
    seconds = time.perf_counter() - began
    found = replace(
        start,
        radial=data.scaling * data.radial_coeffs,
        shifts=data.species_coeffs,
        linear=data.moment_coeffs,
    )
    return seconds, loss(found, structures)


def lines_of(structures: Sequence[Atoms], level: int) -> list[list[str]]:
    species = tuple(sorted({symbol for atoms in structures for symbol in atoms.symbols}))
    rng = np.random.default_rng(level)
    basis = generate_basis(level)
    lines = []
    for seed in range(SEEDS):
        (start,) = random_starts(structures, species, basis, 7.0, 8, rng, number=1)
        ours = fit(structures, [start], WEIGHTS, RIDGES[-1:])
        solved = Problem(structures, start, WEIGHTS).point(start, RIDGES[-1]).potential
        seconds, reached = by_motep(structures, solved)
        lines.append(
            [
                f"{level}, start {seed + 1}",
                f"{ours.seconds:.2f}",
                f"{loss(ours.potential, structures):.3e}",
                f"{seconds:.1f}",
                f"{reached:.3e}",
            ]
        )
        print(*lines[-1], sep="\t", flush=True)
    starts = random_starts(structures, species, basis, 7.0, 8, rng)
    chosen = fit(structures, starts, WEIGHTS)
    words = f"{level}, {len(starts)} starts, ridge {chosen.ridge:.0e} chosen"
    reached = loss(chosen.potential, structures)
    lines.append([words, f"{chosen.seconds:.2f}", f"{reached:.3e}", "", ""])
    print(*lines[-1], sep="\t", flush=True)
    return lines


def main(path: str, page: str) -> None:
    """Measure, print as it goes, and write the part of the page."""
    structures = read(path, ":")
    lines = [line for level in LEVELS for line in lines_of(structures, level)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    text = f"""# Fits

`make bench-fit` on {datetime.date.today()}: {processor()}, one core, motep {version("motep")};
{len(structures)} configurations of {path}. How it is measured: `benchmarks/fit.py`. The loss is in
motep's convention (energies in eV, lengths in A); our fits needed at most {memory:.1f} GiB.

{table(["level", "ours, s", "loss", "motep, s", "loss"], lines)}"""
    write_part(page, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
