"""Tables and figure of the rounds: what was seen, chosen, paid and reached."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.figures import write_figure
from smallcell.files import read_reports, write_table
from smallcell.ledger import fates_table, fit_columns, round_row, rounds_table
from smallcell.progress import log_to

log_to(snakemake.log[0])
rows, fates = [], []
for batch, files in snakemake.params.batches.items():
    stage, _, number = batch.partition("/")
    labels = read_reports(files["labels"])
    fates += labels
    judgement = read_reports(files["verdict"])[0] if files["verdict"] else {}
    row = round_row(stage, int(number or 0), judgement, read_reports(files["walks"]), labels)
    for fit in read_reports(files["fit"]):
        row |= fit_columns(fit)
    rows.append(row)
table = rounds_table(rows)
write_table(snakemake.output.rounds, table)
write_table(snakemake.output.fates, fates_table(fates))

names = [batch.replace("/", " ") for batch in snakemake.params.batches]
figure, (labels_axis, force_axis, energy_axis) = plt.subplots(
    3, 1, figsize=(7, 7), sharex=True, layout="constrained"
)
labels_axis.bar(names, table["selected"])
labels_axis.set_ylabel("structures selected")
for axis, quantity, unit in ((force_axis, "force", "meV/A"), (energy_axis, "energy", "meV/atom")):
    for share, marker in (("training", "o-"), ("held out", "s--")):
        axis.plot(names, table[f"{share} {quantity} {unit}"].astype(float), marker, label=share)
    axis.set_ylabel(f"{quantity} error / {unit}")
    axis.set_ylim(bottom=0)
    axis.legend()
energy_axis.tick_params(axis="x", rotation=60)
write_figure(snakemake.output.figure, figure)
