# What is labelled to check settings: by the gate, and in a convergence study.

from smallcell.convergence import convergence_structures
from smallcell.gate import gate_structures

# Cells that the gate compares; the seeds' take part as if they were a stage.
GATE_CELLS = {
    "seeds": {"unit": config["seeds"]["unit"], "cell": [1, 1, 1]},
    **{stage: cells_of(stage) for stage in STAGES},
}


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
