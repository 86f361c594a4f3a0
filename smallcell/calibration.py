"""What foresees the error of a potential better, the grade or the ensemble's disagreement.

Held-out structures were graded when a walk met them, before anybody knew their label. Their errors
are those of the potential of that time. What foresees errors puts structures in the same order as
they do, which Spearman's rank correlation measures; what is to be read as an error in eV/A needs a
factor besides. Forces that vanish by symmetry are right whatever the potential, so that structures
of these alone do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from ase import Atoms
from scipy.stats import rankdata

from smallcell.errors import bootstrap_counts, interval
from smallcell.force_bias import EDGES

FEWEST = 10
"""Structures below which nothing is concluded: of nine without any relation, one set in twenty has
a rank correlation beyond 0.68."""

PREDICTORS = ("grade", "disagreement")
ERRORS = ("force error meV/A", "energy error meV/atom")


@dataclass(frozen=True)
class Estimate:
    """A quantity and its confidence interval by the bootstrap over structures."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write ``0.82 [0.71, 0.90]``."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Calibration:
    """What foresees errors.

    Attributes
    ----------
    structures : int
        How many counted.
    correlations : dict of str to dict of str to Estimate
        Rank correlation by error (`ERRORS`) and predictor (`PREDICTORS`).
    lead : dict of str to Estimate
        By error, that of the disagreement less that of the grade.
    factor : Estimate
        Median of the force error over the disagreement.
    """

    structures: int
    correlations: dict[str, dict[str, Estimate]]
    lead: dict[str, Estimate]
    factor: Estimate


def calibration_table(
    structures: Sequence[Atoms], differences: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    """Table of held-out structures, one row each: what was foreseen and how wrong it was.

    Parameters
    ----------
    structures : sequence of Atoms
        With labels; ``info`` has ``batch`` (stage and round), ``grade`` and ``disagreement`` (eV/A)
        from when they were met.
    differences : sequence of tuple of ndarray
        Errors of the potential of that time, as `smallcell.errors.differences` finds them.

    Raises
    ------
    ValueError
        If a structure lacks one of the three.
    """
    rows = []
    for number, (atoms, (energy, force, _)) in enumerate(zip(structures, differences, strict=True)):
        if missing := {"batch", *PREDICTORS} - set(atoms.info):
            raise ValueError(
                f"held-out structure {number} {atoms.get_chemical_formula()} does not tell its "
                f"{' and '.join(sorted(missing))} from when it was met"
            )
        stage, _, round_ = atoms.info["batch"].partition("/")
        largest = np.linalg.norm(atoms.get_forces(), axis=1).max()
        rows.append(
            {
                "stage": stage,
                "round": int(round_),
                "atoms": len(atoms),
                "largest force meV/A": 1000 * largest,
                "grade": atoms.info["grade"],
                "disagreement meV/A": 1000 * atoms.info["disagreement"],
                "force error meV/A": 1000 * np.sqrt(np.mean(force**2)),
                "energy error meV/atom": 1000 * abs(energy[0]),
                "with forces": largest > EDGES[1],
            }
        )
    columns = ["stage", "round", "atoms", "largest force meV/A", "grade", "disagreement meV/A"]
    return pd.DataFrame(rows, columns=[*columns, *ERRORS, "with forces"])


def calibration(table: pd.DataFrame) -> Calibration | None:
    """Compare grade and disagreement by what `calibration_table` has found.

    Returns
    -------
    Calibration or None
        None if fewer than `FEWEST` structures count.
    """
    table = table[table["with forces"].astype(bool)]
    if len(table) < FEWEST:
        return None
    foreseen = {"grade": table["grade"], "disagreement": table["disagreement meV/A"]}
    counts = bootstrap_counts(len(table))
    samples = np.array([np.repeat(np.arange(len(table)), times) for times in counts])
    # The first sample is the set itself.
    samples = np.vstack([np.arange(len(table)), samples])
    correlations, lead = {}, {}
    for name in ERRORS:
        error = table[name].to_numpy()[samples]
        found = {
            predictor: rank_correlations(values.to_numpy()[samples], error)
            for predictor, values in foreseen.items()
        }
        correlations[name] = {predictor: _estimate(values) for predictor, values in found.items()}
        lead[name] = _estimate(found["disagreement"] - found["grade"])
    ratios = (table["force error meV/A"] / table["disagreement meV/A"]).to_numpy()[samples]
    return Calibration(len(table), correlations, lead, _estimate(np.median(ratios, axis=1)))


def rank_correlations(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of each row with that of the other table.

    Parameters
    ----------
    ones, others : ndarray, shape (n_samples, n_structures)

    Returns
    -------
    ndarray, shape (n_samples,)
        0 where all values of a row are equal.
    """
    ranks = [rankdata(values, axis=1) for values in (ones, others)]
    one, other = (values - values.mean(axis=1, keepdims=True) for values in ranks)
    sizes = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), sizes, out=np.zeros(len(one)), where=sizes > 0)


def conclusion(table: pd.DataFrame, found: Calibration | None) -> str:
    """Say in a sentence which of the two foresees force errors better."""
    if found is None:
        return (
            f"{table['with forces'].sum()} held-out structures with forces are too few to tell "
            f"what foresees the error; it takes {FEWEST}"
        )
    by_predictor = found.correlations["force error meV/A"]
    lead = found.lead["force error meV/A"]
    both = [*PREDICTORS] if lead.value < 0 else [*reversed(PREDICTORS)]
    better, worse = (by_predictor[name] for name in both)
    numbers = f"rank correlation {better} against {worse}, {found.structures} structures"
    if better.low <= 0:
        return f"neither {both[0]} nor {both[1]} foresees the error ({numbers})"
    if lead.low <= 0 <= lead.high:
        words = f"the {both[0]} foresees the error no better than the {both[1]} ({numbers})"
    else:
        words = f"the {both[0]} foresees the error better than the {both[1]} ({numbers})"
    return f"{words}; errors are {found.factor} times the disagreement"


def _estimate(samples: np.ndarray) -> Estimate:
    """Take the first of the samples and the interval of the rest."""
    return Estimate(float(samples[0]), *interval(samples[1:]))
