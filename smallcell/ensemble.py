"""Potentials that the same labels might as well have given, and by how much they disagree.

A member is a refit under random weights of the structures, the Bayesian bootstrap (Rubin, Ann.
Stat. 9, 130 (1981)), from the potential on, hence at a part of the cost of a fit from scratch.
Refits from other starts under the same weights end in the same few minima, so that their
disagreement tells how often a search went to the one or the other; with both, other starts and
other weights, forces are foreseen no better, energies worse, and now and then a search is caught in
a minimum that no fit would have kept (docs/results.md has the figures).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from smallcell.engine import Engine
from smallcell.fitting import fit
from smallcell.loss import Weights, reweighted
from smallcell.potential import Potential

ITERATIONS = 15
"""Most steps of a member's last search: members tell a spread, not digits."""


def members(
    structures: Sequence[Atoms],
    potential: Potential,
    weights: Weights,
    ridge: float,
    number: int,
    rng: np.random.Generator,
    threads: int = 1,
) -> list[Potential]:
    """Refit a potential to its training set under so many random weights of the structures.

    Parameters
    ----------
    structures, weights, threads
        Those of the fit, see `smallcell.fitting.fit`; a configuration's own weight is multiplied.
    potential : Potential
        The result of the fit.
    ridge : float
        The one that the fit has kept.
    number : int
        How many members to make.
    rng : Generator
        Of the random weights.

    Returns
    -------
    list of Potential
        Without active sets; the same on any number of threads.
    """
    return [
        fit(
            reweighted(structures, shares), [potential], weights, [ridge], ITERATIONS, threads
        ).potential
        for shares in rng.dirichlet(np.ones(len(structures)), number)
    ]


@dataclass(frozen=True)
class Disagreement:
    """Standard deviations over the members of an ensemble.

    Attributes
    ----------
    force : ndarray, shape (n_structures,)
        Of the force components, the root mean square over those of a structure (eV/A).
    energy : ndarray, shape (n_structures,)
        Of the energy (eV/atom).
    """

    force: np.ndarray
    energy: np.ndarray


def disagreement(
    ensemble: Sequence[Potential], structures: Sequence[Atoms], threads: int = 1
) -> Disagreement:
    """Tell by how much the members of an ensemble disagree on structures, labelled or not.

    Where a campaign has no ensemble, nobody disagrees.

    Raises
    ------
    ValueError
        If there is a single member.
    """
    if not ensemble:
        return Disagreement(np.zeros(len(structures)), np.zeros(len(structures)))
    if len(ensemble) == 1:
        raise ValueError("an ensemble of 1 cannot disagree; it takes two or more")
    engine = Engine(ensemble[0], structures, threads)
    by_member = [engine.values(member) for member in ensemble]
    force, energy = np.empty(len(structures)), np.empty(len(structures))
    for place, values in enumerate(zip(*by_member, strict=True)):
        energies, forces, _ = zip(*values, strict=True)
        energy[place] = np.std(np.mean(energies, axis=1), ddof=1)
        force[place] = np.sqrt(np.var(forces, axis=0, ddof=1).mean())
    return Disagreement(force, energy)
