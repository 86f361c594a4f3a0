"""What the rules share: the configuration, checked, and the order of rounds."""

import json
import math
import os
import re
import shlex
import sys
import time
from functools import cache
from pathlib import Path

import snakemake
from snakemake.common.configfile import load_configfile
from snakemake.utils import validate

# Scripts import the library in whatever environment they run; one thread a job makes results the
# same to the bit and leaves the cores to other jobs.
sys.path.insert(0, str(workflow.basedir))
os.environ.update(PYTHONPATH=str(workflow.basedir), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from smallcell.allotments import (
    LONG,
    label_minutes,
    label_seconds,
    more,
    numbers,
    spans,
    walk_minutes,
)
from smallcell.basis import LEVELS
from smallcell.cells import LATTICES, starts
from smallcell.choice import Outcome
from smallcell.configuration import (
    cores_faults,
    engine_faults,
    image_faults,
    interface_faults,
    machine_faults,
    meaning_faults,
    schema_faults,
)
from smallcell.convergence import combined_name, convergence_structures, points
from smallcell.cost import expected_cost
from smallcell.finite_basis import SHARES
from smallcell.gate import gate_structures
from smallcell.labels import atom_calculation, crystal_calculation, isolated_atom
from smallcell.leverage import least_known_walkers
from smallcell.memory import MEGABYTE, free_memory, job_megabytes
from smallcell.mixtures import mixture, shares_of
from smallcell.notes import drop_damaged
from smallcell.orphans import end_orphans, sign_in
from smallcell.overhead import overhead
from smallcell.presets import preset_faults, with_preset
from smallcell.programs import tied
from smallcell.properties import properties, subjects
from smallcell.pseudopotentials import source_hash
from smallcell.references import BOXES
from smallcell.report import page_files
from smallcell.results import mark
from smallcell.seals import damage, seal
from smallcell.seeds import seeds
from smallcell.settled import read_settled, write_settled
from smallcell.training import read_structures

# A job ends with the Snakemake that started it, however that ends: started anew, it would not know
# of jobs that still run. This takes one command a job, which is what a script is.
shell.prefix(f"set -euo pipefail; exec {shlex.join(tied([], 'KILL'))} ")


def refuse(faults):
    """End with one line a fault, before any job."""
    if faults:
        raise WorkflowError("\n".join(faults))


PRESETS = load_configfile(str(Path(workflow.basedir) / "config/presets.yaml"))
refuse(preset_faults(config, PRESETS))
config.update(with_preset(config, PRESETS))

SCHEMA = str(Path(workflow.basedir) / "config/schemas/config.schema.yaml")
refuse(schema_faults(config, load_configfile(SCHEMA)))
refuse(engine_faults(config))
validate(config, schema=SCHEMA)
refuse(meaning_faults(config, LEVELS))
# What a preset stands for decides a label, not its name: giving the same keys repeats nothing.
config["dft"].pop("preset", None)

MLIP = config["engine"] == "mlip"
RESULTS = f"results/{config['run']}"
ELEMENTS = {element["symbol"]: element for element in config["elements"]}
LATTICE_OF = {
    symbol: {key: element[key] for key in ("symbol", "lattice", "lattice_constant")}
    for symbol, element in ELEMENTS.items()
}
# Whether there are compounds among the seeds, which tell of Vegard's law.
MIXED = len(ELEMENTS) > 1 and bool(config["seeds"]["compounds"]["prototypes"])
STAGES = {stage["name"]: stage for stage in config["stages"]}
AUDIT = config["audit"] or {"cut_outs": 0, "add": False}
PSEUDOPOTENTIAL_HASHES = {symbol: source_hash(ELEMENTS[symbol]) for symbol in ELEMENTS}
# Of `dft`, what decides a label and its cost, not how it is run.
DECISIVE = ("ecutwfc", "ecutrho", "smearing", "degauss", "k_spacing", "conv_thr")
LABEL_MINUTES = label_minutes(math.inf, config["dft"]["time_limit"], attempt=1)
BATCH = rf"seeds|audit|(?:{'|'.join(STAGES)})/\d{{3}}"
PROPERTIES = properties(config["seed"])
PUBLISHED = load_configfile(str(Path(workflow.basedir) / "config/references.yaml"))
DISPERSION = "phonons" in config["validation"]["properties"]
HULL = "compounds" in config["validation"]["properties"]
DYNAMIC = config["validation"]["dynamic"]
DYNAMICS = config["validation"]["dynamics"]
ALLOYS = [mixture(shares_of(name), LATTICE_OF.values()) for name in DYNAMICS["mixtures"]]
MIXTURES = {alloy["symbol"]: alloy for alloy in ALLOYS}
# Elements and mixtures: what there are liquids of.
LIQUIDS = LATTICE_OF | MIXTURES
BEGAN = time.time()

# Jobs that Snakemake starts on this machine wait for memory as they wait for cores.
# Which executor there will be, Snakemake does not tell yet; on a cluster there is a number of jobs.
here = workflow.is_main_process and workflow.resource_settings.nodes is None
if here and "mem_mb" not in workflow.global_resources:
    workflow.register_resource("mem_mb", int(free_memory(os.environ) / MEGABYTE))


if workflow.is_main_process:
    # Before Snakemake looks at what is there; where nothing is to be done it starts nothing.
    refuse(damage(Path(RESULTS)))
    drop_damaged(Path(".snakemake/metadata"))


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",


# What labels are made relative to.
REFERENCES = expand("<results>/references/{element}.json", element=ELEMENTS)


wildcard_constraints:
    element="|".join(ELEMENTS),
    stage="|".join(STAGES),
    round=r"\d{3}",
    batch=BATCH,
    walker=r"\d+",
    baseline=r"\d+",
    structure=r"\d+(?:-\d+)?",


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


SETTLED = Path(".snakemake/settled") / f"{config['run']}.json"
IDENTITY = json.dumps([config, PSEUDOPOTENTIAL_HASHES, snakemake.__version__], sort_keys=True)


@cache
def done_before():
    """Have checkpoints taken for done that are as the last run left them (`smallcell.settled`)."""
    asked = workflow.dag_settings
    if asked.forceall or asked.forcerun or asked.forcetargets or not workflow.is_main_process:
        return set()
    done = set(read_settled(SETTLED, IDENTITY))
    workflow.checkpoints.created_output.update(done)
    return done


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


def members_before(wildcards):
    """Input function: the ensemble of the batch before."""
    return [
        before(f"members/{member}.mtp")(wildcards) for member in range(config["fit"]["members"])
    ]


def gate(wildcards):
    """Input function: that the gate has let the campaign begin counts, not when."""
    asked = wildcards.batch == "seeds" and config["gate"]
    return ancient(f"{RESULTS}/gate.txt") if asked else []


def gate_labels():
    """Reports of the gate's labels, none without a gate."""
    if not config["gate"]:
        return []
    structures = gate_structures(config["elements"], GATE_CELLS, config["gate"]["atoms"])
    return expand("<results>/gate/labels/{structure}.json", structure=range(len(structures)))


def property_references(wildcards):
    """Input function: what labels of a static property are relative to, if pw.x is asked for any."""
    asked = wildcards.property in config["validation"]["dft"]
    return REFERENCES if asked else []


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
    of_all = subjects(PROPERTIES[name], LATTICE_OF.values())
    return sum(len(PROPERTIES[name].structures(subject)) for subject in of_all)


def thermal_reports(states):
    """Reports of runs at constant pressure, at the temperatures that each state is asked for."""
    return [
        f"{RESULTS}/validation/thermal/{element}/{state}-{temperature:g}.json"
        for state in states
        for element in (LIQUIDS if state == "liquid" else ELEMENTS)
        for temperature in DYNAMICS[state]
    ]


def liquid_reports():
    """Reports of runs of the liquid in its own volume."""
    return [
        f"{RESULTS}/validation/liquid/{element}/{temperature:g}.json"
        for element in LIQUIDS
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
def spans_of_seeds():
    """The seeds as jobs share them."""
    structures = seeds(config["elements"], config["seeds"])
    return spans(expected_cost(atoms, calculation_of(atoms)) for atoms in structures)


def calculation_of(atoms, **own):
    """The calculation of a structure, with settings of its own if need be."""
    return crystal_calculation(atoms, config["dft"] | own, PSEUDOPOTENTIAL_HASHES)


def walks_of_rounds(wildcards):
    """Reports of the walkers of each round, by the round's name."""
    return {name: files_of(name, False)["walks"] for name in rounds()}


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


# What a job is to have of a scheduler depends on its input. Snakemake asks once more when that is
# there; before, in a dry run, it cannot do with "to be determined". Jobs on this machine need no time.


@cache
def structures_of(path, modified):
    """Structures of a file as it was at a time."""
    return read_structures(path)


def label_input(wildcards, input):
    """The structures of a job of labels, each with its calculation."""
    path = Path(input.structures)
    structures = structures_of(path, path.stat().st_mtime_ns)
    own = json.loads(Path(input.settings).read_text()) if input.get("settings") else {}
    found = []
    for number in numbers(wildcards.structure):
        atoms = structures[number]
        spacing = {key: atoms.info[key] for key in ("k_spacing",) if key in atoms.info}
        found.append((atoms, calculation_of(atoms, **(own | spacing))))
    return found


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


def label_group(wildcards):
    """Labels that take seconds share a job of a cluster, the others have one each."""
    return None if workflow.local_exec else group_of(wildcards.batch, wildcards.structure)


@cache
def group_of(batch, structure):
    """Group of a job of labels. Snakemake asks many times, and the answer must always be the same.

    No group may be at work when a checkpoint is done, since Snakemake 9.27 might submit it again.
    While the labels of seeds, gate or a round are computed no checkpoint is; of others one may.
    """
    if batch == "seeds":
        structures = seeds(config["elements"], config["seeds"])
    elif batch == "gate":
        structures = gate_structures(config["elements"], GATE_CELLS, config["gate"]["atoms"])
    elif re.fullmatch(BATCH, batch) and batch != "audit":
        path = Path(RESULTS) / batch / "structures.extxyz"
        structures = structures_of(path, path.stat().st_mtime_ns)
    else:
        return None
    chosen = [structures[number] for number in numbers(structure)]
    labels = [(atoms, calculation_of(atoms)) for atoms in chosen]
    # Those of the seeds wait for the gate's, and no group may wait for itself.
    name = "gate_labels" if batch == "gate" else "labels"
    return name if foreseen_seconds(batch, labels) < LONG else None


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


def check_settled():
    """End if rounds that were taken for done are to be done again, which nothing could tell of."""
    due = {str(file) for job in workflow.dag.needrun_jobs() for file in job.output}
    if due & done_before():
        SETTLED.unlink()
        refuse(["a round that was done is due again: give the same command once more"])


def note_settled():
    """Note what is up to date, if all that could be was looked at and done."""
    asked, jobs = workflow.dag_settings, list(workflow.dag.jobs)
    looked = {"mtime", "params", "input", "code"} <= {str(one) for one in asked.rerun_triggers}
    if not looked or asked.until or asked.omit_from or asked.batch:
        SETTLED.unlink(missing_ok=True)
        return
    made = {str(file) for job in jobs for file in job.output}
    read = {str(file) for job in jobs for file in job.input}
    code = [
        str(path)
        for part in ("Snakefile", "rules", "scripts", "smallcell", "config")
        for path in [Path(workflow.basedir) / part, *(Path(workflow.basedir) / part).rglob("*")]
        if path.suffix in ("", ".smk", ".py", ".yaml") and path.is_file()
    ]
    done = {str(file) for job in jobs if job.is_checkpoint for file in job.output}
    write_settled(SETTLED, done, made, {*read - made, *code}, IDENTITY, int(BEGAN * 1e9))


def check_machine():
    # With environments from conda or an image each rule brings its own programs.
    if not workflow.deployment_settings.deployment_method:
        refuse(machine_faults(config))
    elif DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:
        refuse(image_faults(IMAGE, config))
    else:
        refuse(interface_faults(config))
    # On a cluster that is the most that a job may have, if there is a limit.
    if workflow.resource_settings.cores:
        refuse(cores_faults(config, workflow.resource_settings.cores))
    mark(Path(RESULTS))
    seal(Path(RESULTS))


def prepare_slurm():
    """End what a head that was killed has left in the queue (docs/slurm.md); let groups be known."""
    if workflow.executor_plugin.name != "slurm":
        return
    heads = Path(".snakemake/heads") / config["run"]
    try:
        if told := end_orphans(heads):
            print(told)
    except RuntimeError as error:
        refuse([str(error)])
    sign_in(heads, workflow.scheduler._executor.run_uuid)
    # Else the labels or walks of a job run one after the other, however many cores it has
    # (issue 469 of the plugin).
    workflow.executor_plugin.common_settings.pass_group_args = True


def print_summary():
    summary = Path(RESULTS) / "summary.txt"
    if summary.exists():
        print(summary.read_text(), end="")
        # Of jobs that ran elsewhere Snakemake does not know here when they began.
        if workflow.executor_plugin.common_settings.local_exec:
            print(f"  workflow    {overhead(Path('.snakemake'), BEGAN, time.time())}")
