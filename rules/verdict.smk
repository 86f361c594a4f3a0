rule judge:
    """Says how a round ended and why. Stops the campaign if too many labels failed."""
    input:
        selection="<results>/{stage}/{round}/selection.json",
        walks=of_walkers(".json"),
        labels=labels,
        # The potential that walked has seen none of what is held out, this round's least of all.
        potential=before("potential.almtp"),
        held_out=held_out_of_round,
    output:
        "<results>/{stage}/{round}/verdict.json",
    log:
        "<logs>/{stage}/{round}/judge.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    params:
        rounds=lambda wildcards: STAGES[wildcards.stage]["rounds"],
        labels=config["labels"],
        verdict=config["verdict"],
    script:
        "../scripts/judge.py"


rule account:
    """What the campaign has cost up to the end of a batch."""
    input:
        before=before("costs.json"),
        labels=labels,
        walks=lambda wildcards: files_of(wildcards.batch, True)["walks"],
        fits=[
            "<results>/{batch}/fit.json",
            *(["<results>/{batch}/ensemble.json"] if config["fit"]["members"] else []),
        ],
        gate=lambda wildcards: gate_labels() if wildcards.batch == "seeds" else [],
        references=lambda wildcards: (
            [
                *REFERENCES,
                *(["<results>/bowing.json"] if MIXED else []),
            ]
            if wildcards.batch == "seeds"
            else []
        ),
    output:
        "<results>/{batch}/costs.json",
    log:
        "<logs>/{batch}/account.log",
    localrule: True
    conda:
        "../envs/fit.yaml"
    script:
        "../scripts/account.py"
