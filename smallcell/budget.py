"""What a campaign has cost up to a batch, and what its next round will cost.

Costs are core-seconds. A label counts for what it took when it was computed, be it in another
campaign, and a failed one for what it took in vain: so a campaign that is replayed from its store
costs the same.
"""

from collections.abc import Mapping, Sequence

KINDS = ("references", "labels", "walks", "fits")
"""What is paid for: isolated atoms and relaxed compounds, labels, the gate's too, the rest."""


def price(report: Mapping) -> float:
    """Core-seconds that the label of a report has taken."""
    return report["label_core_seconds"] or report["core_seconds"]


def account(
    before: Mapping | None,
    labels: Sequence[Mapping],
    walks: Sequence[Mapping],
    fits: Sequence[Mapping],
    references: Sequence[Mapping] = (),
) -> dict:
    """Add what a batch has cost to what was spent before.

    Parameters
    ----------
    before : Mapping or None
        Account of the batch before.
    labels, walks, fits, references : sequence of Mapping
        Reports of the batch's jobs. A label that two of them share is counted once.

    Returns
    -------
    dict
        Core-seconds by `KINDS`; ``expected``: what the labels ought to have cost, in the unit of
        `smallcell.cost.expected_cost`; ``last_round``: core-seconds of the batch but for labels.
    """
    once = {label["key"]: label for label in labels}.values()
    other = {
        "walks": sum(walk["seconds"] for walk in walks),
        "fits": sum(fit["seconds"] for fit in fits),
    }
    new = other | {
        "references": sum(reference["core_seconds"] for reference in references),
        "labels": sum(map(price, once)),
        "expected": sum(label["expected_cost"] for label in once),
    }
    total = {kind: new[kind] + (before or {}).get(kind, 0) for kind in (*KINDS, "expected")}
    return total | {"last_round": sum(other.values())}


def spent(costs: Mapping) -> float:
    """Core-hours of an account."""
    return sum(costs[kind] for kind in KINDS) / 3600


def rate(costs: Mapping) -> float:
    """Core-seconds that labels took for a unit of what they ought to cost, 0 without labels."""
    return costs["labels"] / costs["expected"] if costs["expected"] else 0.0


def forecast(costs: Mapping, expected: float) -> float:
    """Tell what a round will cost (core-hours).

    Parameters
    ----------
    costs : Mapping
        Account of the batch before.
    expected : float
        Of the round's labels, in the unit of `smallcell.cost.expected_cost`.
    """
    return (expected * rate(costs) + costs["last_round"]) / 3600
