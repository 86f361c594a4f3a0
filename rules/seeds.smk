rule seeds:
    """Strained crystals of each element, and such with two atoms close to each other."""
    output:
        "<results>/seeds/structures.extxyz",
    log:
        "<logs>/seeds/structures.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        elements=config["elements"],
        seeds=config["seeds"],
    script:
        "../scripts/make_seeds.py"
