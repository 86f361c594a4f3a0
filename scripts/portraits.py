"""Pictures of the structures of the training set that were known least when they were met."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from ase.visualize.plot import plot_atoms

from smallcell.figures import write_figure
from smallcell.progress import log_to
from smallcell.training import read_structures

NUMBER = 4

log_to(snakemake.log[0])
met = [atoms for atoms in read_structures(snakemake.input[0]) if "grade" in atoms.info]
met.sort(key=lambda atoms: atoms.info["grade"], reverse=True)
figure, axes = plt.subplots(1, NUMBER, figsize=(3 * NUMBER, 3.4), layout="constrained")
for axis in axes:
    axis.set_axis_off()
    # Hundreds of circles and edges are a picture; titles, which lie above, remain text.
    axis.set_rasterization_zorder(2.5)
for axis, atoms in zip(axes, met[:NUMBER], strict=False):
    # A cell of two atoms shows its surroundings only in repeats.
    plot_atoms(atoms.repeat(2), axis, rotation="-80x,20y,5z", radii=0.4)
    axis.set_title(f"{atoms.info['batch']}\ngrade {atoms.info['grade']:.3g}")
write_figure(snakemake.output[0], figure, 100)
