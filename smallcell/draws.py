"""What a walker draws: temperatures and pressures, composition, cell, strain, velocities.

All that walks of a stage have to cover is one point in the unit cube for each walker. The points
are drawn independently or are those of a scrambled Sobol sequence (A. B. Owen, J. Complexity 14,
466 (1998)) that runs through all rounds of the stage: then no range of temperature or composition
stays empty by chance. What else is random, such as displacements, is the walker's own.
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.stats import qmc

from smallcell.cells import atom_volume, starts, vegard_volume
from smallcell.composition import drawn_composition
from smallcell.sampling import Conditions

HIGHEST_SEED = 800_000_000
"""LAMMPS takes seeds up to 9e8; the walk adds a few to it."""


@dataclass(frozen=True)
class Walker:
    """One of a campaign's walkers.

    Attributes
    ----------
    seed : int
        The campaign's.
    stage : str
        Enters by its name: inserting a stage leaves the walks of the others as they are.
    round, number : int
    """

    seed: int
    stage: str
    round: int
    number: int

    def generator(self) -> np.random.Generator:
        """Return a generator of random numbers that no other walker has."""
        return np.random.default_rng(self._sequence(self.round, self.number))

    def point(self, dimensions: int, walkers: int) -> np.ndarray:
        """Return the walker's point of the stage's Sobol sequence.

        Parameters
        ----------
        dimensions : int
        walkers : int
            Number of walkers in each round.

        Returns
        -------
        ndarray, shape (dimensions,)
            In [0, 1).
        """
        sequence = qmc.Sobol(dimensions, rng=np.random.default_rng(self._sequence()))
        # scipy 1.17 cannot go forward by nothing.
        if before := self.round * walkers + self.number:
            sequence.fast_forward(before)
        return sequence.random(1)[0]

    def _sequence(self, *numbers: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(
            self.seed, spawn_key=(zlib.crc32(self.stage.encode()), *numbers)
        )


def draw_conditions(
    walker: Walker,
    elements: Sequence[Mapping],
    stage: Mapping,
    sampling: Mapping,
    known: Atoms | None = None,
    bowings: Sequence[Mapping] = (),
) -> Conditions:
    """Draw temperatures, pressures and starting structure of a walker.

    Parameters
    ----------
    walker : Walker
    elements : sequence of Mapping
        The configuration's ``elements``.
    stage : Mapping
        What `smallcell.cells.starts` needs.
    sampling : Mapping
        ``walkers``, ``draws``, ``temperature`` (K), ``hottest``, ``pressure`` (GPa), ``ramp``,
        ``strain``, ``displacement`` (A).
    known : Atoms, optional
        Structure to start from in place of a crystal; its cell and composition stay.
    bowings : sequence of Mapping
        Where Vegard's law is to be bent, see `smallcell.bowing`.
    """
    rng = walker.generator()
    ends = 2 if sampling["ramp"] else 1
    dimensions = 2 * ends + 2 + (len(elements) > 1)
    if sampling["draws"] == "stratified":
        point = walker.point(dimensions, sampling["walkers"])
    else:
        point = rng.uniform(size=dimensions)
    temperature, pressure, (strain, cell), rest = np.split(point, np.cumsum([ends, ends, 2]))
    if walker.number < round(sampling["hottest"] * sampling["walkers"]):
        temperature = np.ones(1)
    if known is None:
        start = _crystal(elements, stage, cell, sum(rest), bowings, rng)
        start.set_cell(start.cell * _between(sampling["strain"], strain), scale_atoms=True)
        start.info["kind"] = "crystal"
    else:
        start = known.copy()
        start.info["kind"] = "least known"
    start.positions += rng.normal(0.0, sampling["displacement"], start.positions.shape)
    return Conditions(
        _ends(sampling["temperature"], temperature),
        _ends(sampling["pressure"], pressure),
        start,
        _perfect_volume(elements, start),
        int(rng.integers(1, HIGHEST_SEED)),
    )


def _between(limits: Sequence[float], coordinate: float) -> float:
    low, high = limits
    return float(low + (high - low) * coordinate)


def _ends(limits: Sequence[float], coordinates: np.ndarray) -> tuple[float, float]:
    """Values at the start and the end of a walk, the same for a single coordinate."""
    return _between(limits, coordinates[0]), _between(limits, coordinates[-1])


def _crystal(
    elements: Sequence[Mapping],
    stage: Mapping,
    cell: float,
    composition: float,
    bowings: Sequence[Mapping],
    rng: np.random.Generator,
) -> Atoms:
    """Draw a composition, one of the stage's cells that can have it, and where its elements sit.

    The lattice is that of the element with the largest share; the volume is that of Vegard's law,
    bent where that fails.
    """
    by_lattice = {element["lattice"]: starts(element, stage) for element in elements}
    cells = [by_lattice[element["lattice"]] for element in elements]
    if len(elements) == 1:
        return cells[0][int(cell * len(cells[0]))].copy()
    counts = drawn_composition(composition, [Counter(map(len, found)) for found in cells])
    fitting = [atoms for atoms in cells[int(np.argmax(counts))] if len(atoms) == sum(counts)]
    atoms = fitting[int(cell * len(fitting))].copy()
    atoms.symbols = rng.permutation(np.repeat([one["symbol"] for one in elements], counts))
    scale = np.cbrt(vegard_volume(atoms, elements, bowings) / atoms.get_volume())
    atoms.set_cell(atoms.cell * scale, scale_atoms=True)
    return atoms


def _perfect_volume(elements: Sequence[Mapping], atoms: Atoms) -> float:
    """Volume of the atoms in perfect crystals of their elements (A^3)."""
    volumes = {element["symbol"]: atom_volume(element) for element in elements}
    return float(sum(volumes[symbol] for symbol in atoms.symbols))
