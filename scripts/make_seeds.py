"""Write the seeds, hydrostatically strained crystals of each element."""

from smallcell.progress import log_to
from smallcell.seeds import strained_crystals
from smallcell.training import write_structures

log_to(snakemake.log[0])
seeds = snakemake.params.seeds
write_structures(
    snakemake.output[0],
    strained_crystals(snakemake.params.elements, seeds["strain"], seeds["number"], seeds["unit"]),
)
