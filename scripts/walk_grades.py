"""Grades and disagreement of what walks passed through, round by round: a figure and a table."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import pandas as pd

from smallcell.figures import write_figure
from smallcell.files import read_reports, write_table
from smallcell.ledger import grades_table
from smallcell.progress import log_to

log_to(snakemake.log[0])
samples = [pd.DataFrame(report["samples"]) for report in read_reports(snakemake.input)]
rounds = dict(zip(snakemake.params.rounds, samples, strict=True))
write_table(snakemake.output.table, grades_table(rounds))

figure, axes = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
for axis, column, label in zip(
    axes, ("grade", "disagreement eV/A"), ("grade", "disagreement / eV/A"), strict=True
):
    for place, table in enumerate(rounds.values()):
        axis.plot([place] * len(table), table[column], "o", alpha=0.6, color="C0")
        if len(table):
            axis.plot(place, table[column].median(), "_", markersize=16, color="C1")
    axis.set(ylabel=label, xlim=(-0.5, len(rounds) - 0.5))
axes[0].axhline(snakemake.params.save_above, color="grey", linestyle="--")
if any(len(table) for table in rounds.values()):
    axes[0].set_yscale("log")
axes[1].set_xticks(range(len(rounds)), [name.replace("/", " ") for name in rounds], rotation=60)
write_figure(snakemake.output.figure, figure)
