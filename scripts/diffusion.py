"""Self-diffusion of each element's liquid, with Arrhenius's law and what is published."""

import matplotlib
import numpy as np
from ase.units import kB

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.diffusion import CENTIMETRES
from smallcell.dynamic import arrhenius_law, diffusion
from smallcell.dynamic_table import dynamic_table, temperature_of, write_dynamic
from smallcell.files import read_reports
from smallcell.progress import log_to

log_to(snakemake.log[0])
reports = read_reports(snakemake.input)
elements = snakemake.params.elements
figure, axes = plt.subplots(1, len(elements), figsize=(6 * len(elements), 4), squeeze=False)
tables = []
for axis, symbol in zip(axes[0], elements, strict=True):
    of_element = [report for report in reports if report["element"] == symbol]
    found = diffusion(of_element)
    table = dynamic_table("diffusion", symbol, found, snakemake.params.published)
    tables.append(table)
    for name, mark, label in (("D, ", "o", "potential"), ("D in the cell, ", "s", "in the cell")):
        rows = table[table["quantity"].str.startswith(name)]
        inverse = 1000 / rows["quantity"].map(temperature_of)
        axis.errorbar(
            inverse, rows["potential"], rows["uncertainty"], fmt=mark, mfc="none", label=label
        )
    rows = table[table["quantity"].str.startswith("D, ")]
    inverse = 1000 / rows["quantity"].map(temperature_of)
    axis.plot(inverse, rows["experiment"], "x", color="black", label="experiment")
    if law := arrhenius_law(of_element):
        energy, prefactor = (one.value for one in law)
        along = np.linspace(inverse.min(), inverse.max())
        fitted = CENTIMETRES * prefactor * np.exp(-energy * along / (1000 * kB))
        axis.plot(along, fitted, color="C0", linewidth=1, label="Arrhenius")
    axis.set(
        title=f"liquid {symbol}",
        xlabel="1000 K / temperature",
        ylabel="D / 1e-5 cm2/s",
        yscale="log",
    )
    axis.legend()
output = snakemake.output
write_dynamic(output.table, output.figure, tables, figure)
