"""Append the labels of a batch to the training set of the batch before, or hold them out."""

from pathlib import Path

from smallcell.files import read_reports
from smallcell.held_out import taken_in
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
learnt, held_out = taken_in(
    read(snakemake.input.held_out), labelled, snakemake.params.verdict["rounds"]
)
write_structures(snakemake.output.train, read(snakemake.input.train) + learnt)
write_structures(snakemake.output.held_out, held_out)
