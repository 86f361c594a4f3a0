rule train:
    """The training set: that of the batch before and what was labelled since."""
    input:
        verdict=lambda wildcards: (
            []
            if wildcards.batch in ("seeds", "audit")
            else f"{RESULTS}/{wildcards.batch}/verdict.json"
        ),
        # That the gate has let the campaign begin counts, not when.
        gate=lambda wildcards: (
            ancient(f"{RESULTS}/gate.txt") if wildcards.batch == "seeds" and config["gate"] else []
        ),
        before=training_set_before,
        labels=labels,
        references=expand("<results>/references/{element}.json", element=ELEMENTS),
    output:
        "<results>/{batch}/train.extxyz",
    log:
        "<logs>/{batch}/train.log",
    conda:
        "../envs/fit.yaml"
    params:
        labels=config["labels"],
    script:
        "../scripts/train.py"


rule fit:
    """The potential, starting from that of the batch before, its active set and its wall."""
    input:
        train="<results>/{batch}/train.extxyz",
        start=before("potential.mtp"),
        start_held_out=before("held_out.mtp"),
    output:
        mtp="<results>/{batch}/potential.mtp",
        almtp="<results>/{batch}/potential.almtp",
        held_out="<results>/{batch}/held_out.mtp",
        wall="<results>/{batch}/wall.json",
        report="<results>/{batch}/fit.json",
    log:
        "<logs>/{batch}/fit.log",
    conda:
        "../envs/fit.yaml"
    threads: 8
    params:
        species=list(ELEMENTS),
        potential=config["potential"],
        fit=config["fit"],
        seed=config["seed"],
    script:
        "../scripts/fit.py"
