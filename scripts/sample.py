"""Let a walker walk and keep the frames that the potential does not know."""

import json
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from smallcell.files import written_whole
from smallcell.progress import log_to
from smallcell.sampling import draw_conditions, provide, walk, write_walk
from smallcell.training import write_structures
from smallcell.wall import read_wall

log_to(snakemake.log[0])
began = time.perf_counter()
here = snakemake.wildcards
# The stage enters by its name: inserting a stage leaves the walks of the others as they are.
rng = np.random.default_rng(
    np.random.SeedSequence(
        snakemake.params.seed,
        spawn_key=(zlib.crc32(here.stage.encode()), int(here.round), int(here.walker)),
    )
)
species = [element["symbol"] for element in snakemake.params.elements]
sampling = snakemake.params.sampling
barrier = read_wall(snakemake.input.wall)
conditions = draw_conditions(snakemake.params.elements, snakemake.params.cell, sampling, rng)
with tempfile.TemporaryDirectory(prefix="walk-") as name:
    folder = Path(name)
    provide(folder, Path(snakemake.input.potential))
    write_walk(folder, conditions, sampling, species, barrier)
    done = walk(folder, species)
    log = folder / "log.lammps"
    if log.exists():
        Path(snakemake.log[0]).write_text(log.read_text(errors="replace"))
for frame in done.frames:
    frame.info["walker"] = int(here.walker)
write_structures(snakemake.output.frames, done.frames)
report = {
    "temperature": conditions.temperature,
    "pressure": conditions.pressure,
    "formula": conditions.start.get_chemical_formula(),
    "fate": str(done.fate),
    "message": done.message,
    "frames": len(done.frames),
    "steps": done.steps,
    "seconds": time.perf_counter() - began,
}
with written_whole(snakemake.output.report) as part:
    part.write_text(json.dumps(report, indent=1))
