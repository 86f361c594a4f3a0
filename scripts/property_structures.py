"""Write what pw.x has to compute for a static property, at its own lattice constants."""

from smallcell.progress import log_to
from smallcell.properties import properties, structures_to_label
from smallcell.training import read_structures, write_structures
from smallcell.validation import equilibrium, strained_crystals_of

log_to(snakemake.log[0])
seeds = read_structures(snakemake.input.seeds)
elements = []
for symbol, element in snakemake.params.lattices.items():
    constant, _ = equilibrium(strained_crystals_of(symbol, seeds), element)
    elements.append(element | {"lattice_constant": constant})
asked = properties(snakemake.params.seed)[snakemake.wildcards.property]
write_structures(
    snakemake.output[0], structures_to_label(asked, elements, snakemake.params.k_spacing)
)
