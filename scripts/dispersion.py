"""Phonons of each element along a path, with pw.x's and published ones at the special points."""

import json
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.engine import MTPCalculator
from smallcell.figures import write_figure
from smallcell.files import write_table
from smallcell.phonons import dispersion, dispersion_table
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.validation import own_constant

log_to(snakemake.log[0])
potential = read_potential(snakemake.input.potential)
calculator = MTPCalculator(potential)
constants = json.loads(Path(snakemake.input.equation_of_state).read_text())
special = pd.read_csv(snakemake.input.phonons)
lattices = snakemake.params.lattices
figure, axes = plt.subplots(1, len(lattices), figsize=(6 * len(lattices), 4), squeeze=False)
tables = []
for axis, (symbol, element) in zip(axes[0], lattices.items(), strict=True):
    own = element | {"lattice_constant": own_constant(constants[symbol])}
    # Two atoms that have a common neighbour feel each other.
    path, frequencies = dispersion(own, calculator, 2 * potential.cutoff)
    tables.append(dispersion_table(path, frequencies).assign(element=symbol))
    along, places, names = path.get_linear_kpoint_axis()
    # Where the path jumps, two points have one place.
    jumps = np.flatnonzero(np.diff(along) == 0) + 1
    for part in np.split(np.arange(len(along)), jumps):
        axis.plot(along[part], frequencies[part], color="C0")
    axis.plot([], [], color="C0", label="potential")
    rows = special[special["element"] == symbol]
    points = rows["quantity"].str.partition(",")[0]
    for kind, mark in (("pw.x", "o"), ("experiment", "x")):
        known = [
            (place, frequency)
            for place, name in zip(places, names, strict=True)
            for frequency in rows.loc[points == name, kind].dropna()
        ]
        if known:
            axis.plot(*zip(*known, strict=True), mark, color="black", label=kind)
    ticks = pd.Series(names).groupby(places).agg("|".join)
    axis.set_xticks(ticks.index, ticks)
    axis.set(
        title=f"{symbol} {element['lattice']}",
        ylabel="frequency / THz, imaginary ones below 0",
        xlim=(along[0], along[-1]),
    )
    axis.axhline(0, color="grey", linewidth=0.5)
    axis.legend()
figure.tight_layout()
write_figure(snakemake.output.figure, figure)
write_table(snakemake.output.table, pd.concat(tables))
