"""Append the labels of a batch to the training set of the batch before."""

from pathlib import Path

from smallcell.files import read_reports
from smallcell.progress import log_to
from smallcell.training import labelled_batch, read_structures, write_structures
from smallcell.verdict import check_failures

log_to(snakemake.log[0])
structures = read_structures(snakemake.input.before) if snakemake.input.before else []
fates = read_reports(snakemake.input.labels)
check_failures(fates, snakemake.params.labels["failed_share"])
store = Path(snakemake.params.labels["store"])
structures += labelled_batch(fates, store, read_reports(snakemake.input.references))
write_structures(snakemake.output[0], structures)
