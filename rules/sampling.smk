rule sample:
    """A walker: molecular dynamics that saves what the potential does not know."""
    input:
        potential=before("potential.almtp"),
        wall=before("wall.json"),
        structures=lambda wildcards: structure_files(wildcards.stage),
    output:
        frames="<results>/{stage}/{round}/walkers/{walker}.extxyz",
        report="<results>/{stage}/{round}/walkers/{walker}.json",
    log:
        "<logs>/{stage}/{round}/walkers/{walker}.log",
    conda:
        "../envs/lammps.yaml"
    params:
        seed=config["seed"],
        elements=config["elements"],
        cell=lambda wildcards: cells_of(wildcards.stage),
        sampling=sampling,
    script:
        "../scripts/sample.py"
