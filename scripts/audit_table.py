"""Compare the potential with pw.x on what was cut out of the large cell."""

from pathlib import Path

from smallcell.audit import audit_table
from smallcell.files import read_reports, write_table
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
table = audit_table(
    read_potential(snakemake.input.potential),
    read_structures(snakemake.input.structures),
    read_reports(snakemake.input.labels),
    Path(snakemake.params.labels["store"]),
    read_reports(snakemake.input.references),
)
write_table(snakemake.output[0], table)
