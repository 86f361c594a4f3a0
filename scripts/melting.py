"""Melting point and heat of fusion of each element, and the runs that they come from."""

import matplotlib
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.dynamic import melting
from smallcell.dynamic_table import dynamic_table, write_dynamic
from smallcell.files import read_reports
from smallcell.progress import log_to

log_to(snakemake.log[0])
runs, phases = read_reports(snakemake.input.runs), read_reports(snakemake.input.phases)
elements = snakemake.params.elements
figure, axes = plt.subplots(
    2, len(elements), figsize=(6 * len(elements), 5), sharex="col", squeeze=False
)
tables = []
for (temperature_axis, share_axis), symbol in zip(axes.T, elements, strict=True):
    of_element = [run for run in runs if run["element"] == symbol]
    states = {one["asked"]["state"]: one for one in phases if one["element"] == symbol}
    found = melting(of_element, states)
    table = dynamic_table("melting", symbol, found, snakemake.params.published)
    tables.append(table)
    for run in of_element:
        course = run["course"]
        temperature_axis.plot(course["time"], course["temperature"])
        share_axis.plot(course["time"], course["solid"])
    point = table.iloc[0]
    for value, style, label in (
        (point["potential"], "-", "potential"),
        (point["experiment"], "--", "experiment"),
    ):
        if pd.notna(value):
            temperature_axis.axhline(value, color="black", linestyle=style, label=label)
    temperature_axis.set(title=symbol, ylabel="temperature / K")
    share_axis.set(xlabel="time / ps", ylabel="solid share", ylim=(0, 1))
    if temperature_axis.get_legend_handles_labels()[0]:
        temperature_axis.legend()
output = snakemake.output
write_dynamic(output.table, output.figure, tables, figure)
