"""Density of each element against temperature, with what is published."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.dynamic import density
from smallcell.dynamic_table import dynamic_table, temperature_of, write_dynamic
from smallcell.files import read_reports
from smallcell.progress import log_to

log_to(snakemake.log[0])
reports = read_reports(snakemake.input)
elements = snakemake.params.elements
figure, axes = plt.subplots(1, len(elements), figsize=(6 * len(elements), 4), squeeze=False)
tables = []
for axis, symbol in zip(axes[0], elements, strict=True):
    found = density(symbol, [report for report in reports if report["element"] == symbol])
    table = dynamic_table("density", symbol, found, snakemake.params.published)
    tables.append(table)
    rows = table[table["unit"] == "kg/m3"]
    places = rows["quantity"].map(temperature_of)
    for state, colour in (("solid", "C0"), ("liquid", "C3")):
        of_state = rows["quantity"].str.startswith(state)
        values, errors = rows.loc[of_state, "potential"], rows.loc[of_state, "uncertainty"]
        axis.errorbar(places[of_state], values, errors, fmt="o-", color=colour, label=state)
    axis.plot(places, rows["experiment"], "x", color="black", label="experiment")
    axis.set(title=symbol, xlabel="temperature / K", ylabel="density / kg/m3")
    axis.legend()
output = snakemake.output
write_dynamic(output.table, output.figure, tables, figure)
