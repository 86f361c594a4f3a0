"""Other potentials beside the campaign's own: the same properties, errors on the same sets, cost.

A baseline is a file of the same format that was trained elsewhere: a published potential, that of
another campaign. Its energies count from something else, by a constant for each element that no
property feels; so errors of energies are told up to such constants, of all potentials alike.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms

from smallcell.budget import spent
from smallcell.parity import pairs, parity_table
from smallcell.potential import Potential

NAMES = ("property", "element", "quantity", "unit")
"""Columns that tell which quantity a row is about."""

REFERENCES = ("pw.x", "theory", "experiment")
"""Columns of a table of properties that hold for all potentials."""


def properties_side_by_side(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of properties of several potentials beside each other.

    Parameters
    ----------
    tables : Mapping of str to DataFrame
        Of `properties.comparison`, by the potential's name, the campaign's own first.

    Returns
    -------
    DataFrame
        A row a quantity of the first; `NAMES`, `REFERENCES`, and a column a potential. What one of
        them has not is empty there.
    """
    own, *_ = tables.values()
    together = own[[*NAMES, *REFERENCES]]
    for name, table in tables.items():
        column = table[[*NAMES, "potential"]].rename(columns={"potential": name})
        together = together.merge(column, on=list(NAMES), how="left")
    return together


def errors_side_by_side(
    potentials: Mapping[str, Potential], sets: Mapping[str, Sequence[Atoms]]
) -> pd.DataFrame:
    """Root mean square errors of several potentials on the same sets.

    Parameters
    ----------
    potentials : Mapping of str to Potential
        By name.
    sets : Mapping of str to sequence of Atoms
        With labels; one without structures has no rows.

    Returns
    -------
    DataFrame
        A row a set and quantity, ``property`` is the set; a column a potential.
    """
    tables = {
        name: parity_table(
            {of: pairs(potential, some, up_to_constants=True) for of, some in sets.items()}
        )
        for name, potential in potentials.items()
    }
    table, *_ = tables.values()
    quantities = (table["quantity"] + " error").replace(
        "energy error", "energy error, up to a constant"
    )
    return pd.DataFrame(
        {"property": table["set"], "quantity": quantities, "unit": table["unit"]}
        | {name: table["RMSE"] for name, table in tables.items()}
    )


def costs_side_by_side(
    microseconds: Mapping[str, float], core_hours: Mapping[str, float]
) -> pd.DataFrame:
    """Tell what a step with each of several potentials costs, and what their campaigns did."""
    rows = [
        {"quantity": "molecular dynamics", "unit": "us/atom/step"} | dict(microseconds),
        {"quantity": "campaign", "unit": "core-hours"} | dict(core_hours),
    ]
    return pd.DataFrame(rows).assign(property="cost")


def campaign_core_hours(potential: Path) -> float:
    """Core-hours of the campaign that a potential is of; not a number if nothing tells them.

    They are in the ``costs.json`` beside it, see `smallcell.budget.account`.
    """
    path = potential.with_name("costs.json")
    try:
        return spent(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError):  # None, or that of another program.
        return np.nan
