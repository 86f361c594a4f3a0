"""The fit of a campaign's batch, by what its configuration says."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms

from smallcell.basis import generate_basis
from smallcell.fitting import STARTS, Fit, fit, random_starts
from smallcell.loss import Weights, emphasised
from smallcell.potential import Potential


def refit(
    structures: Sequence[Atoms],
    before: Potential | None,
    species: Sequence[str],
    configuration: Mapping,
    seed: int,
    threads: int,
) -> Fit:
    """Fit a potential, from that of the batch before and from random starts beside it.

    Parameters
    ----------
    structures : sequence of Atoms
        The training set.
    before : Potential or None
        None for the first fit, which has more random starts.
    species : sequence of str
        In the order of the potential's types.
    configuration : Mapping
        ``potential`` and ``fit``.
    seed : int
        The campaign's.
    threads : int
        Results do not depend on it.
    """
    form, settings = configuration["potential"], configuration["fit"]
    starts = random_starts(
        structures,
        tuple(species),
        generate_basis(form["level"]),
        form["cutoff"],
        form["radial_basis_size"],
        np.random.default_rng([seed, len(structures)]),
        settings["starts"] if before else STARTS,
    )
    return fit(
        emphasised(structures, settings["energy_scale"]),
        [before, *starts] if before else starts,
        Weights(**settings["weights"]),
        settings["ridges"],
        settings["iterations"],
        threads,
    )
