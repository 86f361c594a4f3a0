rule learning_curve:
    """What each batch has made of the errors on structures that no potential has learnt from."""
    input:
        potentials=of_learnt("potential.almtp"),
        fits=of_learnt("fit.json"),
        costs=of_learnt("costs.json"),
        held_out=final("held_out.extxyz"),
        test="<results>/diagnosis/test.extxyz" if TEST else [],
    output:
        table=report(
            "<results>/diagnosis/learning_curve.csv",
            caption="../report/learning_curve_table.rst",
            category="learning",
        ),
        figure=report(
            "<results>/diagnosis/learning_curve.svg",
            caption="../report/learning_curve.rst",
            category="learning",
        ),
    log:
        "<logs>/diagnosis/learning_curve.log",
    conda:
        "../envs/fit.yaml"
    params:
        batches=learnt_batches,
    script:
        "../scripts/learning_curve.py"


rule walk_grades:
    """How well known what walks passed through was, round by round."""
    input:
        lambda wildcards: [f"{RESULTS}/{name}/selection.json" for name in rounds()],
    output:
        table=report(
            "<results>/diagnosis/walk_grades.csv",
            caption="../report/walk_grades_table.rst",
            category="diagnosis",
        ),
        figure=report(
            "<results>/diagnosis/walk_grades.svg",
            caption="../report/walk_grades.rst",
            category="diagnosis",
        ),
    log:
        "<logs>/diagnosis/walk_grades.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        rounds=lambda wildcards: list(rounds()),
        save_above=config["sampling"]["save_above"],
    script:
        "../scripts/walk_grades.py"


rule portraits:
    """Pictures of what was known least when it was met."""
    input:
        final("train.extxyz"),
    output:
        report(
            "<results>/diagnosis/portraits.svg",
            caption="../report/portraits.rst",
            category="diagnosis",
        ),
    log:
        "<logs>/diagnosis/portraits.log",
    conda:
        "../envs/fit.yaml"
    script:
        "../scripts/portraits.py"


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
