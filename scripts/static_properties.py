"""One table of all static, or of all dynamic, properties."""

import pandas as pd

from smallcell.files import write_table
from smallcell.progress import log_to

log_to(snakemake.log[0])
table = pd.concat(map(pd.read_csv, snakemake.input))
write_table(snakemake.output[0], table)
