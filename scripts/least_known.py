"""Choose the structures of the training set that some walkers of a round start from."""

from smallcell.cells import starts
from smallcell.engine import rows
from smallcell.leverage import least_known, least_known_walkers
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures, write_structures

log_to(snakemake.log[0])
structures = read_structures(snakemake.input.train)
sizes = {
    len(cell)
    for element in snakemake.params.elements
    for cell in starts(element, snakemake.params.cell)
}
chosen = least_known(
    structures,
    rows(read_potential(snakemake.input.potential), structures),
    sizes,
    len(least_known_walkers(snakemake.params.sampling)),
)
write_structures(snakemake.output[0], chosen)
