"""Compare the labels of one crystal in the campaign's cells."""

from pathlib import Path

from smallcell.files import read_reports, write_table
from smallcell.gate import gate_table
from smallcell.jobs import stored_label
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
reports = read_reports(snakemake.input.labels)
table = gate_table(
    read_structures(snakemake.input.structures),
    [stored_label(report, Path(snakemake.params.labels["store"])) for report in reports],
    [report["label_core_seconds"] for report in reports],
    snakemake.params.k_spacing,
)
write_table(snakemake.output[0], table)
