rule coverage:
    """What is known of an alloy: walks, labels, errors, grades by composition and by element."""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
        train=final("train.extxyz"),
        held_out=final("held_out.extxyz"),
        met=lambda wildcards: [
            f"{RESULTS}/{name}/walkers/{walker}.extxyz"
            for name in rounds()
            for walker in walkers(name.partition("/")[0])
        ],
        walks=lambda wildcards: [
            path for paths in walks_of_rounds(wildcards).values() for path in paths
        ],
        labels=lambda wildcards: [
            path for files in batch_files(wildcards).values() for path in files["labels"]
        ],
        references=REFERENCES,
    output:
        stages=report(
            "<results>/diagnosis/coverage.csv",
            caption="../report/coverage_table.rst",
            category="learning",
        ),
        compositions=report(
            "<results>/diagnosis/compositions.csv",
            caption="../report/compositions.rst",
            category="diagnosis",
        ),
        elements=report(
            "<results>/diagnosis/elements.csv",
            caption="../report/elements.rst",
            category="diagnosis",
        ),
        pairs=report(
            "<results>/diagnosis/pairs.csv",
            caption="../report/pairs.rst",
            category="diagnosis",
        ),
        figure=report(
            "<results>/diagnosis/coverage.svg",
            caption="../report/coverage.rst",
            category="diagnosis",
        ),
    log:
        "<logs>/diagnosis/coverage.log",
    conda:
        "../envs/fit.yaml"
    params:
        walks=lambda wildcards: walks_of_rounds(wildcards),
        closest=config["labels"]["closest"],
    script:
        "../scripts/coverage.py"
