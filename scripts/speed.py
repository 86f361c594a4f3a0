"""Time molecular dynamics with a potential."""

from pathlib import Path

from smallcell.files import write_report
from smallcell.progress import log_to, tell
from smallcell.speed import measured_cost

log_to(snakemake.log[0])
try:
    cost = measured_cost(Path(snakemake.input[0]), list(snakemake.params.lattices.values()))
except RuntimeError as error:
    tell(str(error))
    cost = None
write_report(snakemake.output[0], {"microseconds": cost})
