# What is done before a run of Snakemake and after it.

import json
import time
from functools import cache
from pathlib import Path

import snakemake

from smallcell.configuration import cores_faults, image_faults, interface_faults, machine_faults
from smallcell.orphans import end_orphans, sign_in
from smallcell.overhead import overhead
from smallcell.results import mark
from smallcell.seals import seal
from smallcell.settled import read_settled, write_settled

SETTLED = Path(".snakemake/settled") / f"{config['run']}.json"
IDENTITY = json.dumps([config, PSEUDOPOTENTIAL_HASHES, snakemake.__version__], sort_keys=True)


@cache
def done_before():
    """Have checkpoints taken for done that are as the last run left them (`smallcell.settled`)."""
    asked = workflow.dag_settings
    if asked.forceall or asked.forcerun or asked.forcetargets or not workflow.is_main_process:
        return set()
    # Of a job that was killed once all of it was written Snakemake notes that it was killed. It would
    # repeat that job where it knows of it from the start, though not where it is asked for later.
    if any(Path(".snakemake/incomplete").glob("*")):
        return set()
    done = set(read_settled(SETTLED, IDENTITY))
    workflow.checkpoints.created_output.update(done)
    return done


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
