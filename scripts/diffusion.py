"""Self-diffusion of each element's liquid, with Arrhenius's law and what is published."""

import matplotlib
import numpy as np
import pandas as pd
from ase.units import kB

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.diffusion import CENTIMETRES
from smallcell.dynamic import arrhenius_law, diffusion
from smallcell.dynamic_table import dynamic_table, temperature_of
from smallcell.figures import write_figure
from smallcell.files import read_reports, write_table
from smallcell.progress import log_to, tell

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
figure.tight_layout()
write_figure(snakemake.output.figure, figure)
table = pd.concat(tables)
write_table(snakemake.output.table, table)
tell(f"diffusion: {table['potential'].notna().sum()} of {len(table)} values")
