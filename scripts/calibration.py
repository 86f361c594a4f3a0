"""Compare grade and disagreement with the errors of held-out structures: table, verdict, figure."""

from dataclasses import asdict

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.calibration import calibration, calibration_table, conclusion
from smallcell.errors import differences
from smallcell.figures import write_figure
from smallcell.files import write_report, write_table
from smallcell.held_out import HELD_OUT
from smallcell.potential import read_potential
from smallcell.progress import log_to, tell
from smallcell.training import read_structures

log_to(snakemake.log[0])
# Those that have joined the training set since were held out when they were met.
ever = read_structures(snakemake.input.train) + read_structures(snakemake.input.held_out)
structures = [atoms for atoms in ever if atoms.info.get("purpose") == HELD_OUT]
errors = []
for atoms in structures:
    path = snakemake.params.potentials[atoms.info["batch"]]
    errors += differences(read_potential(path), [atoms])
table = calibration_table(structures, errors)
write_table(snakemake.output.table, table)
found = calibration(table)
words = conclusion(table, found)
report = {"conclusion": words} | (asdict(found) if found else {})
write_report(snakemake.output.report, report)
tell(words)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
shown = table[table["with forces"].astype(bool)]
for axis, column in zip(axes, ("grade", "disagreement meV/A"), strict=True):
    for stage, rows in shown.groupby("stage", sort=False):
        axis.loglog(rows[column], rows["force error meV/A"], "o", label=stage)
    axis.set(xlabel=column.replace(" meV", " / meV"))
if found:
    ends = shown["disagreement meV/A"].agg(["min", "max"])
    axes[1].loglog(ends, found.factor.value * ends, "--", color="grey")
axes[0].set(ylabel="force error / meV/A")
if len(shown):
    axes[0].legend()
figure.suptitle(words, fontsize=8, wrap=True)
write_figure(snakemake.output.figure, figure)
