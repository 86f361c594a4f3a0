"""Errors of a potential on labelled structures, with confidence intervals, and what to hold out.

Structures are what was drawn, not force components, which are alike within a structure: intervals
are from the bootstrap over structures (Efron, Ann. Stat. 7, 1 (1979)).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from ase.units import GPa

from smallcell.engine import Engine
from smallcell.loss import labels
from smallcell.potential import Potential

CONFIDENCE = 0.95
"""Confidence of the intervals."""

REPORT_FACTORS = {"energy": 1000, "force": 1000, "stress": 1 / GPa}
"""From eV/atom, eV/A and eV/A^3 to what reports have: meV/atom, meV/A and GPa."""

RESAMPLES = 2000
"""Bootstrap samples; the ends of an interval vary by 1 to 2 % of it with another seed."""


@dataclass(frozen=True)
class Errors:
    """Errors of a potential on labelled structures; NaN where there are no structures.

    Attributes
    ----------
    energy, energy_maximum : float
        Root mean square and largest error of the energy (eV/atom).
    energy_interval : tuple of float
        Confidence interval of the root mean square, see `CONFIDENCE`.
    force, force_maximum, force_interval
        The same of the force components (eV/A).
    stress, stress_maximum, stress_interval
        The same of the nine components of the stress tensor (eV/A^3).
    configurations, atoms : int
        How many there were.
    """

    energy: float
    energy_maximum: float
    energy_interval: tuple[float, float]
    force: float
    force_maximum: float
    force_interval: tuple[float, float]
    stress: float
    stress_maximum: float
    stress_interval: tuple[float, float]
    configurations: int
    atoms: int


def errors(potential: Potential, structures: Sequence[Atoms]) -> Errors:
    """Compare a potential with the labels of structures, as in the tables of the paper.

    Raises
    ------
    ValueError
        If a label is missing or not finite.
    """
    return summary(differences(potential, structures))


def in_report_units(found: Errors) -> dict:
    """Errors in meV/atom, meV/A and GPa, with largest ones and intervals; None of no structures."""
    report = {}
    for name, factor in REPORT_FACTORS.items():
        for key in (name, f"{name}_maximum"):
            value = getattr(found, key) * factor
            report[key] = value if np.isfinite(value) else None
        interval = np.array(getattr(found, f"{name}_interval")) * factor
        report[f"{name}_interval"] = interval.tolist() if np.isfinite(interval).all() else None
    return report | {"configurations": found.configurations, "atoms": found.atoms}


def differences(
    potential: Potential, structures: Sequence[Atoms], up_to_constants: bool = False
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return errors of energy per atom, forces and stress tensor, all flat, of each structure.

    With ``up_to_constants`` the errors of energies are those that `energy_constants` leaves.
    """
    found = []
    values = Engine(potential, structures).values(potential)
    for atoms, label, value in zip(structures, labels(structures), values, strict=True):
        energy, force, virial = value
        found.append(
            (
                np.array([(energy.sum() - label[0]) / len(atoms)]),
                force.ravel() - label[1:-6],
                voigt_6_to_full_3x3_stress((virial - label[-6:]) / atoms.cell.volume).ravel(),
            )
        )
    if not up_to_constants:
        return found
    constants = energy_constants([energy.item() for energy, _, _ in found], structures)
    return [
        (energy - np.mean([constants[symbol] for symbol in atoms.symbols]), force, stress)
        for (energy, force, stress), atoms in zip(found, structures, strict=True)
    ]


