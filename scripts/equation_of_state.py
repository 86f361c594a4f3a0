"""Equation of state of each element: the potential beside pw.x, on the seeds."""

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

from smallcell.engine import MTPCalculator
from smallcell.figures import write_figure
from smallcell.files import write_report, write_table
from smallcell.potential import read_potential_of
from smallcell.progress import log_to, tell
from smallcell.properties import comparison
from smallcell.training import read_structures
from smallcell.validation import energies_per_atom, equilibrium, strained_crystals_of

log_to(snakemake.log[0])
lattices = snakemake.params.lattices
potential = read_potential_of(snakemake.input.potential, list(lattices))
seeds = read_structures(snakemake.input.seeds)
figure, axes = plt.subplots(1, len(lattices), figsize=(5 * len(lattices), 3.6), squeeze=False)
report, tables = {}, []
for axis, (symbol, element) in zip(axes[0], lattices.items(), strict=True):
    crystals = strained_crystals_of(symbol, seeds)
    volumes, energies = energies_per_atom(crystals)
    constant_dft, modulus_dft = equilibrium(crystals, element)
    for atoms in crystals:
        atoms.calc = MTPCalculator(potential)
    _, learned = energies_per_atom(crystals)
    try:
        constant, modulus = equilibrium(crystals, element)
    except (ValueError, RuntimeError) as error:  # The latter where ASE's fit does not converge.
        tell(f"{symbol} by the potential: {error}")
        constant = modulus = None
    report[symbol] = {
        "lattice_constant_dft": constant_dft,
        "lattice_constant": constant,
        "bulk_modulus_dft": modulus_dft,
        "bulk_modulus": modulus,
    }
    tables.append(
        comparison(
            "equation_of_state",
            symbol,
            {("a0", "A"): constant or np.nan, ("B", "GPa"): modulus or np.nan},
            {("a0", "A"): constant_dft, ("B", "GPa"): modulus_dft},
            snakemake.params.published,
        )
    )
    axis.plot(volumes, 1000 * (energies - energies.min()), "o", label="pw.x")
    axis.plot(volumes, 1000 * (learned - learned.min()), "-", label="potential")
    axis.set(
        title=f"{symbol} {element['lattice']}",
        xlabel="volume of an atom / Å³",
        ylabel="energy of an atom / meV",
    )
    axis.legend()
figure.tight_layout()
write_figure(snakemake.output.figure, figure)
write_table(snakemake.output.table, pd.concat(tables))
write_report(snakemake.output.report, report)
