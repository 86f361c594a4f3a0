"""Fit the potential to a training set, tell its errors, choose its active set and its wall.

A second fit leaves a share of the structures out, to tell the error on what a fit has not seen;
the potential itself is fitted to all of them.
"""

import json
from dataclasses import asdict

import numpy as np

from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.engine import with_active_set
from smallcell.errors import errors, in_report_units
from smallcell.files import written_whole
from smallcell.fitting import Fit, fit, random_starts
from smallcell.loss import Weights
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.progress import errors_in_words, log_to, tell
from smallcell.training import read_structures


def fitted(structures: list, start: Potential | None) -> Fit:
    """Fit from the last potential, or from scratch if there is none."""
    starts = [start] if start is not None else from_scratch(structures)
    return fit(
        structures,
        starts,
        Weights(**snakemake.params.fit["weights"]),
        snakemake.params.fit["ridges"],
        snakemake.params.fit["iterations"],
        snakemake.threads,
    )


def from_scratch(structures: list) -> list[Potential]:
    return random_starts(
        structures,
        tuple(snakemake.params.species),
        generate_basis(snakemake.params.potential["level"]),
        snakemake.params.potential["cutoff"],
        snakemake.params.potential["radial_basis_size"],
        np.random.default_rng(snakemake.params.seed),
    )


def started_from(path: str | None) -> Potential | None:
    return read_potential(path) if path else None


log_to(snakemake.log[0])
structures = read_structures(snakemake.input.train)
result = fitted(structures, started_from(snakemake.input.get("start")))
potential = with_active_set(
    result.potential, structures, snakemake.params.potential["grade"], snakemake.threads
)

held_out = read_structures(snakemake.input.held_out)
report = {
    "loss": result.loss,
    "ridge": result.ridge,
    "cross_validated": {str(ridge): loss for ridge, loss in result.scores.items()},
    "iterations": result.iterations,
    "converged": result.converged,
    "condition": result.condition,
    "seconds": result.seconds,
    "training": in_report_units(errors(potential, structures)),
    "held_out": in_report_units(errors(potential, held_out)),
}
write_potential(snakemake.output.mtp, potential)
write_potential(snakemake.output.almtp, potential)
with written_whole(snakemake.output.wall) as part:
    part.write_text(json.dumps(asdict(wall(potential, structures)), indent=1))
with written_whole(snakemake.output.report) as part:
    part.write_text(json.dumps(report, indent=1))
batch = snakemake.wildcards.batch
words = f"{batch}: fit to {len(structures)}: {errors_in_words(report['training'])}"
tell(words + (f"; held out: {errors_in_words(report['held_out'])}" if held_out else ""))
