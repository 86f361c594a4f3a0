# What a round is given: how to walk, from where, with which potentials.

from smallcell.cells import LATTICES
from smallcell.leverage import least_known_walkers


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


def members_before(wildcards):
    """Input function: the ensemble of the batch before."""
    return [
        before(f"members/{member}.mtp")(wildcards) for member in range(config["fit"]["members"])
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
