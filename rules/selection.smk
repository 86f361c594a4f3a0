checkpoint select:
    """MaxVol over the active set and the frames of all walkers; an empty file ends the stage."""
    input:
        # With the active set that the walkers' grades come from.
        potential=before("potential.almtp"),
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
        dft={name: config["dft"][name] for name in DECISIVE},
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/select.py"
