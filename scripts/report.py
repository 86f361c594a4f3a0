"""Write the page of the campaign."""

from pathlib import Path

from smallcell.files import read_reports, written_whole
from smallcell.progress import log_to
from smallcell.report import page

log_to(snakemake.log[0])
folder = Path(snakemake.output[0]).parent
available = {str(Path(file).relative_to(folder)) for file in snakemake.input.files}
(costs,) = read_reports([snakemake.input.costs])
with written_whole(snakemake.output[0]) as part:
    part.write_text(page(folder, available, snakemake.params.configuration, costs))
