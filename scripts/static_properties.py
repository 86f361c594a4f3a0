"""One table of all static properties."""

import pandas as pd

from smallcell.files import written_whole
from smallcell.progress import log_to

log_to(snakemake.log[0])
table = pd.concat(map(pd.read_csv, snakemake.input))
with written_whole(snakemake.output[0]) as part:
    table.to_csv(part, index=False, float_format="%.6g")
