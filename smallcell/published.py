"""Published values beside our own, of static and dynamic properties alike."""

from collections.abc import Mapping, Sequence

import numpy as np

KINDS = ("theory", "experiment")
"""Of published references."""


def per_cent(value: float, reference: float) -> float:
    """How far a value is off, in per cent of the reference; no number where that is 0."""
    return 100 * (value / reference - 1) if reference else np.nan


def beside_published(
    name: str, symbol: str, quantity: str, value: float, references: Mapping[str, Sequence[Mapping]]
) -> dict:
    """Columns of a table that compare a value with what is published; what is not known is empty.

    Parameters
    ----------
    name, symbol, quantity : str
        Of the property, the element, and what was found.
    value : float
    references : Mapping
        Of each element, published values: ``property``, ``quantity``, ``kind`` (one of `KINDS`),
        ``value`` in our units, ``source``.
    """
    columns = {}
    for kind in KINDS:
        published = [
            entry
            for entry in references.get(symbol, ())
            if (entry["property"], entry["quantity"], entry["kind"]) == (name, quantity, kind)
        ]
        entry = published[0] if published else {"value": np.nan, "source": ""}
        columns |= {
            kind: entry["value"],
            f"off {kind} %": per_cent(value, entry["value"]),
            f"source of {kind}": entry["source"],
        }
    return columns
