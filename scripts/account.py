"""Add up what the campaign has cost."""

from smallcell.budget import account
from smallcell.files import read_reports, write_report
from smallcell.progress import log_to

log_to(snakemake.log[0])
given = snakemake.input
before = read_reports([given.before])[0] if given.before else None
costs = account(
    before,
    read_reports([*given.labels, *given.gate]),
    read_reports(given.walks),
    read_reports(given.fits),
    read_reports(given.references),
)
write_report(snakemake.output[0], costs)
