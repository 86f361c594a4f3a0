from smallcell.report import page_files


rule result:
    """The potential, its training set, and what it has cost."""
    input:
        almtp=final("potential.almtp"),
        train=final("train.extxyz"),
        wall=final("fit.json"),
        costs=final("costs.json"),
    output:
        mtp="<results>/potential.mtp",
        almtp="<results>/potential.almtp",
        train="<results>/train.extxyz",
        cfg="<results>/train.cfg",
        lammps="<results>/potential.lammps",
        costs="<results>/costs.json",
    log:
        "<logs>/result.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        species=list(ELEMENTS),
    script:
        "../scripts/result.py"


rule ledger:
    """What every round saw, chose, cost and reached."""
    input:
        lambda wildcards: [
            path
            for files in batch_files(wildcards).values()
            for paths in files.values()
            for path in paths
        ],
    output:
        rounds=report(
            "<results>/rounds.csv", caption="../report/rounds_table.rst", category="learning"
        ),
        fates=report("<results>/fates.csv", caption="../report/fates.rst", category="labels"),
        figure=report("<results>/rounds.svg", caption="../report/rounds.rst", category="learning"),
    log:
        "<logs>/ledger.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        batches=batch_files,
    script:
        "../scripts/ledger.py"


rule summary:
    """The campaign on one screen."""
    input:
        potential="<results>/potential.mtp",
        rounds="<results>/rounds.csv",
        fit=final("fit.json"),
        costs=final("costs.json"),
        equation_of_state="<results>/validation/equation_of_state.json",
        large_cell="<results>/validation/large_cell.json",
        static="<results>/validation/static.csv",
        dispersion="<results>/validation/dispersion.svg" if DISPERSION else [],
        hull="<results>/validation/hull.svg" if HULL else [],
        dynamic="<results>/validation/dynamic.csv" if DYNAMIC else [],
        imports="<results>/imports.csv" if config["imports"] else [],
        audit="<results>/audit/run.json" if config["audit"] else [],
        audit_table="<results>/audit.csv" if AUDIT["cut_outs"] else [],
        audit_again="<results>/audit/again/run.json" if AUDIT["add"] else [],
    output:
        report("<results>/summary.txt", caption="../report/summary.rst", category="summary"),
    log:
        "<logs>/summary.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        run=config["run"],
    script:
        "../scripts/summary.py"


rule page:
    """The campaign on one page: whether the potential is good, and all that shows it."""
    input:
        [f"{RESULTS}/{file}" for file in page_files(config)],
    output:
        "<results>/report.html",
    log:
        "<logs>/page.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        configuration=config,
    script:
        "../scripts/report.py"
