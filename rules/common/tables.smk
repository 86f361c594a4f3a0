# What tables and figures of the whole campaign are made from.


def walks_of_rounds(wildcards):
    """Reports of the walkers of each round, by the round's name."""
    return {name: files_of(name, False)["walks"] for name in rounds()}


def potentials_of_walks(wildcards):
    """The potential that the walkers of each round walked with, by the round's name."""
    found = {}
    for name in rounds():
        stage, number = name.split("/")
        found[name] = f"{RESULTS}/{batch_before(stage, int(number))}/potential.almtp"
    return found


def held_out_of_round(wildcards):
    """Input function: held-out structures, those of the round itself if it labels any."""
    if selection(wildcards.stage, wildcards.round)["training"]:
        return f"{RESULTS}/{wildcards.stage}/{wildcards.round}/held_out.extxyz"
    return before("held_out.extxyz")(wildcards)


def batch_files(wildcards):
    """For each batch, and a round that selected nothing, the reports that its row is made of."""
    new = {name: bool(chosen["training"]) for name, chosen in rounds().items()}
    found = {"seeds": True} | new | ({"audit": True} if AUDIT["cut_outs"] else {})
    return {name: files_of(name, new) for name, new in found.items()}


def files_of(batch, new):
    """Reports of a batch by kind; seeds and audit have no walks, what is not added has no fit."""
    stage, _, name = batch.partition("/")
    added = AUDIT["add"] if batch == "audit" else new
    here = f"{RESULTS}/{batch}"
    return {
        "verdict": [f"{here}/verdict.json"] if name else [],
        "walks": [f"{here}/walkers/{walker}.json" for walker in walkers(stage)] if name else [],
        "labels": labels({"batch": batch}) if new else [],
        "fit": [f"{here}/fit.json"] if added else [],
        "costs": [f"{here}/costs.json"] if added else [],
    }
