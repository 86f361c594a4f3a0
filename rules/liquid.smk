# Liquids in the volume that they have found: how their atoms are placed, and how they move.


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
