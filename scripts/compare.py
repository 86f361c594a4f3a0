"""The campaign's potential beside others: properties, errors on the same sets, cost."""

from pathlib import Path

import numpy as np
import pandas as pd

from smallcell.baselines import (
    campaign_core_hours,
    costs_side_by_side,
    errors_side_by_side,
    properties_side_by_side,
)
from smallcell.budget import spent
from smallcell.files import read_reports, write_table
from smallcell.potential import read_potential_of
from smallcell.progress import log_to, tell
from smallcell.training import read_structures

log_to(snakemake.log[0])
given = snakemake.input
names = [snakemake.params.run, *given.others]
files = [given.potential, *given.others]
potentials = dict(
    zip(names, (read_potential_of(file, snakemake.params.elements) for file in files), strict=True)
)
tables = dict(zip(names, map(pd.read_csv, given.tables), strict=True))
sets = {"held out": read_structures(given.held_out)}
if given.test:
    sets["test"] = read_structures(given.test)
microseconds = {
    name: report["microseconds"] or np.nan
    for name, report in zip(names, read_reports(given.speeds), strict=True)
}
hours = dict(zip(given.others, map(campaign_core_hours, map(Path, given.others)), strict=True))
(costs,) = read_reports([given.costs])
table = pd.concat(
    [
        properties_side_by_side(tables),
        errors_side_by_side(potentials, sets),
        costs_side_by_side(microseconds, {snakemake.params.run: spent(costs)} | hours),
    ]
)
write_table(snakemake.output[0], table)
tell(f"beside {len(given.others)} other potentials: {len(table)} values of each")
