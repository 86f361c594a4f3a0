# What follows from several static properties: the hull, dispersion, one table of them all.


rule hull:
    """The convex hull of the alloy, from its ordered compounds."""
    input:
        "<results>/validation/compounds.csv",
    output:
        report(
            "<results>/validation/hull.svg",
            caption="../report/hull.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/hull.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=list(ELEMENTS),
    script:
        "../scripts/hull.py"


rule dispersion:
    """Phonons along a path through the Brillouin zone."""
    input:
        potential=final("potential.almtp"),
        equation_of_state="<results>/validation/equation_of_state.json",
        phonons="<results>/validation/phonons.csv",
    output:
        table="<results>/validation/dispersion.csv",
        figure=report(
            "<results>/validation/dispersion.svg",
            caption="../report/dispersion.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/dispersion.log",
    conda:
        "../envs/fit.yaml"
    params:
        lattices=LATTICE_OF,
    script:
        "../scripts/dispersion.py"


rule static_properties:
    """All static properties in one table."""
    input:
        "<results>/validation/equation_of_state.csv",
        expand("<results>/validation/{property}.csv", property=config["validation"]["properties"]),
    output:
        report(
            "<results>/validation/static.csv",
            caption="../report/property.rst",
            category="validation",
        ),
    log:
        "<logs>/validation/static.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    script:
        "../scripts/static_properties.py"
