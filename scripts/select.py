"""Select, among all frames of a round, those that extend the training set the most."""

import json
from pathlib import Path

from smallcell.engine import rows
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.selection import active_set, grades, select
from smallcell.training import read_structures, write_structures
from smallcell.verdict import check_walks

log_to(snakemake.log[0])
potential = read_potential(snakemake.input.potential)
training_rows = rows(potential, read_structures(snakemake.input.train))
frames = [frame for path in snakemake.input.frames for frame in read_structures(path)]
selected = []
if frames:
    candidate_rows = rows(potential, frames)
    known = grades(candidate_rows, active_set(training_rows))
    for number in select(
        training_rows,
        candidate_rows,
        snakemake.params.sampling["save_above"],
        snakemake.params.selection["at_most"],
    ):
        frames[number].info["grade"] = float(known[number])
        selected.append(frames[number])
walks = [json.loads(Path(path).read_text()) for path in snakemake.input.walks]
check_walks([walk["fate"] for walk in walks], len(selected))
write_structures(snakemake.output[0], selected)
