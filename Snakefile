# Small-cell active learning of moment tensor potentials (arXiv 2504.07293).
#
# A round is sample -> select -> label -> verdict -> train -> fit. Rounds follow each other until a
# stage finds nothing new, stages until the last; rules/common/batches.smk asks for them one by one.

from pathlib import Path

from snakemake.settings.types import DeploymentMethod
from snakemake.utils import min_version

min_version("9.14")


# A user's own file takes the place of the quickstart, it is not laid over it.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


IMAGE = Path(workflow.basedir) / "small-cell.sif"
if DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:

    container: str(IMAGE)


include: "rules/common/configuration.smk"
include: "rules/common/rounds.smk"
include: "rules/common/batches.smk"
include: "rules/common/tables.smk"
include: "rules/common/checks.smk"
include: "rules/common/validation.smk"
include: "rules/common/allotments.smk"
include: "rules/common/runs.smk"
include: "rules/pseudopotentials.smk"
include: "rules/references.smk"


if config["gate"]:

    include: "rules/gate.smk"


include: "rules/seeds.smk"
include: "rules/imports.smk"


if MIXED:

    include: "rules/bowing.smk"


include: "rules/sampling.smk"
include: "rules/selection.smk"
include: "rules/labels.smk"
include: "rules/fit.smk"


if config["fit"]["members"]:

    include: "rules/ensemble.smk"


include: "rules/verdict.smk"
include: "rules/errors.smk"
include: "rules/learning.smk"


if len(ELEMENTS) > 1:

    include: "rules/coverage.smk"


include: "rules/validation.smk"
include: "rules/properties.smk"
include: "rules/static.smk"
include: "rules/dynamics.smk"
include: "rules/thermal.smk"
include: "rules/liquid.smk"
include: "rules/melting.smk"


if config["validation"]["compare"]:

    include: "rules/baselines.smk"


if config["audit"]:

    include: "rules/audit.smk"


include: "rules/report.smk"
include: "rules/convergence.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/potential.mtp",
        f"{RESULTS}/summary.txt",
        f"{RESULTS}/report.html",
        f"{RESULTS}/gate.txt" if config["gate"] else [],
    localrule: True


onstart:
    check_settled()
    check_machine()
    prepare_slurm()


onsuccess:
    note_settled()
    seal(Path(RESULTS))
    print_summary()


onerror:
    seal(Path(RESULTS))
