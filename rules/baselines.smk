# Potentials from elsewhere beside the campaign's own: the same tables, made by the same rules, of
# each file that `validation.compare` names.
BASELINES = dict(enumerate(config["validation"]["compare"]))


def baseline(wildcards):
    """Input function: the file of a potential from elsewhere."""
    return BASELINES[int(wildcards.baseline)]


# a0 and B of a potential from elsewhere, on the campaign's own crystals.
use rule equation_of_state as equation_of_state_of_baseline with:
    input:
        potential=baseline,
        seeds="<results>/seeds/train.extxyz",
    output:
        report="<results>/validation/compare/{baseline}/equation_of_state.json",
        table="<results>/validation/compare/{baseline}/equation_of_state.csv",
        figure="<results>/validation/compare/{baseline}/equation_of_state.svg",
    log:
        "<logs>/validation/compare/{baseline}/equation_of_state.log",


# A static property of a potential from elsewhere.
use rule lattices as property_of_baseline with:
    input:
        potential=baseline,
        equation_of_state="<results>/validation/compare/{baseline}/equation_of_state.json",
        structures=property_structures,
        labels=property_labels,
        references=property_references,
    output:
        "<results>/validation/compare/{baseline}/{property}.csv",
    log:
        "<logs>/validation/compare/{baseline}/{property}.log",
    wildcard_constraints:
        property="|".join(PROPERTIES),


# All static properties of a potential from elsewhere in one table.
use rule static_properties as static_properties_of_baseline with:
    input:
        "<results>/validation/compare/{baseline}/equation_of_state.csv",
        expand(
            "<results>/validation/compare/{{baseline}}/{property}.csv",
            property=config["validation"]["properties"],
        ),
    output:
        "<results>/validation/compare/{baseline}/static.csv",
    log:
        "<logs>/validation/compare/{baseline}/static.log",


rule speed:
    """What a step of molecular dynamics with the potential costs on this machine."""
    input:
        final("potential.almtp"),
    output:
        "<results>/validation/speed.json",
    log:
        "<logs>/validation/speed.log",
    conda:
        "../envs/lammps.yaml"
    params:
        lattices=LATTICE_OF,
    script:
        "../scripts/speed.py"


# The same of a potential from elsewhere.
use rule speed as speed_of_baseline with:
    input:
        baseline,
    output:
        "<results>/validation/compare/{baseline}/speed.json",
    log:
        "<logs>/validation/compare/{baseline}/speed.log",


rule compare:
    """The campaign's potential beside others: properties, errors on the same sets, cost."""
    input:
        potential=final("potential.almtp"),
        others=list(BASELINES.values()),
        tables=[
            "<results>/validation/static.csv",
            *expand("<results>/validation/compare/{baseline}/static.csv", baseline=BASELINES),
        ],
        speeds=[
            "<results>/validation/speed.json",
            *expand("<results>/validation/compare/{baseline}/speed.json", baseline=BASELINES),
        ],
        held_out=final("held_out.extxyz"),
        test="<results>/diagnosis/test.extxyz" if TEST else [],
        costs=final("costs.json"),
    output:
        report(
            "<results>/validation/compare.csv",
            caption="../report/compare.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/compare.log",
    conda:
        "../envs/fit.yaml"
    params:
        run=config["run"],
        elements=list(ELEMENTS),
    script:
        "../scripts/compare.py"
