"""A static property of each element, or of the alloy, beside pw.x and published values."""

import json
from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path

import pandas as pd

from smallcell.engine import MTPCalculator
from smallcell.files import read_reports, write_table
from smallcell.labels import SUCCESSES
from smallcell.potential import read_potential_of
from smallcell.progress import log_to, tell
from smallcell.properties import (
    comparison,
    evaluated,
    labelled_structures,
    properties,
    subjects,
    values_by_potential,
)
from smallcell.training import read_structures
from smallcell.validation import own_constant

log_to(snakemake.log[0])
name = snakemake.wildcards.property
asked = properties(snakemake.params.seed)[name]
elements = list(snakemake.params.lattices)
calculator = MTPCalculator(read_potential_of(snakemake.input.potential, elements))
constants = json.loads(Path(snakemake.input.equation_of_state).read_text())
asked_of_dft = [atoms for file in snakemake.input.structures for atoms in read_structures(file)]
reports = read_reports(snakemake.input.labels)
for report in reports:
    if report["fate"] not in SUCCESSES:
        tell(f"{name}: nothing by pw.x, structure {report['structure']} {report['fate']}")
store = Path(snakemake.params.labels["store"])
references = read_reports(snakemake.input.references)


def crystals(constant: Callable[[Mapping], float]) -> list[Mapping]:
    """Take all elements, each with its lattice constant by the potential or by pw.x."""
    return [
        element | {"lattice_constant": constant(constants[symbol])}
        for symbol, element in snakemake.params.lattices.items()
    ]


tables = []
for own, by_pw in zip(
    subjects(asked, crystals(own_constant)),
    subjects(asked, crystals(itemgetter("lattice_constant_dft"))),
    strict=True,
):
    symbol = own["symbol"]
    by_potential = values_by_potential(asked, own, calculator)
    by_dft = {}
    structures, labelled = labelled_structures(symbol, asked_of_dft, reports, store, references)
    if labelled:
        by_dft = asked.values(by_pw, labelled)
        if asked.errors:
            by_potential |= asked.errors(evaluated(structures, calculator), labelled)
    tables.append(comparison(name, symbol, by_potential, by_dft, snakemake.params.published))
table = pd.concat(tables)
write_table(snakemake.output[0], table)
tell(f"{name}: {len(table)} values, {table['pw.x'].notna().sum()} of them by pw.x too")
