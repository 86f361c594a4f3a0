rule seeds:
    """Hydrostatically strained crystals of each element."""
    output:
        "<results>/seeds/structures.extxyz",
    log:
        "<logs>/seeds/structures.log",
    conda:
        "../envs/fit.yaml"
    params:
        elements=config["elements"],
        seeds=config["seeds"],
    script:
        "../scripts/make_seeds.py"
