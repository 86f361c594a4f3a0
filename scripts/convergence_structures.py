"""Write the structures of the convergence study, and the settings to try on them one by one."""

from pathlib import Path

from smallcell.convergence import convergence_structures, points
from smallcell.files import write_report
from smallcell.progress import log_to
from smallcell.training import write_structures

log_to(snakemake.log[0])
convergence = snakemake.params.convergence
structures = convergence_structures(
    snakemake.params.elements, convergence["atoms"], snakemake.params.seed
)
write_structures(snakemake.output.structures, structures)
settings = points(convergence).values()
for values, path in zip(settings, snakemake.output.settings, strict=True):
    write_report(Path(path), values)
