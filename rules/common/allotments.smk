# What a job is to have of a scheduler depends on its input. Snakemake asks once more when that is
# there; before, in a dry run, it cannot do with "to be determined". Jobs on this machine need no time.

import json
import math
import re
from functools import cache
from pathlib import Path

from smallcell.allotments import (
    label_group,
    label_minutes,
    label_seconds,
    more,
    numbers,
    walk_minutes,
)
from smallcell.cells import starts
from smallcell.cost import expected_cost
from smallcell.gate import gate_structures
from smallcell.labels import atom_calculation, isolated_atom
from smallcell.memory import job_megabytes
from smallcell.training import read_structures


@cache
def structures_of(path, modified):
    """Structures of a file as it was at a time."""
    return read_structures(path)


def label_input(wildcards, input):
    """The structures of a job of labels, each with its calculation."""
    path = Path(input.structures)
    structures = structures_of(path, path.stat().st_mtime_ns)
    own = json.loads(Path(input.settings).read_text()) if input.get("settings") else {}
    asked = numbers(wildcards.structure)
    if max(asked) >= len(structures):
        raise WorkflowError(
            f"{path} has {len(structures)} structures, and number {max(asked)} is to be labelled: "
            "another release has written it. Remove it to have it written anew; labels are in the store."
        )
    chosen = [structures[number] for number in asked]
    return [(atoms, calculation_of(atoms, own)) for atoms in chosen]


def foreseen_seconds(batch, labels):
    """How long labels will take one after the other, by what those of earlier batches took."""
    # Only of rounds is that known; their selection has noted it.
    noted = Path(RESULTS) / batch / "selection.json"
    rate = json.loads(noted.read_text()).get("rate", 0) if noted.exists() else 0
    expected = sum(expected_cost(atoms, calculation) for atoms, calculation in labels)
    return label_seconds(expected, rate, config["dft"]["cores"])


def label_memory(wildcards, input, attempt):
    """Memory for a job of labels: what pw.x will take for the largest structure."""
    if not all(Path(path).exists() for path in input):
        return 0
    most = max(
        job_megabytes(atoms, calculation, input.upf, config["dft"]["cores"])
        for atoms, calculation in label_input(wildcards, input)
    )
    return more(most, attempt)


def label_runtime(wildcards, input, attempt):
    """Minutes for a job of labels."""
    if workflow.local_exec or not all(Path(path).exists() for path in input):
        return LABEL_MINUTES
    labels = label_input(wildcards, input)
    limit = config["dft"]["time_limit"] * len(labels)
    return label_minutes(foreseen_seconds(wildcards.batch, labels), limit, attempt)


def learning_group(wildcards):
    """Fit and ensemble of a batch share a job of a cluster.

    Snakemake would make one job of the last round's and the audit's too, which it has in mind at the
    same time, if they had the same name; but the audit itself lies between them.
    """
    return "learning_from_audit" if wildcards.batch == "audit" else "learning"


def group_of_labels(wildcards):
    """Labels that take seconds or a few minutes share a job of a cluster, the others have one each."""
    return None if workflow.local_exec else group_of(wildcards.batch, wildcards.structure)


@cache
def group_of(batch, structure):
    """Group of a job of labels. Snakemake asks many times, and the answer must always be the same.

    No group may be at work when a checkpoint is done, since Snakemake 9.27 might submit it again.
    While the labels of seeds, gate or a round are computed no checkpoint is; of others one may.
    """
    if batch == "seeds":
        structures = structures_of_seeds()
    elif batch == "gate":
        structures = gate_structures(config["elements"], GATE_CELLS, config["gate"]["atoms"])
    elif re.fullmatch(BATCH, batch) and batch != "audit":
        path = Path(RESULTS) / batch / "structures.extxyz"
        structures = structures_of(path, path.stat().st_mtime_ns)
    else:
        return None
    chosen = [structures[number] for number in numbers(structure)]
    labels = [(atoms, calculation_of(atoms, {})) for atoms in chosen]
    return label_group(foreseen_seconds(batch, labels), batch)


def atom_memory(wildcards, input, attempt):
    """Memory for an isolated atom."""
    if not all(Path(path).exists() for path in input):
        return 0
    atoms = isolated_atom(wildcards.element, config["dft"]["atom_box"])
    calculation = atom_calculation(wildcards.element, config["dft"], PSEUDOPOTENTIAL_HASHES)
    return more(job_megabytes(atoms, calculation, input.upf, config["dft"]["cores"]), attempt)


def walk_runtime(wildcards, attempt):
    """Minutes for a walk."""
    drawn = sampling(wildcards)
    steps = 1000 * drawn["duration"] / drawn["timestep"]
    atoms = math.inf if workflow.local_exec else atoms_of_walk(wildcards.stage)
    return walk_minutes(atoms, steps, attempt)


@cache
def atoms_of_walk(stage):
    """Atoms in the largest cell that walkers of a stage start from."""
    return max(len(atoms) for atoms in starts(config["elements"][0], cells_of(stage)))
