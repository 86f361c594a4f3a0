"""Write the crystals of which each cell of the campaign must find the same energy."""

from smallcell.gate import gate_structures
from smallcell.progress import log_to
from smallcell.training import write_structures

log_to(snakemake.log[0])
write_structures(
    snakemake.output[0],
    gate_structures(snakemake.params.elements, snakemake.params.cells, snakemake.params.atoms),
)
