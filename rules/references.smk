rule reference:
    """Energy of the isolated atom, to which the energies of a training set are relative."""
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
        runtime=len(BOXES) * LABEL_MINUTES,
    params:
        dft=config["dft"],
        labels=config["labels"],
        energy=lambda wildcards: ELEMENTS[wildcards.element].get("energy"),
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/reference.py"
