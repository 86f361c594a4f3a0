rule force_bias:
    """How large the forces are that each stage learned from, and whether larger ones come out right."""
    input:
        potential=final("potential.mtp"),
        train=final("train.extxyz"),
        held_out=final("held_out.extxyz"),
    output:
        forces="<results>/diagnosis/forces.csv",
        bias="<results>/diagnosis/force_bias.csv",
        figure=report(
            "<results>/diagnosis/force_bias.svg",
            caption="../report/force_bias.rst",
            category="diagnosis",
        ),
    log:
        "<logs>/diagnosis/force_bias.log",
    conda:
        "../envs/fit.yaml"
    script:
        "../scripts/force_bias.py"


if config["fit"]["members"]:

    rule calibration:
        """Does the grade or the ensemble's disagreement foresee the error better?"""
        input:
            train=final("train.extxyz"),
            held_out=final("held_out.extxyz"),
            potentials=lambda wildcards: potentials_of_walks(wildcards).values(),
        output:
            table="<results>/diagnosis/calibration.csv",
            report="<results>/diagnosis/calibration.json",
            figure=report(
                "<results>/diagnosis/calibration.svg",
                caption="../report/calibration.rst",
                category="diagnosis",
            ),
        log:
            "<logs>/diagnosis/calibration.log",
        conda:
            "../envs/fit.yaml"
        params:
            potentials=potentials_of_walks,
        script:
            "../scripts/calibration.py"
