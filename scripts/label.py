"""Label a structure of a batch, or several; its fate is the result, whatever it is."""

import json
from pathlib import Path

from ase import Atoms

from smallcell.allotments import numbers
from smallcell.canonical import canonical_form
from smallcell.cost import expected_cost
from smallcell.files import write_report
from smallcell.jobs import label_once
from smallcell.labels import crystal_calculation, settings_for
from smallcell.programs import read_program
from smallcell.progress import log_to, tell
from smallcell.training import ORIGIN, read_structures

log_to(snakemake.log[0])
asked = numbers(snakemake.wildcards.structure)
structures = read_structures(snakemake.input.structures, asked)
program = read_program(snakemake.input.program)
path = snakemake.input.get("settings")
own = json.loads(Path(path).read_text()) if path else {}


def label(number: int, selected: Atoms) -> dict:
    """Label a structure of the batch and say what became of it."""
    origin = {name: selected.info[name] for name in ORIGIN if name in selected.info}
    atoms = canonical_form(selected).atoms()
    settings = settings_for(selected, snakemake.params.dft, own)
    calculation = crystal_calculation(atoms, settings, snakemake.params.pseudopotentials)
    report, _ = label_once(atoms, calculation, program, snakemake.params, snakemake.input.upf)
    identity = {
        "batch": snakemake.wildcards.batch,
        "structure": number,
        "formula": atoms.get_chemical_formula(),
        "atoms": len(atoms),
        "expected_cost": expected_cost(atoms, calculation),
    }
    tell(
        f"{identity['batch']}: structure {number}, {identity['formula']}: {report['fate']}"
        f"{report['message'] and ', ' + report['message']} ({report['core_seconds']:.0f} core-s)"
    )
    return identity | origin | report


reports = [label(*one) for one in zip(asked, structures, strict=True)]
write_report(snakemake.output[0], reports if len(reports) > 1 else reports[0])
