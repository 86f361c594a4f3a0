rule program:
    """Which pw.x the campaign's labels come from; without a command, whichever the store has."""
    output:
        "<results>/program.json",
    log:
        "<logs>/program.log",
    conda:
        "../envs/qe.yaml"
    params:
        command=config["dft"]["command"],
    script:
        "../scripts/program.py"


rule label:
    """Energy, forces and stress of a structure by pw.x, or from the store; its fate in any case.

    Where a structure takes no more than a moment, of several that follow each other.
    """
    input:
        structures="<results>/{batch}/structures.extxyz",
        program="<results>/program.json",
        upf=upf(ELEMENTS),
        gate=gate,
    output:
        "<results>/{batch}/labels/{structure}.json",
    log:
        "<logs>/{batch}/labels/{structure}.log",
    wildcard_constraints:
        batch=rf"{BATCH}|gate|validation/(?:{'|'.join(PROPERTIES)})",
    group:
        group_of_labels
    conda:
        "../envs/qe.yaml"
    threads: config["dft"]["cores"]
    resources:
        mem_mb=label_memory,
        runtime=label_runtime,
    params:
        dft=config["dft"],
        labels=config["labels"],
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/label.py"
