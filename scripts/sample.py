"""Let a walker walk and keep the frames that the potential does not know."""

import json
import tempfile
import time
from pathlib import Path

from smallcell.draws import Walker, draw_conditions
from smallcell.files import read_reports, written_whole
from smallcell.leverage import least_known_walkers
from smallcell.met import Met, write_met
from smallcell.progress import log_to
from smallcell.sampling import provide, walk, write_walk
from smallcell.training import read_structures
from smallcell.wall import read_wall

log_to(snakemake.log[0])
began = time.perf_counter()
here = snakemake.wildcards
elements, sampling = snakemake.params.elements, snakemake.params.sampling
walker = Walker(snakemake.params.seed, here.stage, int(here.round), int(here.walker))
# Of a walker that starts from a crystal, and where the training set has none of the stage's size,
# there are no structures.
structures = [atoms for path in snakemake.input.known for atoms in read_structures(path)]
place = walker.number - least_known_walkers(sampling).start
known = structures[place % len(structures)] if structures else None
bowings = read_reports([snakemake.input.bowing])[0]["pairs"] if snakemake.input.bowing else []
conditions = draw_conditions(walker, elements, snakemake.params.cell, sampling, known, bowings)
species = [element["symbol"] for element in elements]
barrier = read_wall(snakemake.input.wall)
with tempfile.TemporaryDirectory(prefix="walk-") as name:
    folder = Path(name)
    provide(folder, Path(snakemake.input.potential))
    write_walk(folder, conditions, sampling, species, barrier)
    done = walk(folder, species, sampling["pair_style"])
    log = folder / "log.lammps"
    if log.exists():
        Path(snakemake.log[0]).write_text(log.read_text(errors="replace"))
for frame in [*done.frames, *done.samples]:
    frame.info["walker"] = walker.number
write_met(snakemake.output.met, Met(done.frames, done.samples))
start = conditions.start
report = {
    "temperature": conditions.temperature,
    "mean_temperature": done.temperature,
    "pressure": conditions.pressure,
    "formula": start.get_chemical_formula(),
    "atoms": len(start),
    "start": start.info,
    "fate": str(done.fate),
    "message": done.message,
    "frames": len(done.frames),
    "samples": len(done.samples),
    "steps": done.steps,
    "seconds": time.perf_counter() - began,
}
with written_whole(snakemake.output.report) as part:
    # What comes with a start may be numbers and arrays of numpy.
    part.write_text(json.dumps(report, indent=1, default=lambda value: value.tolist()))
