"""Fit the potential to a training set, tell its errors, choose its active set and its wall."""

from dataclasses import asdict

import numpy as np

from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.engine import with_active_set
from smallcell.errors import errors, in_report_units
from smallcell.files import write_report
from smallcell.fitting import STARTS, fit, random_starts
from smallcell.loss import Weights, emphasised
from smallcell.potential import read_potential, write_potential
from smallcell.progress import errors_in_words, log_to, tell
from smallcell.training import read_structures

log_to(snakemake.log[0])
settings, form = snakemake.params.fit, snakemake.params.potential
structures = read_structures(snakemake.input.train)
held_out = read_structures(snakemake.input.held_out)
before = [read_potential(snakemake.input.start)] if snakemake.input.start else []
starts = random_starts(
    structures,
    tuple(snakemake.params.species),
    generate_basis(form["level"]),
    form["cutoff"],
    form["radial_basis_size"],
    np.random.default_rng([snakemake.params.seed, len(structures)]),
    settings["starts"] if before else STARTS,
)
result = fit(
    emphasised(structures, settings["energy_scale"]),
    before + starts,
    Weights(**settings["weights"]),
    settings["ridges"],
    settings["iterations"],
    snakemake.threads,
)
potential = with_active_set(result.potential, structures, form["grade"], snakemake.threads)
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
write_report(snakemake.output.wall, asdict(wall(potential, structures)))
write_report(snakemake.output.report, report)
batch = snakemake.wildcards.batch
words = f"{batch}: fit to {len(structures)}: {errors_in_words(report['training'])}"
tell(words + (f"; held out: {errors_in_words(report['held_out'])}" if held_out else ""))
