"""Heat and cool a large cell, and grade every atom on the way: what does the potential not know?"""

import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.audit import (
    audit_ramps,
    crystal_order,
    extrapolation,
    most_extrapolating,
    read_audit_frames,
    run_report,
    run_table,
)
from smallcell.figures import write_figure
from smallcell.files import write_report, write_table
from smallcell.potential import read_potential
from smallcell.progress import log_to, tell
from smallcell.sampling import provide
from smallcell.training import write_structures
from smallcell.validation import (
    TIMESTEP,
    large_crystal,
    run_large_cell,
    write_large_cell_run,
)
from smallcell.wall import read_wall

log_to(snakemake.log[0])
began = time.perf_counter()
settings, elements = snakemake.params.audit, snakemake.params.elements
rng = np.random.default_rng(snakemake.params.seed)
potential = read_potential(snakemake.input.potential)
start, repeats = large_crystal(elements, settings["atoms"], rng)
ramps = audit_ramps(snakemake.params.temperature, settings["duration"])
with tempfile.TemporaryDirectory(prefix="audit-") as name:
    folder = Path(name)
    provide(folder, Path(snakemake.input.potential))
    write_large_cell_run(
        folder,
        start,
        potential.species,
        ramps,
        read_wall(snakemake.input.wall),
        int(rng.integers(1, 2**31)),
        settings["pressure"],
        frames=True,
    )
    outcome, records = run_large_cell(folder, start, ramps)
    frames = read_audit_frames(folder / "frames.dump", potential.species, records)
found = extrapolation(potential, frames)
order = crystal_order(frames, elements[0]["lattice"], repeats)
table = run_table(records, frames, found.grades, order, TIMESTEP)
report = {
    "temperature": snakemake.params.temperature,
    **run_report(outcome, table, found.grades),
    "seconds": time.perf_counter() - began,
}

chosen = most_extrapolating(found.rows, potential.active_set, settings["cut_outs"])
centred = []
for number, atom in found.candidates[chosen]:
    frame = frames[number].copy()
    frame.info |= {
        "centre": int(atom),
        "grade": float(found.grades[number, atom]),
        "temperature": float(table["temperature K"][number]),
    }
    centred.append(frame)

figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
(temperature_axis, order_axis), (grade_axis, histogram_axis) = axes
temperature_axis.plot(table["time ps"], table["temperature K"])
temperature_axis.set(xlabel="time / ps", ylabel="temperature / K")
order_axis.plot(table["time ps"], table["order"])
order_axis.set(xlabel="time / ps", ylabel="order of the crystal", ylim=(0, 1.05))
for column in table.columns[table.columns.str.contains("grade")]:
    label = "frame" if column == "grade" else column
    grade_axis.plot(table["time ps"], table[column], label=label)
grade_axis.set(xlabel="time / ps", ylabel="grade", yscale="log")
grade_axis.legend(fontsize="small")
bins = np.geomspace(found.grades.min(), found.grades.max(), 60)
for state in ("crystal", "disordered"):
    of_state = found.grades[(table["state"] == state).to_numpy()]
    if of_state.size:
        histogram_axis.hist(of_state.ravel(), bins, histtype="step", label=state, density=True)
histogram_axis.set(xlabel="grade of an atom", ylabel="density", xscale="log", yscale="log")
histogram_axis.legend()

write_structures(snakemake.output.frames, centred)
write_table(snakemake.output.records, table)
write_figure(snakemake.output.figure, figure)
write_report(snakemake.output.report, report)
tell(f"audit: {outcome.atoms} atoms, {'survived' if outcome.survived else outcome.message}")
