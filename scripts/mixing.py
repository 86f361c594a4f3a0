"""Enthalpy and volume of mixing of liquids, with what is published."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.dynamic import mixing
from smallcell.dynamic_table import dynamic_table, temperature_of, write_dynamic
from smallcell.files import read_reports
from smallcell.progress import log_to

log_to(snakemake.log[0])
reports = read_reports(snakemake.input)
mixtures = snakemake.params.mixtures
alone = {
    symbol: [report for report in reports if report["element"] == symbol]
    for symbol in snakemake.params.elements
}
tables = []
for name in mixtures:
    found = mixing([one for one in reports if one["element"] == name], alone)
    tables.append(dynamic_table("mixing", name, found, snakemake.params.published))
quantities = ("enthalpy of mixing", "volume of mixing")
figure, axes = plt.subplots(1, len(quantities), figsize=(12, 4))
for axis, quantity in zip(axes, quantities, strict=True):
    for number, (name, table) in enumerate(zip(mixtures, tables, strict=True)):
        rows = table[table["quantity"].str.startswith(quantity)]
        places, colour = rows["quantity"].map(temperature_of), f"C{number}"
        axis.errorbar(
            places, rows["potential"], rows["uncertainty"], fmt="o", color=colour, label=name
        )
        axis.plot(places, rows["experiment"], "x", color=colour)
    axis.axhline(0, color="grey", linewidth=0.5)
    axis.set(xlabel="temperature / K", ylabel=f"{quantity} / {rows['unit'].iloc[0]}")
axes[0].legend()
write_dynamic(snakemake.output.table, snakemake.output.figure, tables, figure)
