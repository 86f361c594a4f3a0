"""Write the seeds of a campaign."""

from smallcell.progress import log_to
from smallcell.seeds import seeds
from smallcell.training import write_structures

log_to(snakemake.log[0])
write_structures(snakemake.output[0], seeds(snakemake.params.elements, snakemake.params.seeds))
