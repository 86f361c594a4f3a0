"""Append the labels of a batch to the training set of the batch before."""

import json
from pathlib import Path

from smallcell.labels import SUCCESSES
from smallcell.progress import log_to
from smallcell.store import read_label
from smallcell.training import read_structures, relative_to_atoms, write_structures
from smallcell.verdict import check_failures

log_to(snakemake.log[0])
references = {
    reference["element"]: reference["energy"]
    for reference in (json.loads(Path(path).read_text()) for path in snakemake.input.references)
}
structures = read_structures(snakemake.input.before) if snakemake.input.before else []
fates = [json.loads(Path(path).read_text()) for path in snakemake.input.labels]
check_failures(fates, snakemake.params.labels["failed_share"])
for fate in fates:
    if fate["fate"] not in SUCCESSES:
        continue
    found = read_label(Path(snakemake.params.labels["store"]), fate["key"])
    if found is None:
        raise SystemExit(
            f"label {fate['key']} of {fate['batch']} has gone from the store or is damaged; "
            f"delete {snakemake.wildcards.batch}/labels in the results to have it made again"
        )
    labelled = relative_to_atoms(found.atoms, references)
    labelled.info["batch"] = fate["batch"]
    structures.append(labelled)
write_structures(snakemake.output[0], structures)
