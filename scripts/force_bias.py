"""Forces by size: how many each stage learned from, and how right the potential has them."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.figures import write_figure
from smallcell.files import write_table
from smallcell.force_bias import bias_table, by_stage, histogram
from smallcell.parity import with_stages
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
train, held_out = (read_structures(snakemake.input[name]) for name in ("train", "held_out"))
test = {"test": read_structures(snakemake.input.test)} if snakemake.input.test else {}
of_stages = by_stage(train)
forces = histogram(of_stages | {"held out": held_out} | test)
write_table(snakemake.output.forces, forces)
judged = {"training": train} | with_stages("held out", held_out) | test
bias = bias_table(read_potential(snakemake.input.potential), judged, up_to_constants=test)
write_table(snakemake.output.bias, bias)

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for name, rows in forces.groupby("set", sort=False):
    bins = [f"{low:g}" for low in rows["|F| from meV/A"]]
    axes[0].plot(bins, rows["share"], "o-", label=name)
axes[0].set(ylabel="share of atoms")
for axis, column in zip(axes[1:], ("slope", "force error meV/A"), strict=True):
    for name, rows in bias.groupby("set", sort=False):
        bins = [f"{low:g}" for low in rows["|F| from meV/A"]]
        ends = rows[[f"{column} low", f"{column} high"]].to_numpy().T
        spread = abs(ends - rows[column].to_numpy())
        axis.errorbar(bins, rows[column], spread, fmt="o-", capsize=2, label=name)
    axis.set(ylabel=column.replace(" meV", " / meV"))
axes[1].axhline(1, color="grey", linestyle="--")
axes[2].set_ylim(bottom=0)
for axis in axes:
    axis.set(xlabel="DFT |F| from / meV/A")
    axis.legend()
write_figure(snakemake.output.figure, figure)
