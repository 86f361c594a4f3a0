"""Choose what a round labels of the frames of its walks, or that nothing needs to be."""

import json
import zlib
from pathlib import Path

import numpy as np

from smallcell.allotments import spans
from smallcell.budget import forecast, rate, spent
from smallcell.candidates import gather
from smallcell.choice import choose, within_budget
from smallcell.cost import expected_cost
from smallcell.ensemble import disagreement
from smallcell.errors import errors, in_report_units
from smallcell.files import read_reports, write_report
from smallcell.held_out import HELD_OUT, TRAINING, intolerable, of_stage
from smallcell.labels import crystal_calculation
from smallcell.learning import extending
from smallcell.met import read_met
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.selection import grades
from smallcell.training import read_structures, write_structures
from smallcell.verdict import check_walks

log_to(snakemake.log[0])
here, params = snakemake.wildcards, snakemake.params


def costs(structures: list) -> np.ndarray:
    """What pw.x will take for structures, but for a factor."""
    calculations = [
        crystal_calculation(atoms, params.dft, params.pseudopotentials) for atoms in structures
    ]
    return np.array(list(map(expected_cost, structures, calculations)))


potential = read_potential(snakemake.input.potential)
members = list(map(read_potential, snakemake.input.members))
met = list(map(read_met, snakemake.input.met))
frames = gather(potential, (walk.frames for walk in met), params.selection["tolerance"])
samples = gather(potential, (walk.samples for walk in met), 0)
doubts = disagreement(members, samples.structures).force
held_out = of_stage(read_structures(snakemake.input.held_out), here.stage)
# MLIP-3 begins with the training set itself, this repository with its active set.
training = read_structures(snakemake.input.train) if snakemake.input.train else []
choice = choose(
    potential,
    frames,
    samples,
    extending(
        params.engine,
        potential,
        training,
        frames,
        {"threshold": params.sampling["save_above"], "at_most": params.selection["at_most"]},
        costs(frames.structures) if params.selection["prefer"] == "cheapest" else None,
    ),
    {"at_most": params.selection["at_most"], "held_out": params.verdict["held_out"]},
    intolerable(in_report_units(errors(potential, held_out)), params.verdict),
    doubts,
    np.random.default_rng(
        np.random.SeedSequence(
            params.seed, spawn_key=(zlib.crc32(here.stage.encode()), int(here.round))
        )
    ),
)
paid = json.loads(Path(snakemake.input.costs).read_text())
limit = np.inf if params.budget["core_hours"] is None else params.budget["core_hours"]
# What the round costs without labels, with the first, the first two, ...
each = costs(choice.structures)
expected = np.cumsum([0.0, *each])
hours = [forecast(paid, float(one)) for one in expected]
choice = within_budget(choice, hours[1:], limit - spent(paid))
report = {"spent": spent(paid), "forecast": hours[len(choice.structures)]}
walks = read_reports(snakemake.input.walks)
check_walks([walk["fate"] for walk in walks], len(choice.structures))
for atoms, value in zip(
    choice.structures, disagreement(members, choice.structures).force, strict=True
):
    atoms.info["disagreement"] = float(value)
report |= {
    "rate": rate(paid),
    "outcome": choice.outcome,
    "reasons": choice.reasons,
    "training": choice.number(TRAINING),
    "held_out": choice.number(HELD_OUT),
    "labels": spans(each[: len(choice.structures)]),
    "samples": {
        "walker": [atoms.info["walker"] for atoms in samples.structures],
        "step": [atoms.info["step"] for atoms in samples.structures],
        "grade": grades(samples.rows, potential.active_set, samples.owners).tolist(),
        "disagreement eV/A": doubts.tolist(),
    },
}
write_structures(snakemake.output.structures, choice.structures)
write_report(snakemake.output.report, report)
