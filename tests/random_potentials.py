"""Random potentials and structures that carry a potential's own values as labels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.basis import generate_basis
from smallcell.engine import MTPCalculator
from smallcell.fitting import starting_potential
from smallcell.potential import Potential


def random_potential(species: tuple[str, ...], level: int, seed: int) -> Potential:
    """Return a potential with random radial functions, shifts and linear coefficients."""
    rng = np.random.default_rng(seed)
    potential = starting_potential(
        species, generate_basis(level), cutoff=7.0, closest=2.8, n_chebyshev=8, rng=rng
    )
    return replace(
        potential,
        shifts=rng.uniform(-1, 1, len(species)),
        linear=rng.uniform(-0.1, 0.1, len(potential.linear)),
    )


def random_structures(species: Sequence[str], number: int, seed: int) -> list[Atoms]:
    """Return sheared bcc cells of one, two and four displaced atoms, all smaller than the cut-off.

    The elements come in turn, so that every one occurs once there are a few structures.
    """
    rng = np.random.default_rng(seed)
    structures = []
    for place in range(number):
        lattice = 5.28 * rng.uniform(0.9, 1.1)
        atoms = bulk(species[0], "bcc", a=lattice, cubic=place % 3 > 0)
        if place % 3 == 2:
            atoms = make_supercell(atoms, np.diag([1, 1, 2]))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.05, 0.05, (3, 3))), True)
        atoms.positions += rng.normal(0, 0.2, atoms.positions.shape)
        atoms.symbols = [species[(place + i) % len(species)] for i in range(len(atoms))]
        structures.append(atoms)
    return structures


def labelled(structures: Sequence[Atoms], potential: Potential) -> list[Atoms]:
    """Return copies with the potential's energy, forces and stress as labels."""
    engine = MTPCalculator(potential)
    copies = [atoms.copy() for atoms in structures]
    for atoms in copies:
        engine.calculate(atoms)
        atoms.calc = SinglePointCalculator(
            atoms, **{name: engine.results[name] for name in ("energy", "forces", "stress")}
        )
    return copies


def with_label(atoms: Atoms, **changed) -> Atoms:
    """Return a copy with some of its labels changed, or left out where they are None."""
    labels = {name: np.copy(value) for name, value in atoms.calc.results.items()} | changed
    copy = atoms.copy()
    copy.calc = SinglePointCalculator(
        copy, **{name: value for name, value in labels.items() if value is not None}
    )
    return copy


def with_noise(structures: Sequence[Atoms], seed: int) -> list[Atoms]:
    """Return copies with noise of 3 meV on energies and 30 meV/A on forces."""
    rng = np.random.default_rng(seed)
    return [
        with_label(
            atoms,
            energy=atoms.get_potential_energy() + rng.normal(0, 3e-3),
            forces=atoms.get_forces() + rng.normal(0, 0.03, (len(atoms), 3)),
        )
        for atoms in structures
    ]
