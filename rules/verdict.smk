rule judge:
    """Says how a round ended and why. Stops the campaign if too many labels failed."""
    input:
        walks=lambda wildcards: expand(
            "<results>/{stage}/{round}/walkers/{walker}.json",
            stage=wildcards.stage,
            round=wildcards.round,
            walker=walkers(wildcards.stage),
        ),
        labels=labels,
    output:
        "<results>/{stage}/{round}/verdict.json",
    log:
        "<logs>/{stage}/{round}/judge.log",
    conda:
        "../envs/fit.yaml"
    params:
        rounds=lambda wildcards: STAGES[wildcards.stage]["rounds"],
        labels=config["labels"],
    script:
        "../scripts/judge.py"
