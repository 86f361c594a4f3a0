rule least_known:
    """Structures of the training set that the others say least about: where some walkers start."""
    input:
        potential=before("potential.almtp"),
        train=before("train.extxyz"),
        structures=lambda wildcards: structure_files(wildcards.stage),
    output:
        "<results>/{stage}/{round}/least_known.extxyz",
    log:
        "<logs>/{stage}/{round}/least_known.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        elements=config["elements"],
        cell=lambda wildcards: cells_of(wildcards.stage),
        sampling=lambda wildcards: {
            key: sampling(wildcards)[key] for key in ("walkers", "least_known")
        },
    script:
        "../scripts/least_known.py"


rule sample:
    """A walker: molecular dynamics that saves what the potential does not know."""
    input:
        potential=before("potential.almtp"),
        wall=before("fit.json"),
        structures=lambda wildcards: structure_files(wildcards.stage),
        known=least_known,
        bowing="<results>/bowing.json" if MIXED else [],
    output:
        met="<results>/{stage}/{round}/walkers/{walker}.extxyz",
        report="<results>/{stage}/{round}/walkers/{walker}.json",
    log:
        "<logs>/{stage}/{round}/walkers/{walker}.log",
    # Walks are short: those of a round share jobs of a cluster.
    group:
        "walkers"
    conda:
        "../envs/lammps.yaml"
    resources:
        runtime=walk_runtime,
    params:
        seed=config["seed"],
        elements=config["elements"],
        cell=lambda wildcards: cells_of(wildcards.stage),
        sampling=sampling,
    script:
        "../scripts/sample.py"
