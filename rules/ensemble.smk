rule ensemble:
    """Potentials that the same labels might as well have given, to disagree on what walks meet."""
    input:
        train="<results>/{batch}/train.extxyz",
        potential="<results>/{batch}/potential.almtp",
        fit="<results>/{batch}/fit.json",
    output:
        members=expand(
            "<results>/{{batch}}/members/{member}.mtp",
            member=range(config["fit"]["members"]),
        ),
        report="<results>/{batch}/ensemble.json",
    log:
        "<logs>/{batch}/ensemble.log",
    group:
        learning_group
    conda:
        "../envs/fit.yaml"
    threads: 8
    params:
        weights=config["fit"]["weights"],
        energy_scale=config["fit"]["energy_scale"],
        seed=config["seed"],
    script:
        "../scripts/ensemble.py"
