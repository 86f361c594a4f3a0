# A set of the user's own, which nothing was trained on.
TEST = config["validation"].get("test")


rule read_test_set:
    """The user's own test set, checked as imports are, before the campaign begins."""
    input:
        [TEST["file"]] if TEST else [],
    output:
        structures="<results>/diagnosis/test.extxyz",
        report="<results>/diagnosis/test.json",
    log:
        "<logs>/diagnosis/read_test_set.log",
    priority: 2
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        key="validation.test",
        imports=[TEST | {"weight": 1, "incomplete": "refuse"}] if TEST else [],
        species=list(ELEMENTS),
    script:
        "../scripts/read_imports.py"


rule parity:
    """The potential beside DFT on what it has learnt from and what it has not."""
    input:
        potential=final("potential.almtp"),
        train=final("train.extxyz"),
        held_out=final("held_out.extxyz"),
        test="<results>/diagnosis/test.extxyz" if TEST else [],
    output:
        table=report(
            "<results>/diagnosis/parity.csv",
            caption="../report/parity_table.rst",
            category="diagnosis",
        ),
        figure=report(
            "<results>/diagnosis/parity.svg",
            caption="../report/parity.rst",
            category="diagnosis",
        ),
    log:
        "<logs>/diagnosis/parity.log",
    conda:
        "../envs/fit.yaml"
    script:
        "../scripts/parity.py"


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


rule force_bias:
    """How large the forces are that each stage learned from, and whether larger ones come out right."""
    input:
        potential=final("potential.almtp"),
        train=final("train.extxyz"),
        held_out=final("held_out.extxyz"),
        test="<results>/diagnosis/test.extxyz" if TEST else [],
    output:
        forces="<results>/diagnosis/forces.csv",
        bias=report(
            "<results>/diagnosis/force_bias.csv",
            caption="../report/force_bias_table.rst",
            category="diagnosis",
        ),
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
