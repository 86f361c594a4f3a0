# Solids and liquids at constant pressure, and what follows from their volumes and enthalpies.


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
