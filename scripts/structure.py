"""Radial distribution functions of liquids, of mixtures by pairs of elements."""

from itertools import cycle

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
    for number, report in enumerate(of_element):
        label, colour = f"{report['asked']['temperature']:g} K", f"C{number}"
        # Reports from before there were mixtures have no partial ones.
        partial = report.get("partial", {})
        if not partial:
            axis.plot(report["distances"], report["distribution"], color=colour, label=label)
        # Neighbours of one element around the other are the same pairs as the other way round.
        pairs = {frozenset(pair.split("-")): pair for pair in partial}
        for pair, style in zip(pairs.values(), cycle(("-", "--", ":", "-."))):
            axis.plot(
                report["distances"],
                partial[pair]["distribution"],
                color=colour,
                linestyle=style,
                label=f"{pair}, {label}",
            )
    axis.axhline(1, color="grey", linewidth=0.5)
    axis.set(title=f"liquid {symbol}", xlabel="distance / A", ylabel="g(r)")
    axis.legend()
output = snakemake.output
write_dynamic(output.table, output.figure, tables, figure)
