"""Errors of the potential of each batch on the same structures: a table and a figure."""

import matplotlib
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.figures import write_figure
from smallcell.files import read_reports, write_table
from smallcell.held_out import QUANTITIES
from smallcell.learning_curve import learning_curve_row
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
given = snakemake.input
sets = {"held out": read_structures(given.held_out)}
test = {"test": read_structures(given.test)} if given.test else {}
table = pd.DataFrame(
    learning_curve_row(batch, read_potential(potential), fit, costs, sets | test, list(test))
    for batch, potential, fit, costs in zip(
        snakemake.params.batches,
        given.potentials,
        read_reports(given.fits),
        read_reports(given.costs),
        strict=True,
    )
)
write_table(snakemake.output.table, table)

figure, axes = plt.subplots(1, len(QUANTITIES), figsize=(12, 3.8), layout="constrained")
for axis, (quantity, unit) in zip(axes, QUANTITIES.items(), strict=True):
    for name in sets | test:
        column = f"{name} {quantity} {unit}"
        errors = table[[column, f"{column} low", f"{column} high"]].astype(float)
        spread = errors.iloc[:, 1:].sub(errors[column], axis=0).abs().to_numpy().T
        axis.errorbar(table["core-hours"], errors[column], spread, fmt="o-", capsize=2, label=name)
    axis.set(title=quantity, xlabel="core-hours", ylabel=f"error / {unit}")
    axis.set_ylim(bottom=0)
    axis.legend()
write_figure(snakemake.output.figure, figure)
