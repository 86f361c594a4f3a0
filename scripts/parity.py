"""Energies, forces and stresses of the potential against those of DFT: a figure and a table."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

from smallcell.errors import REPORT_FACTORS, energy_constants
from smallcell.figures import write_figure
from smallcell.files import write_table
from smallcell.held_out import QUANTITIES
from smallcell.parity import pairs, parity_table, with_stages
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures

log_to(snakemake.log[0])
potential = read_potential(snakemake.input.potential)
train, held_out = (read_structures(snakemake.input[name]) for name in ("train", "held_out"))
sets = with_stages("training", train) | with_stages("held out", held_out)
found = {name: pairs(potential, structures) for name, structures in sets.items()}
constants = {}
if snakemake.input.test:
    sets["test"] = read_structures(snakemake.input.test)
    found["test"] = pairs(potential, sets["test"], up_to_constants=True)
    _, absolute = pairs(potential, sets["test"])["energy"]
    constants["test"] = energy_constants(np.concatenate(absolute), sets["test"])
write_table(snakemake.output.table, parity_table(found, constants))

shown = [name for name in ("training", "held out", "test") if sets.get(name)]
figure, axes = plt.subplots(2, 3, figsize=(12, 7), sharex="col", layout="constrained")
for (above, below), quantity in zip(axes.T, QUANTITIES, strict=True):
    unit = {"energy": "eV/atom", "force": "eV/A", "stress": "GPa"}[quantity]
    residual_unit, factor = QUANTITIES[quantity], REPORT_FACTORS[quantity]
    scale = factor if quantity == "stress" else 1
    for name, marker in zip(shown, "os^", strict=False):
        dft, errors = map(np.concatenate, found[name][quantity])
        # Thousands of points are a picture, not a drawing: the page is to stay small.
        style = {"markersize": 3, "alpha": 0.6, "label": name, "rasterized": True}
        above.plot(scale * dft, scale * (dft + errors), marker, **style)
        below.plot(scale * dft, factor * errors, marker, **style)
    above.axline((0, 0), slope=1, color="grey", linestyle="--")
    below.axhline(0, color="grey", linestyle="--")
    above.set(title=quantity, ylabel=f"potential / {unit}")
    below.set(xlabel=f"DFT / {unit}", ylabel=f"error / {residual_unit}")
    above.legend()
write_figure(snakemake.output.figure, figure, 150)
