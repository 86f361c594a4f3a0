rule pseudopotential:
    """Made by ld1.x from a deck, or a UPF file of the user's."""
    output:
        "<results>/pseudopotentials/{element}.UPF",
        "<results>/pseudopotentials/{element}.UPF.sha256",
    log:
        "<logs>/pseudopotentials/{element}.log",
    conda:
        "../envs/qe.yaml"
    params:
        element=lambda wildcards: ELEMENTS[wildcards.element],
        source=lambda wildcards: PSEUDOPOTENTIAL_HASHES[wildcards.element],
    script:
        "../scripts/provide_pseudopotential.py"
