"""Self-diffusion in liquids, with Arrhenius's law and what is published."""

import matplotlib
import numpy as np
from ase.units import kB

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.diffusion import CENTIMETRES
from smallcell.dynamic import arrhenius_law, diffusion, of_elements
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
    for number, whose in enumerate(of_elements(of_element[0])):
        colour = f"C{number}"
        for words, fill in ((f"D{whose}", colour), (f"D{whose} in the cell", "none")):
            rows = table[table["quantity"].str.startswith(f"{words}, ")]
            inverse = 1000 / rows["quantity"].map(temperature_of)
            axis.errorbar(
                inverse,
                rows["potential"],
                rows["uncertainty"],
                fmt="o",
                color=colour,
                mfc=fill,
                label=words,
            )
        rows = table[table["quantity"].str.startswith(f"D{whose}, ")]
        inverse = 1000 / rows["quantity"].map(temperature_of)
        axis.plot(inverse, rows["experiment"], "x", color="black", label="experiment")
        if law := arrhenius_law(of_element, whose):
            energy, prefactor = (one.value for one in law)
            along = np.linspace(inverse.min(), inverse.max())
            fitted = CENTIMETRES * prefactor * np.exp(-energy * along / (1000 * kB))
            axis.plot(along, fitted, color=colour, linewidth=1, label="Arrhenius")
    axis.set(
        title=f"liquid {symbol}",
        xlabel="1000 K / temperature",
        ylabel="D / 1e-5 cm2/s",
        yscale="log",
    )
    axis.legend()
output = snakemake.output
write_dynamic(output.table, output.figure, tables, figure)
