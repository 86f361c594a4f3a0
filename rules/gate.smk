rule gate_structures:
    """Each element's crystal, perfect and distorted, in the campaign's own cells."""
    output:
        "<results>/gate/structures.extxyz",
    log:
        "<logs>/gate/structures.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        elements=config["elements"],
        cells=GATE_CELLS,
        atoms=config["gate"]["atoms"],
    script:
        "../scripts/gate_structures.py"


rule gate_table:
    """Energy and pressure of each crystal, cell by cell."""
    input:
        structures="<results>/gate/structures.extxyz",
        labels=gate_labels(),
    output:
        "<results>/gate.csv",
    log:
        "<logs>/gate/table.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        k_spacing=config["dft"]["k_spacing"],
        labels=config["labels"],
    script:
        "../scripts/gate_table.py"


# A checkpoint, though no function asks it: of what comes after a rule that is due by way of `ancient`
# Snakemake 9.27 looks at nothing else that has changed, unless it looks once more.
checkpoint gate:
    """Stops the campaign if the same crystal has another energy in another cell."""
    input:
        "<results>/gate.csv",
    output:
        "<results>/gate.txt",
    log:
        "<logs>/gate/gate.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        gate=config["gate"],
    script:
        "../scripts/gate.py"
