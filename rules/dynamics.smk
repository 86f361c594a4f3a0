# Dynamic properties of the potential: those that `validation.dynamic` names are asked for. Runs of
# molecular dynamics come first, each a job; properties are made from their reports.

import re

MEASURED = {key: DYNAMICS[key] for key in ("pressure", "atoms", "duration")}
MELT_AT = DYNAMICS.get("melt_at", config["sampling"]["temperature"][1])
MELTING = DYNAMICS["melting"]
MELTING_BETWEEN = MELTING.get("between", config["sampling"]["temperature"])
MELTING_RUN = {
    "pressure": DYNAMICS["pressure"],
    "atoms": MELTING["atoms"],
    "melt_at": MELT_AT,
}
# An attempt need not say more than whether both phases last.
ATTEMPT = MELTING_RUN | {"duration": MELTING["duration"] / 4}

ELEMENT_OR_MIXTURE = "|".join(map(re.escape, LIQUIDS))


wildcard_constraints:
    state="solid|liquid",
    temperature=r"\d+(?:\.\d+)?",
    number=r"\d+",


rule thermal:
    """A solid or a liquid at constant pressure: its density and enthalpy."""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
    output:
        report="<results>/validation/thermal/{element}/{state}-{temperature}.json",
        end="<results>/validation/thermal/{element}/{state}-{temperature}.extxyz",
    log:
        "<logs>/validation/thermal/{element}/{state}-{temperature}.log",
    wildcard_constraints:
        element=ELEMENT_OR_MIXTURE,
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        element=lambda wildcards: LIQUIDS[wildcards.element],
        measured=MEASURED,
        melt_at=MELT_AT,
    script:
        "../scripts/thermal.py"


rule density:
    """Density against temperature, and thermal expansion."""
    input:
        thermal_reports(("solid", "liquid")),
    output:
        table=report(
            "<results>/validation/density.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
        figure=report(
            "<results>/validation/density.svg",
            caption="../report/density.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/density.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=list(LIQUIDS),
        published=PUBLISHED,
    script:
        "../scripts/density.py"


rule mixing:
    """Enthalpy and volume of mixing: a liquid beside those of its elements."""
    input:
        thermal_reports(("liquid",)),
    output:
        table=report(
            "<results>/validation/mixing.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
        figure=report(
            "<results>/validation/mixing.svg",
            caption="../report/mixing.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/mixing.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=list(ELEMENTS),
        mixtures=list(MIXTURES),
        published=PUBLISHED,
    script:
        "../scripts/mixing.py"


rule liquid:
    """A liquid in its own volume: how its atoms are placed, and how they move."""
    input:
        potential=final("potential.almtp"),
        wall=final("fit.json"),
        thermal="<results>/validation/thermal/{element}/liquid-{temperature}.json",
        start="<results>/validation/thermal/{element}/liquid-{temperature}.extxyz",
    output:
        "<results>/validation/liquid/{element}/{temperature}.json",
    log:
        "<logs>/validation/liquid/{element}/{temperature}.log",
    wildcard_constraints:
        element=ELEMENT_OR_MIXTURE,
    conda:
        "../envs/audit.yaml"
    params:
        seed=config["seed"],
        duration=DYNAMICS["duration"],
    script:
        "../scripts/liquid.py"


rule structure:
    """Radial distribution function of the liquid, and its nearest neighbours."""
    input:
        liquid_reports(),
    output:
        table=report(
            "<results>/validation/structure.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
        figure=report(
            "<results>/validation/structure.svg",
            caption="../report/structure.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/structure.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=list(LIQUIDS),
        published=PUBLISHED,
    script:
        "../scripts/structure.py"


rule diffusion:
    """Self-diffusion of the liquid, corrected for the size of the cell, and Arrhenius's law."""
    input:
        liquid_reports(),
    output:
        table=report(
            "<results>/validation/diffusion.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
        figure=report(
            "<results>/validation/diffusion.svg",
            caption="../report/diffusion.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/diffusion.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=list(LIQUIDS),
        published=PUBLISHED,
    script:
        "../scripts/diffusion.py"


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


# All dynamic properties in one table.
use rule static_properties as dynamic_properties with:
    input:
        expand("<results>/validation/{property}.csv", property=DYNAMIC),
    output:
        report(
            "<results>/validation/dynamic.csv",
            caption="../report/dynamic.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/dynamic.log",
