checkpoint select:
    """What a round labels, by MaxVol over the frames of all walkers; nothing ends the stage."""
    input:
        # With the active set that the walkers' grades come from.
        potential=before("potential.almtp"),
        train=before("train.extxyz") if MLIP else [],
        members=members_before,
        held_out=before("held_out.extxyz"),
        costs=before("costs.json"),
        met=of_walkers(".extxyz"),
        walks=of_walkers(".json"),
    output:
        structures="<results>/{stage}/{round}/structures.extxyz",
        report="<results>/{stage}/{round}/selection.json",
    log:
        "<logs>/{stage}/{round}/select.log",
    conda:
        "../envs/mlip.yaml" if MLIP else "../envs/fit.yaml"
    params:
        engine=config["engine"],
        seed=config["seed"],
        sampling=sampling,
        selection=config["selection"],
        verdict=config["verdict"],
        budget=config["budget"],
        dft={name: config["dft"][name] for name in DECISIVE},
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/select.py"
