rule validate:
    """All that proves the potential, without the rest of the results."""
    input:
        "<results>/validation/static.csv",
        "<results>/validation/equation_of_state.svg",
        "<results>/validation/large_cell.json",
        *(["<results>/validation/dispersion.svg"] if DISPERSION else []),
        ["<results>/validation/compare.csv"] if config["validation"]["compare"] else [],
        *(["<results>/validation/dynamic.csv"] if DYNAMIC else []),
    localrule: True


rule equation_of_state:
    """a0 and B of the potential beside those of pw.x at the campaign's settings."""
    input:
        potential=final("potential.almtp"),
        seeds="<results>/seeds/train.extxyz",
    output:
        report="<results>/validation/equation_of_state.json",
        table="<results>/validation/equation_of_state.csv",
        figure=report(
            "<results>/validation/equation_of_state.svg",
            caption="../report/equation_of_state.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/equation_of_state.log",
    conda:
        "../envs/fit.yaml"
    params:
        lattices=LATTICE_OF,
        published=PUBLISHED,
    script:
        "../scripts/equation_of_state.py"


rule large_cell:
    """Does a cell far larger than any that was labelled hold together?"""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
    output:
        "<results>/validation/large_cell.json",
    log:
        "<logs>/validation/large_cell.log",
    conda:
        "../envs/lammps.yaml"
    params:
        seed=config["seed"],
        elements=config["elements"],
        validation={key: config["validation"][key] for key in ("temperature", "cell", "duration")},
    script:
        "../scripts/large_cell.py"
