"""Equation of state of each element: the potential beside pw.x, on the seeds."""

import json

import matplotlib
import numpy as np

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.cells import atom_volume
from smallcell.engine import MTPCalculator
from smallcell.files import written_whole
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.training import read_structures
from smallcell.validation import energies_per_atom, fit_equation_of_state

log_to(snakemake.log[0])
potential = read_potential(snakemake.input.potential)
# Strained crystals alone: the training set has what is imported and other seeds besides.
seeds = [atoms for atoms in read_structures(snakemake.input.seeds) if "strain" in atoms.info]
figure, axes = plt.subplots(
    1, len(potential.species), figsize=(5 * len(potential.species), 3.6), squeeze=False
)
report = {}
for axis, symbol in zip(axes[0], potential.species, strict=True):
    crystals = [atoms for atoms in seeds if set(atoms.symbols) == {symbol}]
    volumes, energies = energies_per_atom(crystals)
    for atoms in crystals:
        atoms.calc = MTPCalculator(potential)
    _, learned = energies_per_atom(crystals)
    dft = fit_equation_of_state(volumes, energies)
    try:
        mtp = fit_equation_of_state(volumes, learned)
    except ValueError:
        # That a potential has no crystal is a finding, and no reason to hide all others.
        mtp = None
    element = snakemake.params.lattices[symbol]
    per_cell = element["lattice_constant"] ** 3 / atom_volume(element)
    report[symbol] = {
        "lattice_constant_dft": np.cbrt(per_cell * dft.volume),
        "lattice_constant": mtp and np.cbrt(per_cell * mtp.volume),
        "bulk_modulus_dft": dft.bulk_modulus,
        "bulk_modulus": mtp and mtp.bulk_modulus,
    }
    axis.plot(volumes, 1000 * (energies - energies.min()), "o", label="pw.x")
    axis.plot(volumes, 1000 * (learned - energies.min()), "-", label="potential")
    axis.set(
        title=f"{symbol} {element['lattice']}",
        xlabel="volume of an atom / Å³",
        ylabel="energy of an atom / meV",
    )
    axis.legend()
figure.tight_layout()
with written_whole(snakemake.output.figure) as part:
    figure.savefig(part, format="svg", metadata={"Date": None})
with written_whole(snakemake.output.report) as part:
    part.write_text(json.dumps(report, indent=1))
