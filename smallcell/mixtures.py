"""Mixtures of elements: how they are called, and what a liquid of one begins as.

A mixture is described as an element is, so that a run of a liquid takes the one as the other.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from smallcell.cells import atom_volume

PART = re.compile(r"([A-Z][a-z]?)(0?\.\d+)")
"""An element and its share in a mixture's name."""

ROUNDED = 1e-3
"""By which the shares of a name may miss 1, as three thirds of two decimals nearly do."""


def shares_of(name: str) -> dict[str, float]:
    """Shares of atoms in a mixture by its name, such as ``Na0.33K0.67``.

    Raises
    ------
    ValueError
        If it is no name, if an element is there twice or alone, or if shares do not add to 1.
    """
    parts = PART.findall(name)
    if "".join(symbol + share for symbol, share in parts) != name or len(parts) < 2:
        raise ValueError(f"{name}: is no mixture; elements and shares are wanted, as Na0.33K0.67")
    shares = {symbol: float(share) for symbol, share in parts}
    if unknown := [symbol for symbol in shares if symbol not in atomic_numbers]:
        raise ValueError(f"{name}: {unknown[0]} is no element")
    if len(shares) < len(parts) or min(shares.values()) == 0:
        raise ValueError(f"{name}: each element must be there once, with a share above 0")
    if abs(sum(shares.values()) - 1) > ROUNDED:
        raise ValueError(f"{name}: shares are {sum(shares.values()):g} together, and must be 1")
    return shares


def name_of(shares: Mapping[str, float]) -> str:
    """Name of a mixture: the lightest element comes first, whatever the order of the shares."""
    return "".join(f"{symbol}{shares[symbol]:g}" for symbol in lightest_first(shares))


def system_of(symbols: Sequence[str]) -> str:
    """Name of an alloy of elements whatever their shares: ``Na-K``, the lightest first."""
    return "-".join(lightest_first(symbols))


def lightest_first(symbols: Iterable[str]) -> list[str]:
    """Sort elements by their atomic numbers."""
    return sorted(symbols, key=atomic_numbers.__getitem__)


def mixture(shares: Mapping[str, float], elements: Sequence[Mapping]) -> dict:
    """Describe a mixture as an element is described.

    Parameters
    ----------
    shares : Mapping
        Of atoms, by symbol.
    elements : sequence of Mapping
        ``symbol``, ``lattice`` and ``lattice_constant`` (A), these and maybe others.

    Returns
    -------
    dict
        ``symbol``, the mixture's name; ``lattice`` bcc and a ``lattice_constant`` (A) with the mean
        of an atom's volumes in the elements (Vegard's law, of volumes); ``shares``.
    """
    volumes = {element["symbol"]: atom_volume(element) for element in elements}
    if missing := [symbol for symbol in shares if symbol not in volumes]:
        raise ValueError(f"{name_of(shares)}: {missing[0]} is not among {', '.join(volumes)}")
    mean = sum(share * volumes[symbol] for symbol, share in shares.items())
    return {
        "symbol": name_of(shares),
        "lattice": "bcc",
        "lattice_constant": float(np.cbrt(2 * mean)),
        # Atoms of a seed are where they are whatever the order that shares are given in.
        "shares": {symbol: shares[symbol] for symbol in lightest_first(shares)},
    }


def shares_in(substance: Mapping) -> dict[str, float]:
    """Shares of atoms in an element or a `mixture`."""
    return substance.get("shares") or {substance["symbol"]: 1.0}


def symbols_at_random(shares: Mapping[str, float], atoms: int, rng: np.random.Generator) -> list:
    """Symbols of so many atoms, in random order; their numbers are the nearest to the shares."""
    whole = sum(shares.values())
    exact = {symbol: share / whole * atoms for symbol, share in shares.items()}
    numbers = {symbol: int(number) for symbol, number in exact.items()}
    fractions = sorted(exact, key=lambda symbol: numbers[symbol] - exact[symbol])
    for symbol in fractions[: atoms - sum(numbers.values())]:
        numbers[symbol] += 1
    ordered = [symbol for symbol, number in numbers.items() for _ in range(number)]
    return list(rng.permutation(ordered))


def mean_mass(shares: Mapping[str, float]) -> float:
    """Mean mass of an atom (u)."""
    return float(
        sum(share * atomic_masses[atomic_numbers[symbol]] for symbol, share in shares.items())
        / sum(shares.values())
    )
