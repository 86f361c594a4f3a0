"""Are forces of small cells too small to learn from? Their distribution, and errors by size.

Small cells are symmetric, so that many of their forces vanish or are small, and a potential that
has seen few large ones may give them too small. Of this the slope tells: that of a line through the
origin of predicted against DFT components, on atoms whose DFT force lies within some bounds; it is
1 for a potential without bias.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from ase import Atoms

from smallcell.errors import bootstrap_counts, differences, interval
from smallcell.potential import Potential

EDGES = (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, np.inf)
"""Bounds of the bins of |F| (eV/A); what is in the first is none by symmetry."""

MEASURES = ("slope", "force error meV/A", "force MAE meV/A", "energy error meV/atom")
"""Columns of the table of bias, each with its interval."""


def by_stage(structures: Sequence[Atoms]) -> dict[str, list[Atoms]]:
    """Sort structures by the stage that met them, in the order in which stages occur.

    The stage is what ``info["batch"]`` begins with: that of a round, ``seeds`` or ``import``.
    """
    found: dict[str, list[Atoms]] = {}
    for atoms in structures:
        found.setdefault(atoms.info["batch"].split("/")[0], []).append(atoms)
    return found


def histogram(sets: Mapping[str, Sequence[Atoms]]) -> pd.DataFrame:
    """Count the atoms of sets of labelled structures by the size of their force.

    Returns
    -------
    DataFrame
        A row for each set and bin: the bin in meV/A, number and share of atoms.
    """
    rows = []
    for name, structures in sets.items():
        sizes = [np.linalg.norm(atoms.get_forces(), axis=1) for atoms in structures]
        counts = np.bincount(_bins(np.concatenate([[], *sizes])), minlength=len(EDGES) - 1)
        for place, count in enumerate(counts):
            share = count / max(1, counts.sum())
            rows.append({"set": name, **_bounds(place), "atoms": count, "share": share})
    return pd.DataFrame(rows)


def bias_table(
    potential: Potential,
    sets: Mapping[str, Sequence[Atoms]],
    up_to_constants: Collection[str] = (),
) -> pd.DataFrame:
    """Slope of predicted against DFT forces and errors, by the size of the DFT force.

    Parameters
    ----------
    potential : Potential
    sets : Mapping of str to sequence of Atoms
        With labels; for a fair verdict not of the potential's training set.
    up_to_constants : collection of str
        Those of the sets whose energies are compared up to `errors.energy_constants`.

    Returns
    -------
    DataFrame
        A row for each set and bin that has atoms. An atom belongs to the bin of its force, and with
        it slope and force error; a structure to that of the root mean square of its forces, and
        with it the energy error. ``low`` and ``high`` are ends of confidence intervals, by the
        bootstrap over structures. No slope is given for forces that vanish by symmetry.
    """
    rows = []
    for name, structures in sets.items():
        labels = [atoms.get_forces() for atoms in structures]
        found = differences(potential, structures, name in up_to_constants)
        errors = [force.reshape(-1, 3) for _, force, _ in found]
        energies = np.array([energy[0] for energy, _, _ in found])
        of_structures = _bins(np.array([np.sqrt((one**2).sum(axis=1).mean()) for one in labels]))
        of_atoms = [_bins(np.linalg.norm(one, axis=1)) for one in labels]
        for place in range(len(EDGES) - 1):
            chosen = [one == place for one in of_atoms]
            inside = [
                (label[some], error[some])
                for label, error, some in zip(labels, errors, chosen, strict=True)
                if some.any()
            ]
            energy = energies[of_structures == place]
            if inside or len(energy):
                rows.append(
                    {"set": name, **_bounds(place), "atoms": sum(len(one) for one, _ in inside)}
                    | _slope_and_error(inside, with_slope=place > 0)
                    | {"structures": len(energy)}
                    | _ratio("energy error meV/atom", 1e6 * energy**2, np.ones(len(energy)))
                )
    before = ["set", "|F| from meV/A", "|F| to meV/A", "atoms", "structures"]
    measures = [f"{name}{end}" for name in MEASURES for end in ("", " low", " high")]
    return pd.DataFrame(rows, columns=before + measures)


def _slope_and_error(inside: Sequence[tuple[np.ndarray, np.ndarray]], with_slope: bool) -> dict:
    """Slope and error of the forces in a bin, from those of each structure and their errors."""
    squares = np.array([np.sum(label**2) for label, _ in inside])
    products = np.array([np.sum(label * (label + error)) for label, error in inside])
    wrong = np.array([np.sum(error**2) for _, error in inside])
    components = np.array([label.size for label, _ in inside])
    slope = _ratio("slope", products, squares, power=1) if with_slope else {}
    absolute = np.array([np.abs(error).sum() for _, error in inside])
    return (
        slope
        | _ratio("force error meV/A", 1e6 * wrong, components)
        | _ratio("force MAE meV/A", 1e3 * absolute, components, power=1)
    )


def _ratio(name: str, above: np.ndarray, below: np.ndarray, power: float = 0.5) -> dict:
    """Find a power of a ratio of sums over structures, and its interval if there are two."""
    if not len(above):
        return {}
    found = {name: (above.sum() / below.sum()) ** power}
    if len(above) > 1:
        times = bootstrap_counts(len(above))
        low, high = interval(((times @ above) / (times @ below)) ** power)
        found |= {f"{name} low": low, f"{name} high": high}
    return found


def _bins(sizes: np.ndarray) -> np.ndarray:
    return np.digitize(sizes, EDGES) - 1


def _bounds(place: int) -> dict:
    return {"|F| from meV/A": 1000 * EDGES[place], "|F| to meV/A": 1000 * EDGES[place + 1]}
