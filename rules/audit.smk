# The decisive test of training on small cells; `audit: false` leaves it out.


rule audit:
    """A large cell through solid, melt and liquid: which of its atoms does the potential not know?"""
    input:
        potential=learnt("potential.almtp"),
        wall=learnt("fit.json"),
    output:
        records="<results>/audit/run.csv",
        report="<results>/audit/run.json",
        figure=report("<results>/audit/grades.svg", caption="../report/audit.rst", category="audit"),
        frames="<results>/audit/frames.extxyz",
    log:
        "<logs>/audit/run.log",
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        elements=config["elements"],
        audit={key: AUDIT[key] for key in ("atoms", "pressure", "duration", "cut_outs")},
        temperature=AUDIT.get("temperature", config["sampling"]["temperature"]),
    script:
        "../scripts/audit.py"


rule cut_out:
    """Small cells around the atoms that extrapolate the most: a batch to label."""
    input:
        potential=learnt("potential.almtp"),
        wall=learnt("fit.json"),
        frames="<results>/audit/frames.extxyz",
    output:
        "<results>/audit/structures.extxyz",
    log:
        "<logs>/audit/cut_out.log",
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        at_most=AUDIT["cut_out_atoms"],
    script:
        "../scripts/cut_out.py"


rule audit_table:
    """The potential beside pw.x on what was cut out."""
    input:
        potential=learnt("potential.almtp"),
        structures="<results>/audit/structures.extxyz",
        labels=lambda wildcards: labels({"batch": "audit"}),
        references=REFERENCES,
    output:
        report("<results>/audit.csv", caption="../report/audit_table.rst", category="audit"),
    log:
        "<logs>/audit/table.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        labels=config["labels"],
    script:
        "../scripts/audit_table.py"


use rule audit as audit_again with:
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
    output:
        records="<results>/audit/again/run.csv",
        report="<results>/audit/again/run.json",
        figure=report(
            "<results>/audit/again/grades.svg",
            caption="../report/audit.rst",
            category="audit",
        ),
        frames="<results>/audit/again/frames.extxyz",
    log:
        "<logs>/audit/again/run.log",
