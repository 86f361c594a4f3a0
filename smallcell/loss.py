"""What a fit minimises: weighted squared errors of energies, forces and stresses.

The loss of configuration c with N atoms and volume V is ::

    w_E |dE|^2 / N^e  +  w_F |dF|^2 / N^f  +  w_S |V dS|^2 / N^s

with the stress as nine components, and the loss of a set is the mean over its configurations,
each counting by its own weight. The conventions that are in use differ in the powers e, f, s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

CONVENTIONS = {"size": (0, -1, 0), "mlip": (1, 0, 1), "motep": (2, 1, 2)}
"""Powers of the number of atoms that squared errors of energy, forces and stress are divided by:
ours, the default of MLIP-2 and MLIP-3, and motep's. From one to the next, large cells count for
less by a factor of the number of atoms. Small cells are symmetric and alike; what the few larger
ones tell is what a potential needs in cells larger still (docs/results.md has the effect)."""


@dataclass(frozen=True)
class Weights:
    """Weights of squared errors in the loss (energies in eV, lengths in A).

    MLIP's are an energy weight of 1, a force weight of 0.01 and a stress weight of 0.001 in the
    convention ``mlip``.

    A configuration counts by the weight in its ``atoms.info["weight"]``, or else by 1.

    Attributes
    ----------
    energy, force, stress : float
        Of the three kinds of labels.
    convention : str
        One of `CONVENTIONS`, for how the number of atoms counts.
    force_scale : float or None
        If given (eV/A), the squared error of an atom with force F is divided by
        ``1 + (F / force_scale)^2``, so that large forces need not be as accurate as small ones.
    """

    energy: float = 1.0
    force: float = 0.1
    stress: float = 0.001
    convention: str = "size"
    force_scale: float | None = None

    def __post_init__(self) -> None:
        """Refuse a convention that there is not."""
        if self.convention not in CONVENTIONS:
            raise ValueError(
                f"the convention of the weights is {self.convention}; it must be one of "
                f"{', '.join(CONVENTIONS)}"
            )


def labels(structures: Sequence[Atoms]) -> list[np.ndarray]:
    """Return the labels of each structure in the order of the observables of `engine.Engine`.

    Raises
    ------
    ValueError
        If a label is missing or not finite; it names the structure.
    """
    found = []
    for number, atoms in enumerate(structures):
        try:
            energy = atoms.get_potential_energy()
            forces = atoms.get_forces()
            virial = atoms.get_stress() * atoms.cell.volume
        except (RuntimeError, PropertyNotImplementedError) as error:
            raise ValueError(
                f"{name(number, atoms)} has not all of energy, forces and stress as labels: {error}"
            ) from error
        label = np.concatenate([[energy], forces.ravel(), virial])
        if not np.isfinite(label).all():
            raise ValueError(f"{name(number, atoms)} has a label that is not a finite number")
        found.append(label)
    return found


def scales(structures: Sequence[Atoms], weights: Weights) -> list[np.ndarray]:
    """Return square roots of what the squared errors of each structure's labels count for.

    Raises
    ------
    ValueError
        If a configuration's weight is not a positive number.
    """
    by_energy, by_force, by_stress = CONVENTIONS[weights.convention]
    counts = [_configuration_weight(number, atoms) for number, atoms in enumerate(structures)]
    found = []
    for atoms, count in zip(structures, counts, strict=True):
        n = len(atoms)
        force = np.full((n, 3), weights.force / n**by_force)
        if weights.force_scale is not None:
            squares = np.sum(atoms.get_forces() ** 2, axis=1, keepdims=True)
            force /= 1 + squares / weights.force_scale**2
        # Components off the diagonal stand twice in the tensor, once in Voigt order.
        stress = weights.stress / n**by_stress * np.array([1, 1, 1, 2, 2, 2])
        parts = [[weights.energy / n**by_energy], force.ravel(), stress]
        found.append(np.sqrt(np.concatenate(parts) * count / sum(counts)))
    return found


def reweighted(structures: Sequence[Atoms], factors: Sequence[float]) -> list[Atoms]:
    """Copy structures, the weight of each times a factor."""
    copies = []
    for atoms, factor in zip(structures, factors, strict=True):
        copies.append(atoms.copy())
        copies[-1].calc = atoms.calc
        copies[-1].info["weight"] = float(factor) * atoms.info.get("weight", 1.0)
    return copies


def emphasised(structures: Sequence[Atoms], energy_scale: float | None) -> list[Atoms]:
    """Have structures of high energy count for less; without a scale all count as they did.

    The weight of each is multiplied by ``1 / (1 + (e / energy_scale)^2)`` with the energy e of an
    atom above those of the elements' lowest structures. Structures far from equilibrium keep walks
    on the way; that they are only roughly right does no harm, but a small basis that must do them
    justice is worse everywhere. Partridge and Schwenke, J. Chem. Phys. 106, 4618 (1997), weight in
    this spirit.

    Parameters
    ----------
    structures : sequence of Atoms
        With energies.
    energy_scale : float or None
        eV/atom.

    Raises
    ------
    ValueError
        If there is no structure of one of the elements alone.
    """
    if energy_scale is None:
        return list(structures)
    energies = np.array([atoms.get_potential_energy() / len(atoms) for atoms in structures])
    kinds = [set(atoms.get_chemical_symbols()) for atoms in structures]
    elements = sorted(set().union(*kinds))
    lowest = {}
    for symbol in elements:
        pure = [energy for energy, kind in zip(energies, kinds, strict=True) if kind == {symbol}]
        if not pure:
            raise ValueError(
                f"fit.energy_scale needs structures of {symbol} alone in the training set; set it "
                "to null to have all count alike"
            )
        lowest[symbol] = min(pure)
    expected = [np.mean([lowest[symbol] for symbol in atoms.symbols]) for atoms in structures]
    excess = np.maximum(energies - expected, 0)
    return reweighted(structures, 1 / (1 + (excess / energy_scale) ** 2))


def name(number: int, atoms: Atoms) -> str:
    """Say what a person finds a configuration by: its place and its name if it has one."""
    given = atoms.info.get("name")
    return f"configuration {number}{f' ({given})' if given else ''} {atoms.get_chemical_formula()}"


def _configuration_weight(number: int, atoms: Atoms) -> float:
    weight = float(atoms.info.get("weight", 1.0))
    if not 0 < weight < np.inf:
        raise ValueError(f"{name(number, atoms)} has weight {weight}; it must be positive")
    return weight
