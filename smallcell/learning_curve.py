"""The learning curve of a campaign: errors of each batch's potential on what none has learnt from.

The rounds' own errors are on structures of their own. Here all potentials are asked about the same
ones, those that are still held out in the end and the user's own, so that a curve tells what a
core-hour has bought.
"""

from collections.abc import Mapping, Sequence

from ase import Atoms

from smallcell.budget import spent
from smallcell.errors import differences, in_report_units, summary
from smallcell.held_out import QUANTITIES
from smallcell.potential import Potential


def learning_curve_row(
    batch: str,
    potential: Potential,
    fit: Mapping,
    costs: Mapping,
    sets: Mapping[str, Sequence[Atoms]],
    up_to_constants: Sequence[str] = (),
) -> dict:
    """Tell of a batch: what its potential had learnt from and cost, and its errors.

    Parameters
    ----------
    batch : str
    potential : Potential
    fit, costs : Mapping
        The batch's ``fit.json`` and ``costs.json``.
    sets : Mapping of str to sequence of Atoms
        With labels, by name.
    up_to_constants : sequence of str
        Those of the sets whose energies are compared up to `errors.energy_constants`.

    Returns
    -------
    dict
        Root mean square errors in the units of reports, with the ends of their intervals; None
        where a set has no structures.
    """
    row = {
        "batch": batch,
        "training set": fit["training"]["configurations"],
        "core-hours": spent(costs),
    }
    for name, structures in sets.items():
        found = differences(potential, structures, name in up_to_constants)
        errors = in_report_units(summary(found))
        for quantity, unit in QUANTITIES.items():
            low, high = errors[f"{quantity}_interval"] or (None, None)
            column = f"{name} {quantity} {unit}"
            row |= {column: errors[quantity], f"{column} low": low, f"{column} high": high}
    return row
