"""Tables of dynamic properties: what was found with its error, beside what is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smallcell.figures import write_figure
from smallcell.files import write_table
from smallcell.progress import tell
from smallcell.published import KINDS, beside_published
from smallcell.series import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Found:
    """A value of a property.

    Attributes
    ----------
    quantity, unit : str
    estimate : Estimate or None
    reason : str
        Why there is no estimate; empty if there is one.
    """

    quantity: str
    unit: str
    estimate: Estimate | None
    reason: str = ""


def temperature_of(quantity: str) -> float:
    """Temperature (K) of a quantity, such as 400 of ``liquid, 400 K``."""
    return float(quantity.rpartition(", ")[2].removesuffix(" K"))


def dynamic_table(
    name: str, symbol: str, found: Sequence[Found], references: Mapping[str, Sequence[Mapping]]
) -> pd.DataFrame:
    """Table of a property of an element beside what is published; what is not known is empty.

    Parameters
    ----------
    name : str
        Of the property.
    symbol : str
        Of the element.
    found : sequence of Found
    references : Mapping
        See `published.beside_published`.
    """
    rows = []
    for one in found:
        value = one.estimate.value if one.estimate else np.nan
        row = {
            "property": name,
            "element": symbol,
            "quantity": one.quantity,
            "unit": one.unit,
            "potential": value,
            "uncertainty": one.estimate.error if one.estimate else np.nan,
        }
        published = beside_published(name, symbol, one.quantity, value, references)
        off = {f"off {kind}": value - published[kind] for kind in KINDS}
        rows.append(row | off | published | {"why empty": one.reason})
    return pd.DataFrame(rows)


def write_dynamic(
    table_path: str | Path,
    figure_path: str | Path,
    tables: Sequence[pd.DataFrame],
    figure: "Figure",
) -> None:
    """Write a property of all elements, table and figure, and say how much of it was found.

    Parameters
    ----------
    table_path, figure_path : str or Path
    tables : sequence of DataFrame
        Of each element, see `dynamic_table`.
    figure : Figure
    """
    figure.tight_layout()
    write_figure(figure_path, figure)
    table = pd.concat(tables)
    write_table(table_path, table)
    tell(f"{table['property'].iloc[0]}: {table['potential'].notna().sum()} of {len(table)} values")


def dynamic_in_words(table: pd.DataFrame) -> list[str]:
    """Tell of dynamic properties: of each the value that is farthest off experiment, and gaps."""
    lines = []
    for name, rows in table.groupby("property", sort=False):
        words = []
        compared = rows.dropna(subset=["potential", "experiment"])
        if len(compared):
            worst = compared.loc[compared["off experiment %"].abs().idxmax()]
            words.append(
                f"{len(compared)} beside experiment, farthest off {worst['element']} "
                f"{worst['quantity']}, {worst['potential']:.4g} +- {worst['uncertainty']:.1g} "
                f"{worst['unit']}, experiment {worst['experiment']:.4g}"
            )
        else:
            words.append("nothing to compare with experiment")
        empty = rows[rows["potential"].isna()]
        if len(empty):
            first = empty.iloc[0]
            words.append(
                f"{len(empty)} of {len(rows)} empty: {first['quantity']}, {first['why empty']}"
            )
        lines.append(f"{name}: {'; '.join(words)}")
    return lines
