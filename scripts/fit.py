"""Fit the potential to a training set, tell its errors, choose its active set and its wall."""

from dataclasses import asdict

from smallcell.approach import wall
from smallcell.errors import errors, in_report_units
from smallcell.files import write_report
from smallcell.learning import learn
from smallcell.potential import read_potential, write_potential
from smallcell.progress import errors_in_words, log_to, tell
from smallcell.training import read_structures

log_to(snakemake.log[0])
params = snakemake.params
structures = read_structures(snakemake.input.train)
held_out = read_structures(snakemake.input.held_out)
before = read_potential(snakemake.input.start) if snakemake.input.start else None
result = learn(structures, before, params.species, params, params.seed, snakemake.threads)
potential = result.potential
report = {
    "loss": result.loss,
    "ridge": result.ridge,
    "cross_validated": {str(ridge): loss for ridge, loss in result.scores.items()},
    "iterations": result.iterations,
    "converged": result.converged,
    "condition": result.condition,
    "seconds": result.seconds,
    "wall": asdict(wall(potential, structures)),
    "training": in_report_units(errors(potential, structures)),
    "held_out": in_report_units(errors(potential, held_out)),
}
write_potential(snakemake.output.potential, potential)
write_report(snakemake.output.report, report)
batch = snakemake.wildcards.batch
words = f"{batch}: fit to {len(structures)}: {errors_in_words(report['training'])}"
tell(words + (f"; held out: {errors_in_words(report['held_out'])}" if held_out else ""))
