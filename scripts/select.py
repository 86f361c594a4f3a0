"""Select, among all frames of a round, those that extend the training set the most."""

import json
from pathlib import Path

import numpy as np

from smallcell.candidates import gather
from smallcell.cost import expected_cost
from smallcell.labels import crystal_calculation
from smallcell.potential import read_potential
from smallcell.progress import log_to
from smallcell.selection import grades, select
from smallcell.training import read_structures, write_structures
from smallcell.verdict import check_walks

log_to(snakemake.log[0])
settings, dft = snakemake.params.selection, snakemake.params.dft
potential = read_potential(snakemake.input.potential)
candidates = gather(potential, map(read_structures, snakemake.input.frames), settings["tolerance"])
costs = None
if settings["prefer"] == "cheapest":
    costs = np.array(
        [
            expected_cost(atoms, crystal_calculation(atoms, dft, snakemake.params.pseudopotentials))
            for atoms in candidates.structures
        ]
    )
numbers = select(
    potential.active_set,
    candidates.rows,
    snakemake.params.sampling["save_above"],
    settings["at_most"],
    candidates.owners,
    costs,
)
known = grades(candidates.rows, potential.active_set, candidates.owners)
selected = [candidates.structures[number] for number in numbers]
for atoms, grade in zip(selected, known[numbers], strict=True):
    atoms.info["grade"] = float(grade)
walks = [json.loads(Path(path).read_text()) for path in snakemake.input.walks]
check_walks([walk["fate"] for walk in walks], len(selected))
write_structures(snakemake.output[0], selected)
