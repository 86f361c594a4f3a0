"""A potential beside DFT: energies, forces, stresses of labelled structures, and their errors."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from ase import Atoms

from smallcell.errors import REPORT_FACTORS, differences, in_report_units, summary
from smallcell.force_bias import EDGES, by_stage
from smallcell.held_out import QUANTITIES
from smallcell.potential import Potential

LEAST_SPREAD = {"energy": 0.0, "force": EDGES[1], "stress": 0.0}
"""Standard deviation of DFT values (eV/atom, eV/A, eV/A^3) above which there is a slope to speak
of; smaller forces vanish by symmetry."""

COLUMNS = (
    "set",
    "quantity",
    "unit",
    "structures",
    "RMSE",
    "RMSE low",
    "RMSE high",
    "MAE",
    "largest error",
    "slope",
    "taken off meV/atom",
)
"""Columns of the table of errors."""

Pairs = dict[str, tuple[list[np.ndarray], list[np.ndarray]]]
"""DFT values and errors of a potential by quantity, flat for each structure."""


def with_stages(name: str, structures: Sequence[Atoms]) -> dict[str, list[Atoms]]:
    """Return a set by its name, and the parts that its stages have in it: ``training, seeds``."""
    stages = by_stage(structures)
    return {name: list(structures)} | {f"{name}, {stage}": some for stage, some in stages.items()}


def pairs(
    potential: Potential, structures: Sequence[Atoms], up_to_constants: bool = False
) -> Pairs:
    """Compare a potential with the labels of structures, quantity by quantity.

    With ``up_to_constants`` the errors of energies are those that `errors.energy_constants` leaves.

    Returns
    -------
    dict
        For ``energy`` (eV/atom), ``force`` (eV/A) and ``stress`` (nine components, eV/A^3): DFT
        values and errors, a flat array for each structure.

    Raises
    ------
    ValueError
        If a label is missing or not finite.
    """
    errors = differences(potential, structures, up_to_constants)
    dft = [
        (
            np.array([atoms.get_potential_energy() / len(atoms)]),
            atoms.get_forces().ravel(),
            atoms.get_stress(voigt=False).ravel(),
        )
        for atoms in structures
    ]
    return {
        quantity: ([one[place] for one in dft], [one[place] for one in errors])
        for place, quantity in enumerate(QUANTITIES)
    }


def parity_table(
    found: Mapping[str, Pairs], constants: Mapping[str, Mapping[str, float]] | None = None
) -> pd.DataFrame:
    """Sum up the errors of sets of structures, in the units of reports.

    Parameters
    ----------
    found : Mapping of str to Pairs
        By the name of the set.
    constants : Mapping of str to Mapping, optional
        Of the sets whose energies are compared up to such, what was taken off for each element
        (eV/atom).

    Returns
    -------
    DataFrame
        A row for each set that has structures and each quantity: root mean square error with the
        ends of its interval, mean absolute and largest error, and the slope of predicted against
        DFT values, of a straight line with an intercept; none where DFT values are all alike.
    """
    rows = []
    for name, of_set in found.items():
        structures = len(of_set["energy"][0])
        if not structures:
            continue
        taken_off = {"energy": _in_words((constants or {}).get(name, {}))}
        report = in_report_units(summary(list(zip(*(e for _, e in of_set.values()), strict=True))))
        for quantity, (dft, errors) in of_set.items():
            absolute = np.abs(np.concatenate(errors)).mean()
            low, high = report[f"{quantity}_interval"] or (np.nan, np.nan)
            rows.append(
                {
                    "set": name,
                    "quantity": quantity,
                    "unit": QUANTITIES[quantity],
                    "structures": structures,
                    "RMSE": report[quantity],
                    "RMSE low": low,
                    "RMSE high": high,
                    "MAE": absolute * REPORT_FACTORS[quantity],
                    "largest error": report[f"{quantity}_maximum"],
                    "slope": slope(
                        np.concatenate(dft), np.concatenate(errors), LEAST_SPREAD[quantity]
                    ),
                    "taken off meV/atom": taken_off.get(quantity, ""),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def slope(dft: np.ndarray, errors: np.ndarray, least_spread: float) -> float:
    """Slope of predicted against DFT values; NaN if the latter vary by no more than a spread."""
    away = dft - dft.mean()
    if dft.std() <= least_spread:
        return np.nan
    return float(1 + away @ errors / (away @ away))


def _in_words(constants: Mapping[str, float]) -> str:
    """``K -1.5, Na 3.2`` for what is taken off energies."""
    return ", ".join(f"{symbol} {1000 * value:.3g}" for symbol, value in constants.items())
