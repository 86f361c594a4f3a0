"""Compare imported structures with the seeds' labels; write what is kept and a table of files."""

import csv
import json
from pathlib import Path

from smallcell.files import read_reports, written_whole
from smallcell.imports import compare, report, reported
from smallcell.progress import log_to, tell
from smallcell.training import labelled_batch, read_structures, write_structures

log_to(snakemake.log[0])
seeds = labelled_batch(
    read_reports(snakemake.input.labels),
    Path(snakemake.params.labels["store"]),
    read_reports(snakemake.input.references),
)
structures, reports = [], []
for found in reported(
    json.loads(Path(snakemake.input.report).read_text()),
    read_structures(snakemake.input.structures),
):
    try:
        kept = compare(found, seeds)
    except ValueError as error:
        tell(f"imports: {error}")
        raise
    structures += kept.structures
    reports.append(report(kept))
    tell(
        f"imports: {kept.file}: {len(kept.structures)} of {kept.configurations} configurations "
        f"kept, {kept.duplicates} were there before, {kept.incomplete} without all labels"
    )
    for warning in kept.warnings:
        tell(f"imports: {kept.file}: warning: {warning}")
write_structures(snakemake.output.structures, structures)
with written_whole(snakemake.output.table) as part, open(part, "w", newline="") as table:
    rows = csv.DictWriter(table, reports[0], lineterminator="\n")
    rows.writeheader()
    rows.writerows(one | {"warnings": "; ".join(one["warnings"])} for one in reports)
