"""What fits cost and where they end, ours and motep's, on one core and from the same starts.

Both minimise the same loss, in motep's convention. A start has random radial functions, and for
motep's ``minimize`` (L-BFGS-B) also the linear coefficients that are the best for these, without
which it ends higher still. Ours is shown from single starts under the weakest ridge, to compare,
and as campaigns use it, from several starts with the ridge chosen by cross-validation.

    python benchmarks/fit.py train.extxyz docs/benchmarks.md
    python benchmarks/fit.py train.cfg docs/benchmarks.md --species K --levels 12 --unseen other.cfg

With ``--unseen`` errors are told on the larger cells of another set.
"""

import argparse
import contextlib
import datetime
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms
from motep.loss import LossSetting
from motep.train import Trainer

from benchmarks.md import motep_data, processor, table
from benchmarks.pages import write_part
from smallcell.basis import generate_basis
from smallcell.engine import Engine
from smallcell.errors import errors
from smallcell.fitting import RIDGES, Fit, fit, random_starts
from smallcell.formats import read_labelled
from smallcell.least_squares import Problem
from smallcell.loss import Weights, labels, scales
from smallcell.potential import Potential

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
    # It leaves a file where it runs.
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(None),
    ):
        trainer.train(structures)
    seconds = time.perf_counter() - began
    found = replace(
        start,
        radial=data.scaling * data.radial_coeffs,
        shifts=data.species_coeffs,
        linear=data.moment_coeffs,
    )
    return seconds, loss(found, structures)


def lines_of(
    structures: Sequence[Atoms], level: int, unseen: Sequence[Atoms], with_motep: bool
) -> list[list[str]]:
    """Fit from single starts, by us and by motep, and as campaigns do with either weights."""
    species = tuple(sorted({symbol for atoms in structures for symbol in atoms.symbols}))
    rng = np.random.default_rng(level)
    basis = generate_basis(level)
    lines = []
    for seed in range(SEEDS):
        (start,) = random_starts(structures, species, basis, 7.0, 8, rng, number=1)
        ours = fit(structures, [start], WEIGHTS, RIDGES[-1:])
        lines.append(line(f"{level}, start {seed + 1}", ours, structures, unseen))
        if with_motep:
            solved = Problem(structures, start, WEIGHTS).point(start, RIDGES[-1]).potential
            seconds, reached = by_motep(structures, solved)
            lines[-1] += [f"{seconds:.1f}", f"{reached:.3e}"]
        print(*lines[-1], sep="\t", flush=True)
    starts = random_starts(structures, species, basis, 7.0, 8, rng)
    for name, weights in (("the same weights", WEIGHTS), ("default weights", Weights())):
        chosen = fit(structures, starts, weights)
        words = f"{level}, {len(starts)} starts, {name}, ridge {chosen.ridge:.0e} chosen"
        lines.append(line(words, chosen, structures, unseen))
        print(*lines[-1], sep="\t", flush=True)
    width = max(map(len, lines))
    return [one + [""] * (width - len(one)) for one in lines]


def line(words: str, found: Fit, structures: Sequence[Atoms], unseen: Sequence[Atoms]) -> list[str]:
    """Cells of one of our fits."""
    cells = [words, f"{found.seconds:.2f}", f"{loss(found.potential, structures):.3e}"]
    return cells + ([f"{1e3 * errors(found.potential, unseen).force:.2f}"] if unseen else [])


def main() -> None:
    """Measure, print as it goes, and write the part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set")
    parser.add_argument("page")
    parser.add_argument("--levels", nargs="+", type=int, default=(8, 12, 16))
    parser.add_argument("--species", nargs="+", default=(), help="of the types of .cfg files")
    parser.add_argument("--unseen", help="set whose larger cells errors are told on")
    parser.add_argument("--above", type=int, default=8, help="atoms that these have more than")
    parser.add_argument("--ours-alone", action="store_true", help="where motep would take hours")
    options = parser.parse_args()

    structures = read_labelled(options.set, options.species)
    others = read_labelled(options.unseen, options.species) if options.unseen else []
    unseen = [atoms for atoms in others if len(atoms) > options.above]
    lines = [
        one
        for level in options.levels
        for one in lines_of(structures, level, unseen, not options.ours_alone)
    ]
    heads = ["level", "ours, s", "loss"] + (["force error, not seen"] if unseen else [])
    heads += [] if options.ours_alone else ["motep, s", "loss"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    name = "/".join(Path(options.set).parts[-2:])
    about = (
        f" Force errors in meV/A on {len(unseen)} cells of more than {options.above} atoms."
        if unseen
        else ""
    )
    text = f"""# Fits of {name}

`benchmarks/fit.py` (`make bench-fit`) on {datetime.date.today()}: {processor()}, one core of
{os.cpu_count()}, motep {version("motep")}; {len(structures)} configurations. The loss is in motep's
convention with a force weight of 0.01 (energies in eV, lengths in A), whatever was minimised. Our
fits needed at most {memory:.1f} GiB.{about}

{table(heads, lines)}"""
    write_part(options.page, text)


if __name__ == "__main__":
    main()
