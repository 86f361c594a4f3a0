"""Other descriptions of a crystal, for tests of what must not depend on the description."""

import numpy as np
from ase import Atoms


def described_otherwise(
    atoms: Atoms, rng: np.random.Generator, steps: int = 4, noise: float = 0.0
) -> Atoms:
    """The crystal in other words: lattice vectors, origin, order of atoms, orientation, and in half
    of all cases seen in a mirror. Lattice vectors are skewed in so many steps."""
    change = np.eye(3, dtype=int)
    for _ in range(steps):
        one, other = rng.choice(3, 2, replace=False)
        change[one] += rng.integers(-3, 4) * change[other]
    change = change[rng.permutation(3)] * rng.choice([-1, 1], 3)[:, None]
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.choice([-1, 1])
    order = rng.permutation(len(atoms))
    lattice_points = rng.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    positions = (atoms.positions + lattice_points + rng.uniform(-5, 5, 3)) @ turn
    cell = change @ atoms.cell.array @ turn
    return Atoms(
        numbers=atoms.numbers[order],
        cell=cell + rng.uniform(-noise, noise, (3, 3)),
        positions=positions[order] + rng.uniform(-noise, noise, (len(atoms), 3)),
        pbc=True,
    )
