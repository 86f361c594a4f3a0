"""What the rules share: the configuration, checked, and the order of rounds."""

import json
import os
import re
import sys
import time
from math import ceil
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.utils import validate

# Scripts import the library in whatever environment they run; one thread a job makes results the
# same to the bit and leaves the cores to other jobs.
sys.path.insert(0, str(workflow.basedir))
os.environ.update(PYTHONPATH=str(workflow.basedir), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from smallcell.basis import LEVELS
from smallcell.configuration import cores_faults, machine_faults, meaning_faults, schema_faults
from smallcell.convergence import combined_name, convergence_structures, points
from smallcell.gate import gate_structures
from smallcell.labels import atom_calculation, crystal_calculation, isolated_atom
from smallcell.ladder import LONGEST
from smallcell.memory import MEGABYTE, free_memory, job_megabytes
from smallcell.overhead import overhead
from smallcell.presets import preset_faults, with_preset
from smallcell.pseudopotentials import source_hash
from smallcell.references import BOXES
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
STAGES = {stage["name"]: stage for stage in config["stages"]}
AUDIT = config["audit"] or {"cut_outs": 0, "add": False}
PSEUDOPOTENTIAL_HASHES = {symbol: source_hash(ELEMENTS[symbol]) for symbol in ELEMENTS}
LABEL_MINUTES = ceil(LONGEST * config["dft"]["time_limit"] / 60) + 5
BATCH = rf"seeds|audit|(?:{'|'.join(STAGES)})/\d{{3}}"
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


# A batch is what is labelled together: the seeds, the structures that a round selected, or what the
# audit cut out. The batches are a chain: each adds to the training set of the one before and refits
# its potential; the audit's may be left at comparing.


def selected(stage, name):
    """How many structures a round selected; Snakemake comes back to this line when it is known."""
    found = Path(checkpoints.select.get(stage=stage, round=name).output[0])
    return found.read_text().count("Lattice=")


def rounds_of(stage):
    """Rounds of a stage and whether each found something new. Asks strictly in order."""
    found = {}
    for number in range(STAGES[stage]["rounds"]):
        name = f"{number:03d}"
        found[f"{stage}/{name}"] = selected(stage, name) > 0
        if not found[f"{stage}/{name}"]:
            break
    return found


def rounds():
    """Rounds of all stages, as `rounds_of`, the earliest stage first: do not reorder."""
    return {name: new for stage in STAGES for name, new in rounds_of(stage).items()}


def last_batch(rounds_before):
    """The batch whose potential stands after these rounds."""
    return next((name for name, new in reversed(rounds_before.items()) if new), "seeds")


def batch_before(stage, number):
    """The batch whose potential and training set a round starts from."""
    if number:
        return f"{stage}/{number - 1:03d}"
    before = list(STAGES)[: list(STAGES).index(stage)]
    return last_batch({n: new for s in before for n, new in rounds_of(s).items()})


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


def training_set_before(wildcards):
    """Input function: what a batch adds its labels to; the chain begins with what is imported."""
    if wildcards.batch == "seeds":
        return f"{RESULTS}/imports.extxyz" if config["imports"] else []
    return before("train.extxyz")(wildcards)


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
        number = config["seeds"]["number"] * len(ELEMENTS)
    elif batch == "audit":
        number = AUDIT["cut_outs"]
    else:
        number = selected(*batch.split("/"))
    return [f"{RESULTS}/{batch}/labels/{structure}.json" for structure in range(number)]


def batch_files(wildcards):
    """For each batch, and a round that selected nothing, the reports that its row is made of."""
    found = {"seeds": True} | rounds() | ({"audit": True} if AUDIT["cut_outs"] else {})
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
