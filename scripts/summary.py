"""Write the campaign's summary: a screen that a person reads."""

import json
from pathlib import Path

import pandas as pd

from smallcell.dynamic_table import dynamic_in_words
from smallcell.files import read_reports, written_whole
from smallcell.ledger import audit_in_words, summary
from smallcell.progress import log_to
from smallcell.properties import static_in_words


def audit_words() -> list[str]:
    """Lines about the audit, none if there was none."""
    if not snakemake.input.audit:
        return []
    (run,) = read_reports([snakemake.input.audit])
    table = pd.read_csv(snakemake.input.audit_table) if snakemake.input.audit_table else None
    again = read_reports([snakemake.input.audit_again]) if snakemake.input.audit_again else [None]
    return audit_in_words(run, table, *again)


log_to(snakemake.log[0])
proofs = []
for symbol, eos in json.loads(Path(snakemake.input.equation_of_state).read_text()).items():
    a, a_dft = eos["lattice_constant"], eos["lattice_constant_dft"]
    b, b_dft = eos["bulk_modulus"], eos["bulk_modulus_dft"]
    if a is None:
        proofs.append(
            f"a0 of {symbol:<4}  none: the potential's energy has no minimum where pw.x's has one, "
            f"at {a_dft:.3f} A"
        )
        continue
    proofs += [
        f"a0 of {symbol:<4}  {a:.3f} A, pw.x {a_dft:.3f} A ({a / a_dft - 1:+.2%})",
        f"B of {symbol:<5}  {b:.2f} GPa, pw.x {b_dft:.2f} GPa ({b / b_dft - 1:+.1%})",
    ]
static = pd.read_csv(snakemake.input.static)
# Lines of their own, above, tell of the equation of state.
words = static_in_words(static[static["property"] != "equation_of_state"])
for number, line in enumerate(words):
    proofs.append(f"{'' if number else 'properties':<11} {line}")
if snakemake.input.dynamic:
    for number, line in enumerate(dynamic_in_words(pd.read_csv(snakemake.input.dynamic))):
        proofs.append(f"{'' if number else 'dynamics':<11} {line}")
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
for number, words in enumerate(audit_words()):
    proofs.append(f"{'' if number else 'audit':<11} {words}")
imports = pd.read_csv(snakemake.input.imports) if snakemake.input.imports else None
text = summary(
    snakemake.params.run,
    pd.read_csv(snakemake.input.rounds),
    json.loads(Path(snakemake.input.fit).read_text()),
    json.loads(Path(snakemake.input.costs).read_text()),
    proofs,
    str(Path(snakemake.output[0]).parent),
    imports,
)
with written_whole(snakemake.output[0]) as part:
    part.write_text(text)
