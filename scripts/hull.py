"""Energies of formation of an alloy's ordered compounds, and their convex hull."""

from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.compounds import above_hull, compounds, shares_of_first
from smallcell.figures import write_figure
from smallcell.progress import log_to

log_to(snakemake.log[0])
table = pd.read_csv(snakemake.input[0]).set_index("quantity")
pairs = list(combinations(snakemake.params.elements, 2))
figure, axes = plt.subplots(1, len(pairs), figsize=(6 * len(pairs), 4), squeeze=False)
for axis, pair in zip(axes[0], pairs, strict=True):
    of_pair = compounds(pair)
    shares = np.array([1.0, 0.0, *shares_of_first(of_pair, pair)])
    for kind, colour, fill, line in (("potential", "C0", "C0", "-"), ("pw.x", "C3", "none", "--")):
        rows = table.loc[[f"formation of {one.name}" for one in of_pair], kind]
        energies = np.array([0.0, 0.0, *rows])
        if rows.isna().all():
            continue
        axis.plot(shares, energies, "o", color=colour, mfc=fill, label=kind)
        corners = above_hull(shares, energies) == 0
        order = np.argsort(shares[corners])
        axis.plot(shares[corners][order], energies[corners][order], line, color=colour)
    for one, share in zip(of_pair, shares[2:], strict=True):
        energy = table.loc[f"formation of {one.name}", "potential"]
        if np.isfinite(energy):
            axis.annotate(f" {one.name}", (share, energy), fontsize=7)
    axis.set(
        title="-".join(pair), xlabel=f"share of {pair[0]}", ylabel="energy of formation / meV/atom"
    )
    if axis.get_legend_handles_labels()[0]:
        axis.legend()
figure.tight_layout()
write_figure(snakemake.output[0], figure)
