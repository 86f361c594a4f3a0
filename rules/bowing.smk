rule bowing:
    """Where Vegard's law fails: lengths of the compounds among the seeds, by pw.x where need be."""
    input:
        labels=lambda wildcards: labels({"batch": "seeds"}),
        program="<results>/program.json",
        upf=upf(ELEMENTS),
    output:
        "<results>/bowing.json",
    log:
        "<logs>/bowing.log",
    conda:
        "../envs/qe.yaml"
    threads: config["dft"]["cores"]
    resources:
        runtime=LABEL_MINUTES,
    params:
        elements=list(LATTICE_OF.values()),
        dft=config["dft"],
        labels=config["labels"],
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/bowing.py"
