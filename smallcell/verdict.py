"""The verdict on a round: what comes next and why, and whether its labels can be trusted."""

from collections import Counter
from collections.abc import Mapping, Sequence

from smallcell.choice import Outcome
from smallcell.held_out import intolerable
from smallcell.labels import SUCCESSES
from smallcell.sampling import WalkFate


def verdict(
    walks: Sequence[Mapping],
    fates: Sequence[Mapping],
    selection: Mapping,
    held_out: Mapping,
    tolerances: Mapping,
    last: bool,
    failed_share: float,
) -> dict:
    """Judge a round.

    Parameters
    ----------
    walks : sequence of Mapping
        Reports of the walkers: ``fate`` and number of ``frames``.
    fates : sequence of Mapping
        Reports of the labels of the selected structures.
    selection : Mapping
        Report of the selection, `smallcell.choice.Choice`.
    held_out : Mapping
        Errors of the potential that walked on the stage's held-out structures, those of this round
        among them, in the units of reports.
    tolerances : Mapping
        The configuration's ``verdict``.
    last : bool
        Whether the stage may have no further round.
    failed_share : float
        Share of failed labels above which the round is not to be trusted.

    Returns
    -------
    dict
        ``decision`` and its ``reasons``; ``warnings``, if a stage ends though it ought not to;
        ``held_out``; counts of walks, frames and fates.

    Raises
    ------
    ValueError
        If more labels failed than the share allows; the message names them.
    """
    check_failures(fates, failed_share)
    reasons, warnings = list(selection["reasons"]), []
    if selection["outcome"] == Outcome.ENOUGH:
        decision = "stage ends"
    elif not fates:
        budget = selection["outcome"] == Outcome.BUDGET
        decision = "campaign ends" if budget else "stage ends"
        warnings = reasons
    elif last:
        decision = "stage ends"
        faults = intolerable(held_out, tolerances)
        warnings = ["its limit of rounds is reached", *reasons, *faults]
        reasons = warnings
    else:
        decision = "again"
    return {
        "decision": decision,
        "reasons": reasons,
        "warnings": warnings,
        "held_out": dict(held_out),
        "walks": dict(Counter(walk["fate"] for walk in walks)),
        "frames": sum(walk["frames"] for walk in walks),
        "selected": len(fates),
        "fates": dict(Counter(fate["fate"] for fate in fates)),
    }


def check_walks(fates: Sequence[str], selected: int) -> None:
    """Refuse to take a round in which most walkers exploded for one that knows all.

    A few may: a hot cell of a few atoms without pressure evaporates now and then.

    Raises
    ------
    ValueError
        If most walkers exploded and nothing was selected to learn from.
    """
    exploded = sum(fate == WalkFate.EXPLODED for fate in fates)
    if exploded > len(fates) / 2 and not selected:
        raise ValueError(
            f"{exploded} of {len(fates)} walkers exploded though the potential seemed to know all "
            "that they met; try a smaller sampling.timestep or sampling.displacement"
        )


def check_failures(fates: Sequence[Mapping], failed_share: float) -> None:
    """Refuse labels of which more than a share failed.

    Parameters
    ----------
    fates : sequence of Mapping
        Reports of the labels of a batch.
    failed_share : float

    Raises
    ------
    ValueError
        With the number of each fate, and a line about each structure that failed.
    """
    failed = [fate for fate in fates if fate["fate"] not in SUCCESSES]
    if len(failed) <= failed_share * len(fates):
        return
    counts = Counter(fate["fate"] for fate in fates)
    raise ValueError(
        f"{len(failed)} of {len(fates)} labels failed "
        f"({', '.join(f'{number} {fate}' for fate, number in sorted(counts.items()))}), more than "
        f"labels.failed_share {failed_share} allows:\n"
        + "\n".join(map(_failure, failed))
        + "\nwhat pw.x printed is in the results, logs/<batch>/labels/<structure>.log"
    )


def _failure(fate: Mapping) -> str:
    """Tell of a structure that failed, in a line."""
    retries = f" after {', '.join(fate['retries'])}" if fate["retries"] else ""
    reason = f", {fate['message']}" if fate["message"] else ""
    return (
        f"  {fate['batch']}, structure {fate['structure']}, {fate['formula']}: "
        f"{fate['fate']}{retries}{reason}"
    )
