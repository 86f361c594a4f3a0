"""Radial distribution function of each element's liquid."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.dynamic import structure
from smallcell.dynamic_table import dynamic_table, write_dynamic
from smallcell.files import read_reports
from smallcell.progress import log_to

log_to(snakemake.log[0])
reports = read_reports(snakemake.input)
elements = snakemake.params.elements
figure, axes = plt.subplots(1, len(elements), figsize=(6 * len(elements), 4), squeeze=False)
tables = []
for axis, symbol in zip(axes[0], elements, strict=True):
    of_element = [report for report in reports if report["element"] == symbol]
    found = structure(of_element)
    tables.append(dynamic_table("structure", symbol, found, snakemake.params.published))
    for report in of_element:
        label = f"{report['asked']['temperature']:g} K"
        axis.plot(report["distances"], report["distribution"], label=label)
    axis.axhline(1, color="grey", linewidth=0.5)
    axis.set(title=f"liquid {symbol}", xlabel="distance / A", ylabel="g(r)")
    axis.legend()
output = snakemake.output
write_dynamic(output.table, output.figure, tables, figure)
