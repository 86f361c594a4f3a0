"""What a round labels: what extends the training set, what is to judge by, or nothing any more.

A stage is done when a full round of walks has met nothing above the threshold of the extrapolation
grade and the errors on held-out structures are tolerable. If they are not, samples of the walks are
labelled whose grade alone would not have it: the potential spans them, but has not seen enough of
their like.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from ase import Atoms

from smallcell.candidates import Candidates
from smallcell.composition import most_of_each, tenths_of
from smallcell.held_out import HELD_OUT, TRAINING, draw
from smallcell.potential import Potential
from smallcell.selection import grades, unspanned


class Outcome(StrEnum):
    """What the selection of a round came to.

    NEW if walkers met what the potential does not know, INACCURATE if they did not but errors are
    intolerable, ENOUGH if neither, BUDGET if not even one label can be paid for.
    """

    NEW = "new"
    INACCURATE = "inaccurate"
    ENOUGH = "enough"
    BUDGET = "budget"


@dataclass(frozen=True)
class Choice:
    """What a round labels.

    Attributes
    ----------
    outcome : Outcome
    reasons : list of str
        In words.
    structures : list of Atoms
        ``info["purpose"]`` is `TRAINING` or `HELD_OUT`, ``info["grade"]`` the extrapolation grade.
    """

    outcome: Outcome
    reasons: list[str]
    structures: list[Atoms]

    def number(self, purpose: str) -> int:
        """How many structures are labelled to some purpose."""
        return sum(atoms.info["purpose"] == purpose for atoms in self.structures)


def choose(
    potential: Potential,
    frames: Candidates,
    samples: Candidates,
    chosen: np.ndarray,
    settings: Mapping,
    faults: Sequence[str],
    disagreement: np.ndarray,
    rng: np.random.Generator,
) -> Choice:
    """Choose what a round labels.

    Parameters
    ----------
    potential : Potential
        With the active set that the walks' grades come from.
    frames, samples : Candidates
        Of all walks; ``info["walker"]`` tells whose a sample is.
    chosen : ndarray of int
        Frames that extend the training set (`smallcell.learning.extending`).
    settings : Mapping
        ``at_most`` so many samples to learn from if errors are intolerable; ``held_out``, so many
        to judge by.
    faults : sequence of str
        What is wrong with the errors on held-out structures, in words; empty if they are tolerable.
    disagreement : ndarray, shape (n_samples,)
        Of an ensemble, on the samples, which foresees errors better than the grade does
        (docs/results.md); all equal without an ensemble.
    rng : Generator

    Notes
    -----
    Of an alloy, all tenths of composition that walks met have the same share of what is learnt
    from, and what is held out is first of those that have least (`smallcell.composition`).
    """
    known = grades(frames.rows, potential.active_set, frames.owners)
    new, met = (
        [tenths_of(atoms, potential.species) for atoms in found.structures]
        for found in (frames, samples)
    )
    taken = Counter(new[place] for place in chosen)
    labelled = [(frames.structures[place], known[place], TRAINING) for place in chosen]
    if len(chosen):
        outcome = Outcome.NEW
        reasons = [
            f"walkers met what the potential does not know, grades up to {known.max():.3g}: "
            f"{len(chosen)} of {len(frames.structures)} frames extend the training set"
        ]
        if potential.grade_mode == "configuration":
            reasons += _want_of_labels(frames.rows[chosen], potential)
    elif faults:
        outcome, reasons = Outcome.INACCURATE, list(faults)
    else:
        return Choice(Outcome.ENOUGH, ["no walker met what the potential does not know"], [])
    left = rng.permutation(len(samples.structures))
    known = grades(samples.rows, potential.active_set, samples.owners)
    if outcome == Outcome.INACCURATE:
        worst = left[np.argsort(-disagreement[left], kind="stable")]
        worst = _first_of_each(worst, met, most_of_each(settings["at_most"], met))
        worst = worst[: settings["at_most"]]
        taken = Counter(met[place] for place in worst)
        labelled += [(samples.structures[place], known[place], TRAINING) for place in worst]
        left = np.setdiff1d(left, worst)
    walkers = [samples.structures[place].info["walker"] for place in left]
    kinds = [met[place] for place in left]
    drawn = left[draw(walkers, kinds, taken, settings["held_out"], rng)]
    labelled += [(samples.structures[place], known[place], HELD_OUT) for place in drawn]
    for atoms, grade, purpose in labelled:
        atoms.info |= {"grade": float(grade), "purpose": purpose}
    return Choice(outcome, reasons, [atoms for atoms, _, _ in labelled])


def _want_of_labels(rows: np.ndarray, potential: Potential) -> list[str]:
    """Say how many of the configurations chosen are new only as there are so few labels, if any."""
    number = unspanned(rows, potential.active_set).sum()
    if not number:
        return []
    return [
        f"{number} of them are new as any structure would be: labels are fewer than the "
        "parameters of the potential, and walks stop early; graded by neighbourhoods "
        "(potential.grade) a label counts once for each atom"
    ]


def _first_of_each(places: np.ndarray, kinds: Sequence[Hashable], share: int) -> np.ndarray:
    """Keep of places in their order the first of each kind, so many of each."""
    counts: Counter = Counter()
    kept = []
    for place in places:
        if counts[kinds[place]] < share:
            counts[kinds[place]] += 1
            kept.append(place)
    return np.array(kept, dtype=int)


def within_budget(choice: Choice, hours: Sequence[float], left: float) -> Choice:
    """Keep of a choice what can be paid for, in its order: what is to be learnt comes first.

    Parameters
    ----------
    choice : Choice
    hours : sequence of float
        What the round costs with no more than the first, the first two, ... structures.
    left : float
        Of the budget, in the same unit.

    Returns
    -------
    Choice
        The same if all can be paid for; `Outcome.BUDGET` without structures if none can.
    """
    kept = int(np.searchsorted(hours, left, side="right"))
    if kept == len(choice.structures):
        return choice
    words = (
        f"the budget has {max(left, 0):.2f} core-hours left, of {hours[-1]:.2f} that the round "
        f"would take: {kept} of {len(choice.structures)} structures are labelled"
    )
    if not kept:
        return Choice(Outcome.BUDGET, [*choice.reasons, words], [])
    return Choice(choice.outcome, [*choice.reasons, words], choice.structures[:kept])
