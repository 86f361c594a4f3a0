"""What is known of an alloy, by composition and by element: a map and four tables."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from smallcell.coverage import (
    composition_table,
    coverage_table,
    density,
    element_table,
    pair_table,
)
from smallcell.engine import graded_rows
from smallcell.figures import write_figure
from smallcell.files import read_reports, write_table
from smallcell.met import read_met
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.selection import grades
from smallcell.training import read_structures
from smallcell.wall import read_wall

log_to(snakemake.log[0])
given, output = snakemake.input, snakemake.output
potential = read_potential(given.potential)
train, held_out = read_structures(given.train), read_structures(given.held_out)
met = [atoms for path in given.met for atoms in read_met(path).samples]
rows, owners = graded_rows(potential, met, potential.grade_mode)
known = grades(rows, potential.active_set, owners) if met else np.empty(0)
walks: dict[str, list[str]] = {}
for batch, reports in snakemake.params.walks.items():
    stage = walks.setdefault(batch.partition("/")[0], [])
    stage += [report["formula"] for report in read_reports(reports)]
sets = {"training": train, "held out": held_out}
write_table(output.stages, coverage_table([*train, *held_out], walks, potential.species))
write_table(
    output.compositions,
    composition_table(potential, sets, read_reports(given.labels), met, known),
)
write_table(output.elements, element_table(potential, sets, read_reports(given.references)))
write_table(
    output.pairs,
    pair_table(
        train,
        potential.species,
        snakemake.params.closest,
        potential.cutoff,
        read_wall(given.wall),
    ),
)

others = potential.species[1:]
figure, axes = plt.subplots(
    1, len(others), figsize=(6 * len(others), 4.5), squeeze=False, layout="constrained"
)
for axis, symbol in zip(axes[0], others, strict=True):
    labelled = [[np.mean(atoms.symbols == symbol), density(atoms)] for atoms in train]
    axis.plot(*np.transpose(labelled), "k+", markersize=4, alpha=0.5, label="labelled")
    places = np.reshape([[np.mean(a.symbols == symbol), density(a)] for a in met], (-1, 2))
    # What is known the least lies on top.
    order = np.argsort(known)
    drawn = axis.scatter(
        *places[order].T, c=np.maximum(known, 0.1)[order], s=14, norm=LogNorm(0.1, 10)
    )
    axis.set(xlabel=f"share of {symbol}", ylabel="density / kg/m3", xlim=(-0.03, 1.03))
    axis.legend()
figure.colorbar(drawn, ax=axes, label="grade", extend="both")
write_figure(output.figure, figure, 150)
