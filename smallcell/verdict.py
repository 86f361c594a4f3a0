"""The verdict on a round: whether it found something new, and whether it can be trusted."""

from collections import Counter
from collections.abc import Mapping, Sequence

from smallcell.labels import SUCCESSES
from smallcell.sampling import WalkFate


def verdict(
    walks: Sequence[Mapping], fates: Sequence[Mapping], last: bool, failed_share: float
) -> dict:
    """Judge a round.

    Parameters
    ----------
    walks : sequence of Mapping
        Reports of the walkers: ``fate`` and number of ``frames``.
    fates : sequence of Mapping
        Reports of the labels of the selected structures.
    last : bool
        Whether the stage may have no further round.
    failed_share : float
        Share of failed labels above which the round is not to be trusted.

    Returns
    -------
    dict
        ``new``: whether structures were selected, so that the potential has to be fitted again;
        ``decision`` and its ``reason``; counts of walks, frames and fates.

    Raises
    ------
    ValueError
        If more labels failed than the share allows; the message names them.
    """
    check_failures(fates, failed_share)
    frames = sum(walk["frames"] for walk in walks)
    if not fates:
        decision, reason = "stage ends", "no walker met a configuration that the potential ignores"
    elif last:
        decision, reason = "stage ends", "limit of rounds reached with something new in the last"
    else:
        decision, reason = "again", "walkers met configurations that the potential did not know"
    return {
        "new": bool(fates),
        "decision": decision,
        "reason": reason,
        "walks": dict(Counter(walk["fate"] for walk in walks)),
        "frames": frames,
        "selected": len(fates),
        "fates": dict(Counter(fate["fate"] for fate in fates)),
    }


def check_walks(fates: Sequence[str], selected: int) -> None:
    """Refuse to take a round in which walkers exploded for one that knows all.

    Raises
    ------
    ValueError
        If walkers exploded and nothing was selected to learn from.
    """
    exploded = sum(fate == WalkFate.EXPLODED for fate in fates)
    if exploded and not selected:
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
