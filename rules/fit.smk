rule train:
    """The training set, that of the batch before and what was labelled since, and what is held out."""
    input:
        gate=gate,
        train=training_set_before,
        held_out=before("held_out.extxyz"),
        labels=labels,
        references=REFERENCES,
    output:
        train="<results>/{batch}/train.extxyz",
        held_out="<results>/{batch}/held_out.extxyz",
    log:
        "<logs>/{batch}/train.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        labels=config["labels"],
        verdict=config["verdict"],
    script:
        "../scripts/train.py"


rule fit:
    """The potential, starting from that of the batch before, its active set, its errors and its wall."""
    input:
        train="<results>/{batch}/train.extxyz",
        held_out="<results>/{batch}/held_out.extxyz",
        start=before("potential.almtp"),
        # Nothing is learnt from a round before there is a verdict on it.
        verdict=lambda wildcards: (
            []
            if wildcards.batch in ("seeds", "audit")
            else f"{RESULTS}/{wildcards.batch}/verdict.json"
        ),
    output:
        potential="<results>/{batch}/potential.almtp",
        report="<results>/{batch}/fit.json",
    log:
        "<logs>/{batch}/fit.log",
    # One job of a cluster with the ensemble, which everything after it waits for too.
    group:
        learning_group
    conda:
        "../envs/mlip.yaml" if MLIP else "../envs/fit.yaml"
    threads: 8
    params:
        engine=config["engine"],
        species=list(ELEMENTS),
        potential=config["potential"],
        # How many members an ensemble has changes no fit.
        fit={key: value for key, value in config["fit"].items() if key != "members"},
        seed=config["seed"],
    script:
        "../scripts/fit.py"
