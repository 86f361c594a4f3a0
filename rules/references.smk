from smallcell.finite_basis import SHARES
from smallcell.references import BOXES


rule reference:
    """What labels are made relative to: the isolated atom's energy, what the stress lacks in plane waves."""
    input:
        program="<results>/program.json",
        upf=upf(["{element}"]),
    output:
        "<results>/references/{element}.json",
    log:
        "<logs>/references/{element}.log",
    # It takes longest of the first jobs: the others fit beside it.
    priority: 1
    conda:
        "../envs/qe.yaml"
    threads: config["dft"]["cores"]
    resources:
        mem_mb=atom_memory,
        runtime=(len(BOXES) + len(SHARES)) * LABEL_MINUTES,
    params:
        dft=config["dft"],
        labels=config["labels"],
        element=lambda wildcards: ELEMENTS[wildcards.element],
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/reference.py"
