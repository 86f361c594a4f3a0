"""Table and figure of the convergence study, and the settings that it recommends."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.convergence import (
    ERRORS,
    cheapest,
    convergence_table,
    read_points,
    settings_text,
)
from smallcell.figures import write_figure
from smallcell.files import write_table, written_whole
from smallcell.progress import log_to, tell

log_to(snakemake.log[0])
tolerances = snakemake.params.convergence
table = convergence_table(
    *read_points(
        snakemake.params.points,
        snakemake.input.settings,
        snakemake.input.labels,
        snakemake.params.labels["store"],
    )
)
write_table(snakemake.output.table, table)

best = cheapest(table, tolerances)
text = settings_text(best, tolerances)
with written_whole(snakemake.output.settings) as part:
    part.write_text(text)
tell(text)

figure, axes = plt.subplots(1, len(ERRORS), figsize=(13, 4), layout="constrained")
kinds = table["point"].str.split("-").str[0]
for axis, (name, column) in zip(axes, ERRORS.items(), strict=True):
    for kind in dict.fromkeys(kinds):
        # The reference itself has no error, which has no place on a logarithmic axis.
        rows = table[(kinds == kind) & (table[column] > 0)]
        axis.loglog(rows["core-seconds"], rows[column], "o", label=kind if len(rows) else None)
        for _, row in rows.iterrows():
            value = row["k_spacing" if kind == "combined" else kind]
            axis.annotate(f" {value:g}", (row["core-seconds"], row[column]), fontsize=7)
    axis.axhline(tolerances[name], linestyle="--", color="grey")
    if best[column] > 0:
        axis.plot(best["core-seconds"], best[column], "o", ms=14, fillstyle="none", color="black")
    axis.set(xlabel="core-seconds of all structures", ylabel=column.replace(" error", " error /"))
axes[0].legend()
write_figure(snakemake.output.figure, figure)
