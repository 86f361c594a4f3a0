"""Read the files of labelled structures that the configuration names, and check each by itself."""

from smallcell.files import write_report
from smallcell.imports import read_import, report
from smallcell.progress import log_to, tell
from smallcell.training import write_structures

log_to(snakemake.log[0])
seen, structures, reports = set(), [], []
for entry in snakemake.params.imports:
    try:
        found = read_import(entry, snakemake.params.species, seen)
    except ValueError as error:
        tell(f"{snakemake.params.key}: {error}")
        raise
    structures += found.structures
    reports.append(report(found))
write_structures(snakemake.output.structures, structures)
write_report(snakemake.output.report, reports)
