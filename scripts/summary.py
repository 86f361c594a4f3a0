"""Write the campaign's summary: a screen that a person reads."""

import json
from pathlib import Path

import pandas as pd

from smallcell.files import written_whole
from smallcell.ledger import summary
from smallcell.progress import log_to

log_to(snakemake.log[0])
proofs = []
for symbol, eos in json.loads(Path(snakemake.input.equation_of_state).read_text()).items():
    a, a_dft = eos["lattice_constant"], eos["lattice_constant_dft"]
    b, b_dft = eos["bulk_modulus"], eos["bulk_modulus_dft"]
    proofs += [
        f"a0 of {symbol:<4}  {a:.3f} A, pw.x {a_dft:.3f} A ({a / a_dft - 1:+.2%})",
        f"B of {symbol:<5}  {b:.2f} GPa, pw.x {b_dft:.2f} GPa ({b / b_dft - 1:+.1%})",
    ]
large = json.loads(Path(snakemake.input.large_cell).read_text())
outcome = large["message"]
if large["survived"]:
    outcome = (
        f"held together, {large['mean_volume']:.1f} A^3/atom, "
        f"grade up to {large['highest_grade']:.1f}"
    )
proofs.append(
    f"large cell  {large['atoms']} atoms, {large['duration']:g} ps at "
    f"{large['temperature']:g} K: {outcome}"
)
imports = pd.read_csv(snakemake.input.imports) if snakemake.input.imports else None
text = summary(
    snakemake.params.run,
    pd.read_csv(snakemake.input.rounds),
    json.loads(Path(snakemake.input.fit).read_text()),
    proofs,
    str(Path(snakemake.output[0]).parent),
    imports,
)
with written_whole(snakemake.output[0]) as part:
    part.write_text(text)
