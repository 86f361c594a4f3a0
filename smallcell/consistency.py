"""Whether the labels of a set fit each other, and those of another set.

Between two configurations that are close to each other the energy changes by the work of forces
and stress on the way, here by the trapezoidal rule, whose error is of third order in the step; for
a crystal under pressure this is dE/dV = -P. Labels in mixed units, or a stress of the other sign,
break it by a factor that tells which. Labels that are all wrong by one factor pass; only another
set of known units can show that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from ase import Atoms
from ase.units import Bohr, GPa, Hartree, Ry, kcal, mol
from scipy.interpolate import make_interp_spline

LARGEST_STRAIN = 0.1
"""Largest component of the deformation between configurations that count as close."""

LARGEST_STEP = 0.3
"""Largest displacement of an atom between them beside the deformation (A)."""

NOISE = 0.003
"""Change of the energy below which k-meshes and convergence decide it (eV/atom)."""

FITS = 0.2
"""Mismatch up to which labels fit each other. A factor of 1.5 between energies and work makes 0.2;
sets of pw.x labels (K, Na-K, 88 to 2426 configurations) have 0.01 to 0.05."""

EXPLAINED = 0.1
"""Mismatch that a mistake has to leave to explain labels that do not fit."""

PAIRS_A_MISTAKE = 3
"""Close pairs for each mistake in an explanation from which on it is no accident."""

ENERGY_UNITS = {"eV": 1.0, "Ry": Ry, "Hartree": Hartree, "kcal/mol": kcal / mol}
FORCE_UNITS = {
    "eV/A": 1.0,
    "Ry/bohr": Ry / Bohr,
    "Hartree/bohr": Hartree / Bohr,
    "kcal/mol/A": kcal / mol,
}
STRESS_UNITS = {
    "eV/A^3": 1.0,
    "GPa": GPa,
    "kbar": GPa / 10,
    "Ry/bohr^3": Ry / Bohr**3,
    "Hartree/bohr^3": Hartree / Bohr**3,
}


@dataclass(frozen=True)
class Work:
    """What happens to the labels between two close configurations.

    Attributes
    ----------
    energy : float
        Change of the energy (eV).
    force, stress : float
        Work of forces and stress (eV); the change should be their sum.
    volume : float
        Mean volume of the cells (A^3).
    atoms : int
    """

    energy: float
    force: float
    stress: float
    volume: float
    atoms: int


def work(first: Atoms, second: Atoms) -> Work | None:
    """Work on the way from one labelled configuration to another, None if they are not close."""
    if not np.array_equal(first.numbers, second.numbers):
        return None
    cell = (first.cell.array + second.cell.array) / 2
    deformation = np.linalg.solve(cell, second.cell.array - first.cell.array)
    if np.abs(deformation).max() > LARGEST_STRAIN:
        return None
    fractions = second.get_scaled_positions(wrap=False) - first.get_scaled_positions(wrap=False)
    steps = (fractions - np.rint(fractions)) @ cell
    if np.linalg.norm(steps, axis=1).max() > LARGEST_STEP:
        return None
    ends = (first, second)
    forces = sum(atoms.get_forces() for atoms in ends) / 2
    virial = sum(atoms.get_volume() * atoms.get_stress(voigt=False) for atoms in ends) / 2
    return Work(
        energy=second.get_potential_energy() - first.get_potential_energy(),
        force=-float(np.sum(forces * steps)),
        stress=float(np.sum(virial * (deformation + deformation.T) / 2)),
        volume=(first.get_volume() + second.get_volume()) / 2,
        atoms=len(first),
    )


def close_pairs(structures: Sequence[Atoms]) -> list[Work]:
    """Work between close configurations that are neighbours in the set or in order of volume.

    Pairs between which neither energy nor work rises above `NOISE` are left out.
    """
    places = range(len(structures))
    by_volume = sorted(
        places, key=lambda n: (structures[n].numbers.tolist(), structures[n].get_volume())
    )
    pairs = {tuple(sorted(pair)) for order in (places, by_volume) for pair in pairwise(order)}
    found = (work(structures[first], structures[second]) for first, second in sorted(pairs))
    return [
        one
        for one in found
        if one is not None and max(abs(one.energy), abs(one.force + one.stress)) > NOISE * one.atoms
    ]


@dataclass(frozen=True)
class Fit:
    """How well labels fit each other.

    Attributes
    ----------
    pairs : int
        Close pairs that it is judged by.
    mismatch : float or None
        ``|E - W| / (|E| + |W|)`` over all changes of energy E and their work W: 0 if they are
        equal, 1 if they are opposite or one is nothing beside the other; None without pairs.
    mistakes : tuple of str
        What would explain a mismatch above `FITS`: the fewest mistakes that leave less than
        `EXPLAINED`, the best first where there are several ways.
    sure : bool
        Whether there are enough pairs (`PAIRS_A_MISTAKE`) for so many mistakes.
    """

    pairs: int
    mismatch: float | None
    mistakes: tuple[str, ...] = ()
    sure: bool = False


def fit_of_labels(pairs: Sequence[Work]) -> Fit:
    """Judge labels by energies and work between close configurations (`close_pairs`)."""
    if not pairs:
        return Fit(0, None)
    energy, force, stress, volume = np.array(
        [(one.energy, one.force, one.stress, one.volume) for one in pairs]
    ).T
    mismatch = _mismatch(energy, force + stress)
    if mismatch <= FITS:
        return Fit(len(pairs), mismatch)
    # Each kind of mistake: nothing wrong, or words for what is wrong and the factor that mends it.
    energies = _mistakes("energies in {}", ENERGY_UNITS)
    forces = _mistakes("forces in {}", FORCE_UNITS)
    stresses = _mistakes("a stress in {}", STRESS_UNITS)
    stresses.append(("stress times volume, a virial, in place of a stress", 1 / volume))
    gradients = [(None, 1), ("gradients in place of forces", -1)]
    signs = [(None, 1), ("a stress of the opposite sign", -1)]
    explanations = []
    for combination in product(energies, forces, gradients, stresses, signs):
        words = [words for words, _ in combination if words]
        e, f, gradient, s, sign = (factor for _, factor in combination)
        left = _mismatch(e * energy, gradient * f * force + sign * s * stress)
        if left < EXPLAINED:
            explanations.append((len(words), left, " and ".join(words)))
    fewest = min(explanations, default=(0,))[0]
    simplest = [words for number, _, words in sorted(explanations) if number == fewest]
    return Fit(len(pairs), mismatch, tuple(simplest), 0 < PAIRS_A_MISTAKE * fewest <= len(pairs))


def _mistakes(words: str, units: Mapping[str, float]) -> list[tuple[str | None, float]]:
    """Words for labels in each unit, none for the first, which is right, and its size."""
    right = next(iter(units))
    return [(None if unit == right else words.format(unit), size) for unit, size in units.items()]


def _mismatch(energy: np.ndarray, work: np.ndarray) -> float:
    sizes = np.linalg.norm(energy) + np.linalg.norm(work)
    return float(np.linalg.norm(energy - work) / sizes) if sizes else 0.0


@dataclass(frozen=True)
class Offset:
    """By how much energies of one set lie above those of another.

    Attributes
    ----------
    energy : float
        For each atom of an element (eV).
    crystals : bool
        Whether it comes from configurations of this element alone, at volumes that both sets have;
        otherwise energies of formation are in it.
    """

    energy: float
    crystals: bool


def energy_offsets(structures: Sequence[Atoms], crystals: Sequence[Atoms]) -> dict[str, Offset]:
    """Offsets of the energies of a set, for each element, against those of known crystals.

    A configuration of one element is compared with its crystal at the same volume, one of several
    elements with the crystals at their best volumes. Temperature and disorder raise an energy, so
    that of each composition the lowest difference is what another reference would explain. It is
    the offset of an element that stands alone; those of others are fitted by least squares.

    Parameters
    ----------
    structures, crystals : sequence of Atoms
        With energies relative to isolated atoms (eV); crystals of one element each, strained.

    Returns
    -------
    dict
        Offsets of the elements that could be compared.
    """
    curves = {symbol: _curve(crystals, symbol) for symbol in _elements(crystals)}
    lowest: dict[tuple[tuple[str, float], ...], float] = {}
    for atoms in structures:
        symbols, counts = np.unique(atoms.symbols, return_counts=True)
        if not set(symbols) <= set(curves):
            continue
        shares = tuple(zip(symbols.tolist(), (counts / len(atoms)).tolist(), strict=True))
        known = _crystal_energy(dict(shares), atoms.get_volume() / len(atoms), curves)
        if known is not None:
            excess = atoms.get_potential_energy() / len(atoms) - known
            lowest[shares] = min(excess, lowest.get(shares, np.inf))
    alone = {shares[0][0]: excess for shares, excess in lowest.items() if len(shares) == 1}
    mixed = [(dict(shares), excess) for shares, excess in lowest.items() if len(shares) > 1]
    others = sorted({symbol for shares, _ in mixed for symbol in shares} - set(alone))
    table = np.array([[shares.get(symbol, 0.0) for symbol in others] for shares, _ in mixed])
    left = [excess - sum(shares.get(s, 0.0) * alone[s] for s in alone) for shares, excess in mixed]
    fitted = np.linalg.lstsq(table, np.array(left), rcond=None)[0] if others else []
    return {symbol: Offset(excess, True) for symbol, excess in alone.items()} | {
        symbol: Offset(float(offset), False) for symbol, offset in zip(others, fitted, strict=True)
    }


def _elements(structures: Sequence[Atoms]) -> list[str]:
    return sorted({symbol for atoms in structures for symbol in atoms.symbols})


def _curve(crystals: Sequence[Atoms], symbol: str) -> np.ndarray:
    """Volumes (A^3) and energies (eV) an atom of the crystals of an element, in two columns."""
    points = {
        atoms.get_volume() / len(atoms): atoms.get_potential_energy() / len(atoms)
        for atoms in crystals
        if set(atoms.symbols) == {symbol}
    }
    return np.array(sorted(points.items()))


def _crystal_energy(shares: dict[str, float], volume: float, curves: dict) -> float | None:
    """Energy an atom of known crystals in the shares of a configuration, None out of range."""
    if len(shares) > 1:
        return sum(share * curves[symbol][:, 1].min() for symbol, share in shares.items())
    (curve,) = (curves[symbol] for symbol in shares)
    if not curve[0, 0] <= volume <= curve[-1, 0]:
        return None
    spline = make_interp_spline(*curve.T, k=min(3, len(curve) - 1))
    return float(spline(volume))


def size_of_stresses(structures: Sequence[Atoms], crystals: Sequence[Atoms]) -> float | None:
    """Compare the stresses of a set with those of known crystals at the same volumes.

    Returns
    -------
    float or None
        Median over the configurations of the largest component of the stress, in units of the
        largest one of the crystals; only volumes an atom between those of the crystals count.
        None if there are none.
    """
    volumes = [atoms.get_volume() / len(atoms) for atoms in crystals]
    sizes = [
        np.abs(atoms.get_stress()).max()
        for atoms in structures
        if crystals and min(volumes) <= atoms.get_volume() / len(atoms) <= max(volumes)
    ]
    if not sizes:
        return None
    largest = max(np.abs(atoms.get_stress()).max() for atoms in crystals)
    return float(np.median(sizes) / largest)
