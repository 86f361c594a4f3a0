"""Append the labels of a batch to the training set of the batch before, or hold them out."""

from pathlib import Path

from smallcell.files import read_reports
from smallcell.held_out import HELD_OUT, divide
from smallcell.progress import log_to, tell
from smallcell.training import labelled_batch, read_structures, write_structures
from smallcell.verdict import check_failures

log_to(snakemake.log[0])


def read(path: str) -> list:
    return read_structures(path) if path else []


fates = read_reports(snakemake.input.labels)
try:
    check_failures(fates, snakemake.params.labels["failed_share"])
except ValueError as error:
    tell(str(error))
    raise
store = Path(snakemake.params.labels["store"])
labelled = labelled_batch(fates, store, read_reports(snakemake.input.references))
new = [atoms for atoms in labelled if atoms.info.get("purpose") != HELD_OUT]
to_judge_by = [atoms for atoms in labelled if atoms.info.get("purpose") == HELD_OUT]
kept, released = divide(
    read(snakemake.input.held_out), to_judge_by, snakemake.params.verdict["rounds"]
)
write_structures(snakemake.output.train, read(snakemake.input.train) + released + new)
write_structures(snakemake.output.held_out, kept)
