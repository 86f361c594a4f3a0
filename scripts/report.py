"""Write the page of the campaign."""

from pathlib import Path

from smallcell.files import written_whole
from smallcell.progress import log_to
from smallcell.report import page

log_to(snakemake.log[0])
with written_whole(snakemake.output[0]) as part:
    part.write_text(page(Path(snakemake.output[0]).parent, snakemake.params.configuration))
