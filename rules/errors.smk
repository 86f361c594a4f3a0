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
