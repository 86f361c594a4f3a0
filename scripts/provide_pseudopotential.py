"""Make or fetch the pseudopotential of an element and repair it for pw.x."""

from pathlib import Path

from smallcell.progress import log_to
from smallcell.pseudopotentials import provide_upf

log_to(snakemake.log[0])
provide_upf(
    snakemake.params.element["pseudopotential"],
    snakemake.params.element.get("checksum"),
    Path(snakemake.output[0]),
)
