"""What the rules share: the configuration, checked, and the order of rounds."""

import json
import os
import re
import sys
import time
from functools import cache
from math import ceil
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.utils import validate

# Scripts import the library in whatever environment they run; one thread a job makes results the
# same to the bit and leaves the cores to other jobs.
sys.path.insert(0, str(workflow.basedir))
os.environ.update(PYTHONPATH=str(workflow.basedir), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from smallcell.basis import LEVELS
from smallcell.cells import LATTICES
from smallcell.choice import Outcome
from smallcell.configuration import cores_faults, machine_faults, meaning_faults, schema_faults
from smallcell.convergence import combined_name, convergence_structures, points
from smallcell.gate import gate_structures
from smallcell.labels import atom_calculation, crystal_calculation, isolated_atom
from smallcell.ladder import LONGEST
from smallcell.leverage import least_known_walkers
from smallcell.memory import MEGABYTE, free_memory, job_megabytes
from smallcell.overhead import overhead
from smallcell.presets import preset_faults, with_preset
from smallcell.properties import properties
from smallcell.pseudopotentials import source_hash
from smallcell.references import BOXES
from smallcell.seeds import seeds
from smallcell.training import read_structures


def refuse(faults):
    """End with one line a fault, before any job."""
    if faults:
        raise WorkflowError("\n".join(faults))


PRESETS = load_configfile(str(Path(workflow.basedir) / "config/presets.yaml"))
refuse(preset_faults(config, PRESETS))
config.update(with_preset(config, PRESETS))

SCHEMA = str(Path(workflow.basedir) / "config/schemas/config.schema.yaml")
refuse(schema_faults(config, load_configfile(SCHEMA)))
validate(config, schema=SCHEMA)
refuse(meaning_faults(config, LEVELS))
# What a preset stands for decides a label, not its name: giving the same keys repeats nothing.
config["dft"].pop("preset", None)

RESULTS = f"results/{config['run']}"
ELEMENTS = {element["symbol"]: element for element in config["elements"]}
LATTICE_OF = {
    symbol: {key: element[key] for key in ("symbol", "lattice", "lattice_constant")}
    for symbol, element in ELEMENTS.items()
}
STAGES = {stage["name"]: stage for stage in config["stages"]}
AUDIT = config["audit"] or {"cut_outs": 0, "add": False}
PSEUDOPOTENTIAL_HASHES = {symbol: source_hash(ELEMENTS[symbol]) for symbol in ELEMENTS}
# Of `dft`, what decides a label and its cost, not how it is run.
DECISIVE = ("ecutwfc", "ecutrho", "smearing", "degauss", "k_spacing", "conv_thr")
LABEL_MINUTES = ceil(LONGEST * config["dft"]["time_limit"] / 60) + 5
BATCH = rf"seeds|audit|(?:{'|'.join(STAGES)})/\d{{3}}"
PROPERTIES = properties(config["seed"])
PUBLISHED = load_configfile(str(Path(workflow.basedir) / "config/references.yaml"))
DISPERSION = "phonons" in config["validation"]["properties"]
DYNAMIC = config["validation"]["dynamic"]
DYNAMICS = config["validation"]["dynamics"]
BEGAN = time.time()

# Jobs that Snakemake starts on this machine wait for memory as they wait for cores.
if workflow.is_main_process and workflow.local_exec and "mem_mb" not in workflow.global_resources:
    workflow.register_resource("mem_mb", int(free_memory(os.environ) / MEGABYTE))


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",


wildcard_constraints:
    element="|".join(ELEMENTS),
    stage="|".join(STAGES),
    round=r"\d{3}",
    batch=BATCH,
    walker=r"\d+",
    structure=r"\d+",


def sampling(wildcards):
    """Sampling of a stage: its own values, those of `sampling` otherwise."""
    stage = STAGES[wildcards.stage]
    return {key: stage.get(key, value) for key, value in config["sampling"].items()}


def walkers(stage):
    return range(STAGES[stage].get("walkers", config["sampling"]["walkers"]))


def of_walkers(ending):
    """Input function: a file of each walker of a round."""
    return lambda wildcards: [
        f"{RESULTS}/{wildcards.stage}/{wildcards.round}/walkers/{walker}{ending}"
        for walker in walkers(wildcards.stage)
    ]


def cells_of(stage):
    """What a stage says of its cells."""
    return {key: STAGES[stage][key] for key in ("cell", "unit", "cells") if key in STAGES[stage]}


def structure_files(stage):
    """Files that a stage's cells are made from; what they hold counts, not their names alone."""
    lattices = STAGES[stage].get("cells", {}).get("lattices", [])
    return [lattice for lattice in lattices if lattice not in LATTICES]


# Cells that the gate compares; the seeds' take part as if they were a stage.
GATE_CELLS = {
    "seeds": {"unit": config["seeds"]["unit"], "cell": [1, 1, 1]},
    **{stage: cells_of(stage) for stage in STAGES},
}


# A batch is what is labelled together: the seeds, the structures that a round selected, or what the
# audit cut out. The batches are a chain: each adds to the training set of the one before and refits
# its potential; the audit's may be left at comparing.


def selection(stage, name):
    """Report of a round's selection; Snakemake comes back to this line when it is known."""
    return json.loads(
        Path(checkpoints.select.get(stage=stage, round=name).output.report).read_text()
    )


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


def members_before(wildcards):
    """Input function: the ensemble of the batch before."""
    return [
        before(f"members/{member}.mtp")(wildcards) for member in range(config["fit"]["members"])
    ]


def gate_labels():
    """Reports of the gate's labels, none without a gate."""
    if not config["gate"]:
        return []
    structures = gate_structures(config["elements"], GATE_CELLS, config["gate"]["atoms"])
    return expand("<results>/gate/labels/{structure}.json", structure=range(len(structures)))


def property_structures(wildcards):
    """Input function: what pw.x is asked for a static property, nothing if it is not asked."""
    asked = wildcards.property in config["validation"]["dft"]
    return [f"{RESULTS}/validation/{wildcards.property}/structures.extxyz"] if asked else []


def property_labels(wildcards):
    """Input function: reports of the labels of a static property, none if they are not asked for."""
    if wildcards.property not in config["validation"]["dft"]:
        return []
    return [
        f"{RESULTS}/validation/{wildcards.property}/labels/{structure}.json"
        for structure in range(number_of_structures(wildcards.property))
    ]


@cache
def number_of_structures(name):
    """How many structures a static property has; no lattice constant changes that."""
    return sum(len(PROPERTIES[name].structures(element)) for element in LATTICE_OF.values())


def thermal_reports(states):
    """Reports of runs at constant pressure, at the temperatures that each state is asked for."""
    return [
        f"{RESULTS}/validation/thermal/{element}/{state}-{temperature:g}.json"
        for element in ELEMENTS
        for state in states
        for temperature in DYNAMICS[state]
    ]


def liquid_reports():
    """Reports of runs of the liquid in its own volume."""
    return [
        f"{RESULTS}/validation/liquid/{element}/{temperature:g}.json"
        for element in ELEMENTS
        for temperature in DYNAMICS["liquid"]
    ]


def least_known(wildcards):
    """Input function: structures to start from, for those walkers that start from one."""
    if int(wildcards.walker) in least_known_walkers(sampling(wildcards)):
        return [f"{RESULTS}/{wildcards.stage}/{wildcards.round}/least_known.extxyz"]
    return []


def training_set_before(wildcards):
    """Input function: what a batch adds its labels to; the chain begins with what is imported."""
    if wildcards.batch == "seeds":
        return f"{RESULTS}/imports.extxyz" if config["imports"] else []
    return before("train.extxyz")(wildcards)


def potentials_of_walks(wildcards):
    """The potential that the walkers of each round walked with, by the round's name."""
    found = {}
    for name in rounds():
        stage, number = name.split("/")
        found[name] = f"{RESULTS}/{batch_before(stage, int(number))}/potential.mtp"
    return found


def learnt(file):
    """Input function: a file of the last batch of the rounds."""
    return lambda wildcards: f"{RESULTS}/{last_batch(rounds())}/{file}"


def final(file):
    """Input function: a file of the last batch of the campaign."""
    return f"{RESULTS}/audit/{file}" if AUDIT["add"] else learnt(file)


def labels(wildcards):
    """Reports of the labels of a batch."""
    batch = wildcards.get("batch") or f"{wildcards.stage}/{wildcards.round}"
    if batch == "seeds":
        number = len(seeds(config["elements"], config["seeds"]))
    elif batch == "audit":
        number = AUDIT["cut_outs"]
    else:
        chosen = selection(*batch.split("/"))
        number = chosen["training"] + chosen["held_out"]
    return [f"{RESULTS}/{batch}/labels/{structure}.json" for structure in range(number)]


def held_out_of_round(wildcards):
    """Input function: held-out structures, those of the round itself if it labels any."""
    if selection(wildcards.stage, wildcards.round)["training"]:
        return f"{RESULTS}/{wildcards.stage}/{wildcards.round}/held_out.extxyz"
    return before("held_out.extxyz")(wildcards)


def batch_files(wildcards):
    """For each batch, and a round that selected nothing, the reports that its row is made of."""
    new = {name: bool(chosen["training"]) for name, chosen in rounds().items()}
    found = {"seeds": True} | new | ({"audit": True} if AUDIT["cut_outs"] else {})
    return {name: files_of(name, new) for name, new in found.items()}


def files_of(batch, new):
    """Reports of a batch by kind; seeds and audit have no walks, what is not added has no fit."""
    stage, _, name = batch.partition("/")
    added = AUDIT["add"] if batch == "audit" else new
    here = f"{RESULTS}/{batch}"
    return {
        "verdict": [f"{here}/verdict.json"] if name else [],
        "walks": [f"{here}/walkers/{walker}.json" for walker in walkers(stage)] if name else [],
        "labels": labels({"batch": batch}) if new else [],
        "fit": [f"{here}/fit.json"] if added else [],
        "costs": [f"{here}/costs.json"] if added else [],
    }


def upf(elements):
    """Pseudopotentials of elements, none where labels come from the store alone."""
    found = elements if config["dft"]["command"] else []
    return expand("<results>/pseudopotentials/{element}.UPF", element=found)


# Memory to set aside for a job of pw.x (MB) depends on its input. Snakemake asks once more when that
# is there; before, in a dry run, it cannot do with "to be determined".


def label_memory(wildcards, input):
    """Memory for a label: what pw.x will take for the structure."""
    if not all(Path(path).exists() for path in input):
        return 0
    atoms = read_structures(input.structures)[int(wildcards.structure)]
    own = json.loads(Path(input.settings).read_text()) if "settings" in input.keys() else {}
    if "k_spacing" in atoms.info:
        own["k_spacing"] = atoms.info["k_spacing"]
    calculation = crystal_calculation(atoms, config["dft"] | own, PSEUDOPOTENTIAL_HASHES)
    return job_megabytes(atoms, calculation, input.upf, config["dft"]["cores"])


def atom_memory(wildcards, input):
    """Memory for an isolated atom."""
    if not all(Path(path).exists() for path in input):
        return 0
    atoms = isolated_atom(wildcards.element, config["dft"]["atom_box"])
    calculation = atom_calculation(wildcards.element, config["dft"], PSEUDOPOTENTIAL_HASHES)
    return job_megabytes(atoms, calculation, input.upf, config["dft"]["cores"])


def convergence_labels(names):
    """Reports of the labels of all structures at some points."""
    structures = convergence_structures(
        config["elements"], config["convergence"]["atoms"], config["seed"]
    )
    return expand(
        "<results>/convergence/{point}/labels/{structure}.json",
        point=names,
        structure=range(len(structures)),
    )


def check_machine():
    # With environments from conda each rule brings its own programs.
    if not workflow.deployment_settings.deployment_method:
        refuse(machine_faults(config))
    if workflow.local_exec:
        refuse(cores_faults(config, workflow.cores))


def print_summary():
    summary = Path(RESULTS) / "summary.txt"
    if summary.exists():
        print(summary.read_text(), end="")
        # Of jobs that ran elsewhere Snakemake does not know here when they began.
        if workflow.executor_plugin.common_settings.local_exec:
            print(f"  workflow    {overhead(Path('.snakemake'), BEGAN, time.time())}")
