# A batch is what is labelled together: the seeds, the structures that a round selected, or what the
# audit cut out. The batches are a chain: each adds to the training set of the one before and refits
# its potential; the audit's may be left at comparing.

import json
from functools import cache
from pathlib import Path

from smallcell.allotments import spans
from smallcell.choice import Outcome
from smallcell.cost import expected_cost
from smallcell.labels import crystal_calculation, settings_for
from smallcell.seeds import seeds

# Selections that Snakemake knows to be done, which they stay as long as it runs.
KNOWN = set()


def selection(stage, name):
    """Report of a round's selection; Snakemake comes back to this line when it is known."""
    path = Path(RESULTS) / stage / name / "selection.json"
    done_before()
    if path not in KNOWN:
        checkpoints.select.get(stage=stage, round=name)
        KNOWN.add(path)
    return selection_of(path, path.stat().st_mtime_ns)


@cache
def selection_of(path, modified):
    """Report of a selection as it was at a time."""
    return json.loads(path.read_text())


def rounds_of(stage):
    """Selections of a stage's rounds, the last one that with nothing to learn from."""
    found = {}
    for number in range(STAGES[stage]["rounds"]):
        name = f"{number:03d}"
        found[f"{stage}/{name}"] = selection(stage, name)
        if not found[f"{stage}/{name}"]["training"]:
            break
    return found


def rounds(stages=STAGES):
    """Selections of the rounds of stages, strictly in order, up to where the budget ends."""
    found = {}
    for stage in stages:
        found |= rounds_of(stage)
        if found and list(found.values())[-1]["outcome"] == Outcome.BUDGET:
            break
    return found


def last_batch(rounds_before):
    """The batch whose potential stands after these rounds."""
    learnt = [name for name, chosen in rounds_before.items() if chosen["training"]]
    return learnt[-1] if learnt else "seeds"


def batch_before(stage, number):
    """The batch whose potential and training set a round starts from."""
    if number:
        return f"{stage}/{number - 1:03d}"
    return last_batch(rounds(list(STAGES)[: list(STAGES).index(stage)]))


def before(file):
    """Input function: a file of the batch before, nothing for the seeds."""

    def path(wildcards):
        if wildcards.get("batch") == "seeds":
            return []
        if wildcards.get("batch") == "audit":
            return learnt(file)(wildcards)
        stage, number = (wildcards.get("batch") or f"{wildcards.stage}/{wildcards.round}").split(
            "/"
        )
        return f"{RESULTS}/{batch_before(stage, int(number))}/{file}"

    return path


def learnt(file):
    """Input function: a file of the last batch of the rounds."""
    return lambda wildcards: f"{RESULTS}/{last_batch(rounds())}/{file}"


def final(file):
    """Input function: a file of the last batch of the campaign."""
    return f"{RESULTS}/audit/{file}" if AUDIT["add"] else learnt(file)


def learnt_batches(wildcards):
    """The batches that potentials were fitted to, in their order."""
    new = [name for name, chosen in rounds().items() if chosen["training"]]
    return ["seeds", *new, *(["audit"] if AUDIT["add"] else [])]


def of_learnt(file):
    """Input function: a file of each batch that a potential was fitted to."""
    return lambda wildcards: [f"{RESULTS}/{batch}/{file}" for batch in learnt_batches(wildcards)]


def labels(wildcards):
    """Reports of the labels of a batch."""
    batch = wildcards.get("batch") or f"{wildcards.stage}/{wildcards.round}"
    if batch == "seeds":
        structures = spans_of_seeds()
    elif batch == "audit":
        structures = range(AUDIT["cut_outs"])
    else:
        chosen = selection(*batch.split("/"))
        # Selections of earlier releases do not say, and had a job for each.
        structures = chosen.get("labels", range(chosen["training"] + chosen["held_out"]))
    return [f"{RESULTS}/{batch}/labels/{structure}.json" for structure in structures]


@cache
def structures_of_seeds():
    """The seeds, in their order."""
    return seeds(config["elements"], config["seeds"])


@cache
def spans_of_seeds():
    """The seeds as jobs share them."""
    return spans(expected_cost(atoms, calculation_of(atoms, {})) for atoms in structures_of_seeds())


def calculation_of(atoms, own):
    """The calculation of a structure, with settings that its batch has of its own."""
    settings = settings_for(atoms, config["dft"], own)
    return crystal_calculation(atoms, settings, PSEUDOPOTENTIAL_HASHES)


def upf(elements):
    """Pseudopotentials of elements, none where labels come from the store alone."""
    found = elements if config["dft"]["command"] else []
    return expand("<results>/pseudopotentials/{element}.UPF", element=found)
