checkpoint select:
    """MaxVol over the training set and the frames of all walkers; an empty file ends the stage."""
    input:
        potential=before("potential.mtp"),
        train=before("train.extxyz"),
        frames=lambda wildcards: expand(
            "<results>/{stage}/{round}/walkers/{walker}.extxyz",
            stage=wildcards.stage,
            round=wildcards.round,
            walker=walkers(wildcards.stage),
        ),
        walks=lambda wildcards: expand(
            "<results>/{stage}/{round}/walkers/{walker}.json",
            stage=wildcards.stage,
            round=wildcards.round,
            walker=walkers(wildcards.stage),
        ),
    output:
        "<results>/{stage}/{round}/structures.extxyz",
    log:
        "<logs>/{stage}/{round}/select.log",
    conda:
        "../envs/fit.yaml"
    params:
        sampling=sampling,
        selection=config["selection"],
    script:
        "../scripts/select.py"
