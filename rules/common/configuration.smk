# What all rules share: the configuration, checked, and what follows from it alone.

import math
import os
import shlex
import sys
import time
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.utils import validate

# Scripts import the library in whatever environment they run; one thread a job makes results the
# same to the bit and leaves the cores to other jobs.
sys.path.insert(0, str(workflow.basedir))
os.environ.update(PYTHONPATH=str(workflow.basedir), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from smallcell.allotments import label_minutes
from smallcell.basis import LEVELS
from smallcell.configuration import engine_faults, meaning_faults, schema_faults
from smallcell.memory import MEGABYTE, free_memory
from smallcell.mixtures import mixture, shares_of
from smallcell.notes import drop_damaged
from smallcell.presets import preset_faults, with_preset
from smallcell.programs import tied
from smallcell.properties import properties
from smallcell.pseudopotentials import source_hash
from smallcell.seals import damage

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
