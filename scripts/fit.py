"""Fit the potential to a training set, tell its errors, and choose its active set.

A second fit leaves a share of the structures out, to tell the error on what a fit has not seen;
the potential itself is fitted to all of them.
"""

import json
from dataclasses import replace

import numpy as np
from ase.units import GPa

from smallcell.basis import generate_basis
from smallcell.engine import rows
from smallcell.files import written_whole
from smallcell.fitting import Errors, Fit, Weights, errors, fit, fit_from_scratch, held_out
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.progress import errors_in_words, log_to, tell
from smallcell.selection import active_set
from smallcell.training import read_structures


def in_report_units(found: Errors) -> dict:
    """Errors in meV/atom, meV/A and GPa, the largest ones too; None where there are none."""
    factors = {"energy": 1000, "force": 1000, "stress": 1 / GPa}
    report = {}
    for name, factor in factors.items():
        for key in (name, f"{name}_maximum"):
            value = getattr(found, key) * factor
            report[key] = value if np.isfinite(value) else None
    return report | {"configurations": found.configurations, "atoms": found.atoms}


def fitted(structures: list, start: Potential | None) -> Fit:
    """Fit from the last potential, or from scratch if there is none."""
    weights = Weights(**snakemake.params.fit["weights"])
    iterations = snakemake.params.fit["iterations"]
    if start is not None:
        return fit(structures, start, weights, max_iterations=iterations)
    return fit_from_scratch(
        structures,
        tuple(snakemake.params.species),
        generate_basis(snakemake.params.potential["level"]),
        snakemake.params.potential["cutoff"],
        snakemake.params.potential["radial_basis_size"],
        np.random.default_rng(snakemake.params.seed),
        weights,
        max_iterations=iterations,
    )


def started_from(path: str | None) -> Potential | None:
    return read_potential(path) if path else None


log_to(snakemake.log[0])
structures = read_structures(snakemake.input.train)
result = fitted(structures, started_from(snakemake.input.get("start")))
potential = replace(result.potential, active_set=active_set(rows(result.potential, structures)))

# A chain of its own: its start has never seen what is held out, not in a round before either.
unseen = held_out(structures, snakemake.params.fit["held_out"])
seen = [atoms for atoms, out in zip(structures, unseen, strict=True) if not out]
rest = [atoms for atoms, out in zip(structures, unseen, strict=True) if out]
without = fitted(seen, started_from(snakemake.input.get("start_held_out"))).potential

report = {
    "loss": result.loss,
    "iterations": result.iterations,
    "converged": result.converged,
    "condition": result.condition,
    "seconds": result.seconds,
    "training": in_report_units(errors(potential, structures)),
    "held_out": in_report_units(errors(without, rest)),
}
write_potential(snakemake.output.mtp, potential)
write_potential(snakemake.output.almtp, potential)
write_potential(snakemake.output.held_out, without)
with written_whole(snakemake.output.report) as part:
    part.write_text(json.dumps(report, indent=1))
batch = snakemake.wildcards.batch
words = f"{batch}: fit to {len(structures)}: {errors_in_words(report['training'])}"
tell(words + (f"; held out: {errors_in_words(report['held_out'])}" if rest else ""))
