"""Energy of an isolated atom: the configuration's own value, or pw.x in a large box."""

import json

from smallcell.canonical import canonical_form
from smallcell.files import written_whole
from smallcell.jobs import label_once
from smallcell.labels import SUCCESSES, atom_calculation, isolated_atom
from smallcell.programs import read_program
from smallcell.progress import log_to, tell

log_to(snakemake.log[0])
dft, symbol = snakemake.params.dft, snakemake.wildcards.element
energy = snakemake.params.energy
if energy is None:
    atoms = canonical_form(isolated_atom(symbol, dft["atom_box"])).atoms()
    calculation = atom_calculation(symbol, dft, snakemake.params.pseudopotentials)
    program = read_program(snakemake.input.program)
    report, labelled = label_once(
        atoms, calculation, program, snakemake.params, snakemake.input.upf
    )
    if report["fate"] not in SUCCESSES:
        raise SystemExit(f"the isolated {symbol} atom: {report['fate']}, {report['message']}")
    energy = labelled.get_potential_energy()
tell(f"isolated {symbol} atom: {energy:.4f} eV")
with written_whole(snakemake.output[0]) as part:
    part.write_text(json.dumps({"element": symbol, "energy": energy}))
