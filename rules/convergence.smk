# A study of its own, which only `snakemake convergence` asks for.

import re

from smallcell.convergence import combined_name, points

SINGLE = list(points(config["convergence"]))
COMBINED = [combined_name(value) for value in config["convergence"]["k_spacing"]]


rule convergence:
    """Which settings of pw.x are good enough for this system, and what they cost."""
    input:
        "<results>/convergence/table.csv",
        "<results>/convergence/figure.svg",
        "<results>/convergence/settings.yaml",
    localrule: True


rule convergence_structures:
    """A handful of the system's own structures, and the settings to try on them one by one."""
    output:
        structures="<results>/convergence/structures.extxyz",
        settings=expand("<results>/convergence/{point}/settings.json", point=SINGLE),
    log:
        "<logs>/convergence/structures.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        seed=config["seed"],
        elements=config["elements"],
        convergence=config["convergence"],
    script:
        "../scripts/convergence_structures.py"


use rule label as convergence_label with:
    input:
        structures="<results>/convergence/structures.extxyz",
        settings="<results>/{batch}/settings.json",
        program="<results>/program.json",
        upf=upf(ELEMENTS),
    wildcard_constraints:
        batch=rf"convergence/(?:{'|'.join(map(re.escape, SINGLE + COMBINED))})",


rule convergence_combined:
    """The coarsest of each key that was good enough alone, together, with every k-mesh."""
    input:
        settings=expand("<results>/convergence/{point}/settings.json", point=SINGLE),
        labels=convergence_labels(SINGLE),
    output:
        expand("<results>/convergence/{point}/settings.json", point=COMBINED),
    log:
        "<logs>/convergence/combined.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        points=SINGLE,
        convergence=config["convergence"],
        labels=config["labels"],
    script:
        "../scripts/convergence_combined.py"


rule convergence_table:
    """Errors against cost, and the cheapest settings within the tolerances."""
    input:
        settings=expand("<results>/convergence/{point}/settings.json", point=SINGLE + COMBINED),
        labels=convergence_labels(SINGLE + COMBINED),
    output:
        table="<results>/convergence/table.csv",
        settings="<results>/convergence/settings.yaml",
        figure=report(
            "<results>/convergence/figure.svg",
            caption="../report/convergence.rst",
            category="convergence",
        ),
    log:
        "<logs>/convergence/table.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        points=SINGLE + COMBINED,
        convergence=config["convergence"],
        labels=config["labels"],
    script:
        "../scripts/convergence_table.py"
