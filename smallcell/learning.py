"""What a campaign's `engine` decides: who fits, and who selects.

Either engine gives the same kinds of things. ``built-in`` is the kernel of this repository,
``mlip`` the program of MLIP-3 (`smallcell.mlip`, docs/mlip.md).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from smallcell import mlip
from smallcell.basis import generate_basis
from smallcell.candidates import Candidates
from smallcell.composition import most_of_each, tenths_of
from smallcell.engine import Engine, with_active_set
from smallcell.fitting import Fit, check_species, lower_end, starting_potential
from smallcell.loss import Weights, labels, scales
from smallcell.potential import Potential, potential_text
from smallcell.radial import widened
from smallcell.refit import refit
from smallcell.selection import select


def learn(
    structures: Sequence[Atoms],
    before: Potential | None,
    species: Sequence[str],
    configuration: Mapping,
    seed: int,
    threads: int,
) -> Fit:
    """Fit a potential to a batch's training set and choose its active set.

    Parameters
    ----------
    structures, before, species, seed, threads
        As in `smallcell.refit.refit`.
    configuration : Mapping
        ``engine``, ``potential`` and ``fit``.

    Returns
    -------
    Fit
        Of a potential with an active set.
    """
    if configuration["engine"] == "mlip":
        return _by_mlip(structures, before, species, configuration, threads)
    found = refit(structures, before, species, configuration, seed, threads)
    grade = configuration["potential"]["grade"]
    return replace(found, potential=with_active_set(found.potential, structures, grade, threads))


def mlp_start(
    structures: Sequence[Atoms],
    before: Potential | None,
    species: Sequence[str],
    form: Mapping,
) -> str:
    """Return the text of the potential that ``mlp train`` starts from.

    It moves the lower end of the radial basis to where ours begins, and by that the functions. So
    the potential of the batch before is written in that basis first, as for a fit of ours.

    Parameters
    ----------
    structures, before, species
        As in `learn`. Without a potential before, the start has no coefficients.
    form : Mapping
        ``level``, ``cutoff`` and ``radial_basis_size``.
    """
    closest = lower_end(structures)
    if before:
        start = widened(before, closest)
    else:
        start = starting_potential(
            tuple(species),
            generate_basis(form["level"]),
            form["cutoff"],
            closest,
            form["radial_basis_size"],
            np.random.default_rng(0),
        )
    check_species(structures, start)
    return potential_text(start) if before else mlip.untrained_text(start)


def _by_mlip(
    structures: Sequence[Atoms],
    before: Potential | None,
    species: Sequence[str],
    configuration: Mapping,
    threads: int,
) -> Fit:
    """Fit by ``mlp train``, which works on one thread and has nothing random."""
    began = time.perf_counter()
    form, settings = configuration["potential"], configuration["fit"]
    weights = Weights(**settings["weights"])
    start = mlp_start(structures, before, species, form)
    trained = mlip.train(structures, start, species, weights, settings["iterations"], form["grade"])
    return Fit(
        potential=trained.potential,
        loss=_loss(trained.potential, structures, weights, threads),
        ridge=None,
        scores={},
        iterations=trained.iterations,
        converged=trained.converged,
        condition=None,
        seconds=time.perf_counter() - began,
    )


def _loss(
    potential: Potential, structures: Sequence[Atoms], weights: Weights, threads: int
) -> float:
    """Return the loss as `smallcell.loss` defines it."""
    values = Engine(potential, structures, threads).values(potential)
    found = 0.0
    for (energies, forces, virial), label, scale in zip(
        values, labels(structures), scales(structures, weights), strict=True
    ):
        errors = np.concatenate([[energies.sum()], forces.ravel(), virial]) - label
        found += float(np.sum((scale * errors) ** 2))
    return found


def extending(
    engine: str,
    potential: Potential,
    training: Sequence[Atoms],
    frames: Candidates,
    settings: Mapping,
    costs: np.ndarray | None,
) -> np.ndarray:
    """Choose of what walkers met the frames that extend the training set the most.

    Of an alloy all tenths of composition among the frames have an even share (see
    `smallcell.composition`), but not where MLIP-3 selects.

    Parameters
    ----------
    engine : {"built-in", "mlip"}
    potential : Potential
        With the active set that the walks' grades come from.
    training : sequence of Atoms
        Used by MLIP-3 only.
    frames : Candidates
    settings : Mapping
        ``threshold`` of the grade, which MLIP-3 does not heed; ``at_most`` so many frames.
    costs : ndarray, shape (n_frames,), or None
        What the label of each frame costs, in any unit; None if that does not count, as it never
        does for MLIP-3.

    Returns
    -------
    ndarray of int
        Frames, ascending.
    """
    if engine == "mlip":
        return mlip.select(potential, training, frames.structures, settings["at_most"])
    compositions = [tenths_of(atoms, potential.species) for atoms in frames.structures]
    numbers = {tenths: number for number, tenths in enumerate(dict.fromkeys(compositions))}
    return select(
        potential.active_set,
        frames.rows,
        settings["threshold"],
        settings["at_most"],
        frames.owners,
        costs,
        np.array([numbers[tenths] for tenths in compositions], dtype=int),
        most_of_each(settings["at_most"], compositions),
    )
