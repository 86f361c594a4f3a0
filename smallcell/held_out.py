"""Held-out structures: drawn from the walks whatever their grade, labelled, and not trained on.

What selection takes is what the potential knows least; its errors there say nothing of those that a
user meets. So each round labels a few frames that walkers passed through, drawn at random. A
potential is judged by those of the last rounds, which it has not seen; older ones join the training
set, so that no label is only spent on a judgement.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from ase import Atoms

HELD_OUT = "held out"
"""``info["purpose"]`` of structures that are labelled to judge by."""

TRAINING = "training"
"""``info["purpose"]`` of structures that are labelled to learn from."""

QUANTITIES = {"energy": "meV/atom", "force": "meV/A", "stress": "GPa"}
"""What is tolerated of errors, in the units that a report has them in."""


def draw(
    walkers: Sequence[int],
    kinds: Sequence[Hashable],
    taken: Mapping[Hashable, int],
    number: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw samples of walks, of as many kinds and walkers as there are.

    Parameters
    ----------
    walkers : sequence of int
        The walker that each sample is of.
    kinds : sequence
        What kind each sample is of; that of which the fewest are taken has its turn.
    taken : Mapping
        How many of each kind are taken already.
    number : int
        How many to draw; fewer if there are fewer.
    rng : Generator

    Returns
    -------
    ndarray of int
        Places of the samples, ascending.
    """
    order = rng.permutation(len(walkers))
    turns: dict[int, int] = {}
    turn = np.empty(len(walkers), dtype=int)
    for place in order:
        turn[place] = turns[walkers[place]] = turns.get(walkers[place], -1) + 1
    left = sorted(order, key=lambda place: turn[place])
    counts, drawn = Counter(taken), []
    while left and len(drawn) < number:
        place = min(left, key=lambda place: (counts[kinds[place]], turn[place]))
        left.remove(place)
        counts[kinds[place]] += 1
        drawn.append(place)
    return np.sort(np.array(drawn, dtype=int))


def divide(
    before: Sequence[Atoms], labelled: Sequence[Atoms], rounds: int
) -> tuple[list[Atoms], list[Atoms]]:
    """Divide held-out structures into those that are still held out and those to be trained on.

    Parameters
    ----------
    before : sequence of Atoms
        Held out up to now, in the order of rounds, ``info["batch"]`` their round.
    labelled : sequence of Atoms
        Those of the new round.
    rounds : int
        How many rounds keep theirs held out.

    Returns
    -------
    kept, released : list of Atoms
    """
    everything = [*before, *labelled]
    batches = list(dict.fromkeys(atoms.info["batch"] for atoms in everything))
    last = set(batches[max(0, len(batches) - rounds) :])
    kept = [atoms for atoms in everything if atoms.info["batch"] in last]
    released = [atoms for atoms in everything if atoms.info["batch"] not in last]
    return kept, released


def taken_in(
    before: Sequence[Atoms], labelled: Sequence[Atoms], rounds: int
) -> tuple[list[Atoms], list[Atoms]]:
    """Take in what a batch has labelled: some to learn from, some to hold out.

    Parameters
    ----------
    before : sequence of Atoms
        Held out up to now.
    labelled : sequence of Atoms
        ``info["purpose"]`` is `HELD_OUT` for those to judge by.
    rounds : int
        How many rounds keep theirs held out.

    Returns
    -------
    learnt, held_out : list of Atoms
        What joins the training set now, and all that is held out now.
    """
    new: dict[bool, list[Atoms]] = {True: [], False: []}
    for atoms in labelled:
        new[atoms.info.get("purpose") == HELD_OUT].append(atoms)
    kept, released = divide(before, new[True], rounds)
    return released + new[False], kept


def of_stage(structures: Sequence[Atoms], stage: str) -> list[Atoms]:
    """Structures that were met in a stage."""
    return [atoms for atoms in structures if atoms.info["batch"].startswith(f"{stage}/")]


def intolerable(report: Mapping, tolerances: Mapping) -> list[str]:
    """Say which errors may be above their tolerances, as far as the held-out structures tell.

    An error is within its tolerance if the upper end of its confidence interval is.

    Parameters
    ----------
    report : Mapping
        Errors in the units of `QUANTITIES` with their intervals, see `in_report_units`.
    tolerances : Mapping
        By quantity; None or none for one that may be whatever it is.

    Returns
    -------
    list of str
        In words, empty if all are tolerable.
    """
    wanted = {name: tolerances.get(name) for name in QUANTITIES}
    if not any(wanted.values()):
        return []
    if report["configurations"] < tolerances["least"]:
        return [
            f"{report['configurations']} held-out structures of the stage are too few to judge "
            f"errors by; verdict.least asks for {tolerances['least']}"
        ]
    return [
        f"the held-out {name} error of {report[name]:.3g} {QUANTITIES[name]} may be as high as "
        f"{report[f'{name}_interval'][1]:.3g}; verdict.{name} allows {limit:g}"
        for name, limit in wanted.items()
        if limit and report[f"{name}_interval"][1] > limit
    ]