def energy_constants(energies: Sequence[float], structures: Sequence[Atoms]) -> dict[str, float]:
    """Fit errors of energies by a constant for each element.

    Energies of labels from elsewhere, and of potentials that learnt from such, count from other
    isolated atoms, which nothing that is measured feels. Of a single element the constant is the
    mean; of several they are fitted by least squares.

    Parameters
    ----------
    energies : sequence of float
        Errors of the energy of an atom in each structure (eV/atom).
    structures : sequence of Atoms

    Returns
    -------
    dict of str to float
        eV/atom; not numbers if there are no more structures than constants, which would then take
        all of the errors.
    """
    symbols = sorted({symbol for atoms in structures for symbol in atoms.symbols})
    shares = [[np.mean(atoms.symbols == symbol) for symbol in symbols] for atoms in structures]
    if len(structures) <= (np.linalg.matrix_rank(shares) if shares else 0):
        return dict.fromkeys(symbols, np.nan)
    constants, *_ = np.linalg.lstsq(shares, energies, rcond=None)
    return dict(zip(symbols, constants.tolist(), strict=True))


def summary(by_structure: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Errors:
    """Summarise what `differences` returned, of one potential or of those of several folds."""
    kinds = zip(*by_structure, strict=True) if by_structure else ([], [], [])
    found = []
    for kind in kinds:
        found += _rms_maximum_interval(kind)
    return Errors(
        *found,
        configurations=len(by_structure),
        atoms=sum(len(forces) // 3 for _, forces, _ in by_structure),
    )


def _rms_maximum_interval(
    by_structure: Sequence[np.ndarray],
) -> tuple[float, float, tuple[float, float]]:
    """Root mean square, largest absolute value and interval of the former; NaN of nothing."""
    if not by_structure:
        return np.nan, np.nan, (np.nan, np.nan)
    squares = np.array([np.sum(one**2) for one in by_structure])
    counts = np.array([len(one) for one in by_structure])
    times = bootstrap_counts(len(counts))
    return (
        float(np.sqrt(squares.sum() / counts.sum())),
        float(max(np.abs(one).max() for one in by_structure)),
        interval(np.sqrt((times @ squares) / (times @ counts))),
    )


def bootstrap_counts(number: int) -> np.ndarray:
    """Return how often each of so many structures is drawn, in `RESAMPLES` bootstrap samples.

    Returns
    -------
    ndarray of int, shape (RESAMPLES, number)
        The same in every call.
    """
    draws = np.random.default_rng(0)
    return draws.multinomial(number, np.full(number, 1 / number), size=RESAMPLES)


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """Confidence interval of a quantity by its values in the bootstrap samples."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def held_out(structures: Sequence[Atoms], share: float) -> np.ndarray:
    """Choose structures that a fit shall not see, each by itself.

    A structure is held out if `hash_fraction` is below the share; so neither its place nor the
    other structures matter, and nothing that was trained on is ever held out later.

    Parameters
    ----------
    structures : sequence of Atoms
        Labels are not looked at.
    share : float
        Expected share of structures to hold out, from 0 to below 1.

    Returns
    -------
    ndarray of bool, shape (n_structures,)

    Raises
    ------
    ValueError
        If the share is out of range.
    """
    if not 0 <= share < 1:
        raise ValueError(f"the held-out share is {share}; it must be at least 0 and below 1")
    return np.array([hash_fraction(atoms) < share for atoms in structures], dtype=bool)


def groups(structures: Sequence[Atoms], number: int) -> list[np.ndarray]:
    """Divide structures into groups of nearly equal size, in the order of `hash_fraction`.

    Returns
    -------
    list of ndarray of int
        Places of the structures of each group; as many groups as structures if there are fewer.
        Copies of a structure are neighbours, so hardly ever in two groups.
    """
    order = np.argsort([hash_fraction(atoms) for atoms in structures], kind="stable")
    return np.array_split(order, min(number, len(order)))


def hash_fraction(atoms: Atoms) -> float:
    """Map elements, positions and cell (to 1e-6 A) of a structure to a number in [0, 1)."""
    lengths = np.rint(np.vstack([atoms.cell.array, atoms.positions]) * 1e6).astype("<i8")
    content = atoms.numbers.astype("<i8").tobytes() + lengths.tobytes()
    return int.from_bytes(hashlib.sha256(content).digest()[:6], "little") / 2**48
