"""At what lengths the compounds among the seeds are at rest; pw.x where no seed tells."""

from pathlib import Path

from smallcell.bowing import bowings, relaxed_edge
from smallcell.budget import price
from smallcell.canonical import canonical_form
from smallcell.files import read_reports, write_report
from smallcell.jobs import label_once, stored_label
from smallcell.labels import SUCCESSES, crystal_calculation
from smallcell.programs import read_program
from smallcell.progress import log_to, tell

log_to(snakemake.log[0])
params = snakemake.params
store = Path(params.labels["store"])
program = read_program(snakemake.input.program)
paid = []


def label(atoms):
    """Label a structure by pw.x, or look it up."""
    form = canonical_form(atoms).atoms()
    calculation = crystal_calculation(form, params.dft, params.pseudopotentials)
    report, labelled = label_once(form, calculation, program, params, snakemake.input.upf)
    paid.append(price(report))
    return labelled


compounds = {}
for report in read_reports(snakemake.input.labels):
    if "prototype" in report and report["fate"] in SUCCESSES:
        name = f"{report['prototype']} {report['formula']}"
        compounds.setdefault(name, []).append(stored_label(report, store))
edges, table = [], []
for name, labelled in compounds.items():
    if len(labelled) < 2:
        continue
    edge, labels = relaxed_edge(labelled, label)
    table.append({"compound": name, "edge": edge, "labels": labels})
    if edge is not None:
        edges.append((labelled[0], edge))
found = bowings(edges, params.elements)
for pair in found:
    tell(
        f"lengths of {'-'.join(pair['elements'])}: compounds up to {pair['departure']:+.1%} off "
        f"Vegard's law, walks start {'bent' if pair['bowing'] else 'by it'}"
    )
write_report(snakemake.output[0], {"pairs": found, "compounds": table, "core_seconds": sum(paid)})
