# Labelled structures from elsewhere; without `imports` in the configuration nobody asks for these.


rule read_imports:
    """Files of labelled structures, each checked by itself and made relative to isolated atoms."""
    input:
        [entry["file"] for entry in config["imports"]],
    output:
        structures="<results>/imports/read.extxyz",
        report="<results>/imports/read.json",
    log:
        "<logs>/imports/read.log",
    # What is refused is refused at once, not after the seeds.
    priority: 2
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        key="imports",
        imports=config["imports"],
        species=list(ELEMENTS),
    script:
        "../scripts/read_imports.py"


rule imports:
    """The imported structures, compared with the seeds' labels: what the training set begins with."""
    input:
        structures="<results>/imports/read.extxyz",
        report="<results>/imports/read.json",
        labels=lambda wildcards: labels({"batch": "seeds"}),
        references=REFERENCES,
    output:
        structures="<results>/imports.extxyz",
        table="<results>/imports.csv",
    log:
        "<logs>/imports/compare.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        labels=config["labels"],
    script:
        "../scripts/compare_imports.py"
