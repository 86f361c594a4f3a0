# Melting point and heat of fusion, from crystals beside their melts.

MELTING = DYNAMICS["melting"]
MELTING_BETWEEN = MELTING.get("between", config["sampling"]["temperature"])
MELTING_RUN = {
    "pressure": DYNAMICS["pressure"],
    "atoms": MELTING["atoms"],
    "melt_at": MELT_AT,
}
# An attempt need not say more than whether both phases last.
ATTEMPT = MELTING_RUN | {"duration": MELTING["duration"] / 4}


rule coexistence_search:
    """At what temperature do a crystal and its melt last side by side?"""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
    output:
        "<results>/validation/melting/{element}/search.json",
    log:
        "<logs>/validation/melting/{element}/search.log",
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        element=lambda wildcards: LATTICE_OF[wildcards.element],
        conditions=ATTEMPT,
        between=MELTING_BETWEEN,
    script:
        "../scripts/coexistence_search.py"


rule coexistence:
    """A crystal and its melt at constant enthalpy, until they are at the melting point."""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
        search="<results>/validation/melting/{element}/search.json",
    output:
        "<results>/validation/melting/{element}/{number}.json",
    log:
        "<logs>/validation/melting/{element}/{number}.log",
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        element=lambda wildcards: LATTICE_OF[wildcards.element],
        conditions=MELTING_RUN | {"duration": MELTING["duration"]},
    script:
        "../scripts/coexistence.py"


rule fusion:
    """Solid or liquid at the melting point: what it takes to melt."""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
        runs=expand(
            "<results>/validation/melting/{{element}}/{number}.json",
            number=range(MELTING["runs"]),
        ),
    output:
        "<results>/validation/melting/{element}/{state}.json",
    log:
        "<logs>/validation/melting/{element}/{state}.log",
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        element=lambda wildcards: LATTICE_OF[wildcards.element],
        measured=MEASURED,
        melt_at=MELT_AT,
    script:
        "../scripts/fusion.py"


rule melting:
    """Melting point and heat of fusion."""
    input:
        runs=expand(
            "<results>/validation/melting/{element}/{number}.json",
            element=ELEMENTS,
            number=range(MELTING["runs"]),
        ),
        phases=expand(
            "<results>/validation/melting/{element}/{state}.json",
            element=ELEMENTS,
            state=("solid", "liquid"),
        ),
    output:
        table=report(
            "<results>/validation/melting.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
        figure=report(
            "<results>/validation/melting.svg",
            caption="../report/melting.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/melting.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=list(ELEMENTS),
        published=PUBLISHED,
    script:
        "../scripts/melting.py"
