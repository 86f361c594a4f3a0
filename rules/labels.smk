rule label:
    """Energy, forces and stress of a structure by pw.x, or from the store; its fate in any case."""
    input:
        structures="<results>/{batch}/structures.extxyz",
        upf=expand("<results>/pseudopotentials/{element}.UPF", element=ELEMENTS),
    output:
        "<results>/{batch}/labels/{structure}.json",
    log:
        "<logs>/{batch}/labels/{structure}.log",
    conda:
        "../envs/qe.yaml"
    params:
        dft=config["dft"],
        labels=config["labels"],
        pseudopotentials=PSEUDOPOTENTIAL_HASHES,
    script:
        "../scripts/label.py"
