"""A wall below the shortest distance of the training set, so that atoms never fuse.

What a potential makes of distances that no label has is extrapolation, and may be a well without
a bottom. The wall is a repulsion of pairs that begins below all distances in the training set ::

    U(r) = strength / r^12 * s((r - inner) / (outer - inner)),  s(x) = (1 - x)^3 (1 + 3 x + 6 x^2)

with s = 1 below ``inner``. It vanishes from ``outer`` on together with its first and second
derivatives (the taper of J. Mei, J. W. Davenport and G. W. Fernando, Phys. Rev. B 43, 4653 (1991),
LAMMPS's ``lennard/mdf``), so that nothing changes where there are data. Of an alloy, pairs of
elements that stay farther apart have walls of their own, farther out. It is no part of the
potential's file: LAMMPS lays it over the potential.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EXPONENT = 12


@dataclass(frozen=True)
class PairWall:
    """The repulsion of one pair of elements.

    Attributes
    ----------
    first, second : int
        Their places among the potential's elements, ascending, from 0.
    strength : float
        eV A^12.
    inner, outer : float
        Ends of the taper (A).
    """

    first: int
    second: int
    strength: float
    inner: float
    outer: float


@dataclass(frozen=True)
class Wall:
    """The repulsion.

    Attributes
    ----------
    strength : float
        eV A^12.
    inner, outer : float
        Ends of the taper (A).
    pairs : tuple of PairWall
        In place of these for some pairs of elements.
    """

    strength: float
    inner: float
    outer: float
    pairs: tuple[PairWall, ...] = ()

    def energy(self, distances: np.ndarray) -> np.ndarray:
        """Energy of pairs at these distances (eV)."""
        x = np.clip((distances - self.inner) / (self.outer - self.inner), 0, 1)
        taper = (1 - x) ** 3 * (1 + 3 * x + 6 * x**2)
        return self.strength / distances**EXPONENT * taper


def read_wall(path: str | Path) -> Wall:
    """Read the wall in the ``fit.json`` of a batch."""
    found = json.loads(Path(path).read_text())["wall"]
    return Wall(**found | {"pairs": tuple(PairWall(**one) for one in found.get("pairs", []))})


def lammps_lines(style: str, file: str, n_species: int, barrier: Wall) -> list[str]:
    """LAMMPS commands for a potential with its wall.

    Parameters
    ----------
    style : {"mtp", "mtp/extrapolation"}
    file : str
        The potential's, as LAMMPS is to find it.
    n_species : int
    barrier : Wall
    """
    types = " ".join(map(str, range(n_species)))
    return [
        f"pair_style hybrid/overlay {style} lennard/mdf {barrier.inner:.10g} {barrier.outer:.10g}",
        f"pair_coeff * * {style} {file} {types}",
        f"pair_coeff * * lennard/mdf {barrier.strength:.10g} 0",
        *(
            f"pair_coeff {one.first + 1} {one.second + 1} lennard/mdf {one.strength:.10g} 0 "
            f"{one.inner:.10g} {one.outer:.10g}"
            for one in barrier.pairs
        ),
    ]


def wall_of(path: str | Path) -> Wall:
    """Read the wall in a file of `lammps_lines`, such as a campaign's ``potential.lammps``.

    Raises
    ------
    ValueError
        If there is none.
    """
    text = Path(path).read_text()
    ends = re.search(r"^pair_style hybrid/overlay .* lennard/mdf (\S+) (\S+)$", text, re.MULTILINE)
    strength = re.search(r"^pair_coeff \* \* lennard/mdf (\S+) 0$", text, re.MULTILINE)
    if not ends or not strength:
        raise ValueError(f"{path} has no wall: no lines of lennard/mdf as this project writes them")
    pairs = re.findall(
        r"^pair_coeff (\d+) (\d+) lennard/mdf (\S+) 0 (\S+) (\S+)$", text, re.MULTILINE
    )
    return Wall(
        float(strength[1]),
        *map(float, ends.groups()),
        tuple(
            PairWall(int(first) - 1, int(second) - 1, *map(float, numbers))
            for first, second, *numbers in pairs
        ),
    )
