"""Run molecular dynamics of a large cell of the first element, the test that small cells miss."""

import tempfile
from dataclasses import asdict
from pathlib import Path

from smallcell.cells import crystal
from smallcell.files import write_report
from smallcell.progress import log_to, tell
from smallcell.sampling import provide
from smallcell.validation import Ramp, run_large_cell, write_large_cell_run
from smallcell.wall import read_wall

log_to(snakemake.log[0])
settings = snakemake.params.validation
start = crystal(snakemake.params.elements[0], "conventional", settings["cell"])
barrier = read_wall(snakemake.input.wall)
ramps = [Ramp(settings["temperature"], settings["temperature"], settings["duration"])]
species = [element["symbol"] for element in snakemake.params.elements]
with tempfile.TemporaryDirectory(prefix="large-cell-") as name:
    folder = Path(name)
    provide(folder, Path(snakemake.input.potential))
    seed = snakemake.params.seed % 900000 + 1
    write_large_cell_run(folder, start, species, ramps, barrier, seed)
    outcome, _ = run_large_cell(folder, start, ramps)
write_report(snakemake.output[0], settings | asdict(outcome))
tell(f"large cell: {'survived' if outcome.survived else outcome.message}")
