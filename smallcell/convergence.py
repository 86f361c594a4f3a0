"""Settings of pw.x that are good enough, and no dearer than need be.

Cut-offs, smearing and k-mesh are varied one at a time from a reference, the finest of each. What
each may be coarsened to is then tried together, with every k-mesh; the cheapest of these within
the tolerances is the answer. Energies count as differences to the perfect crystals of the elements
at the same settings, since what all structures have in common no potential feels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.build import make_supercell
from ase.units import GPa

from smallcell.cells import crystal
from smallcell.files import read_reports
from smallcell.jobs import stored_label
from smallcell.labels import SUCCESSES

SETTINGS = ("ecutwfc", "ecutrho", "smearing", "degauss", "k_spacing")

SHARE = 0.5
"""Share of the tolerances that a key may use up when it is varied alone."""

ROUGH = 0.08
"""Standard deviation of displacements in disordered cells, a share of the cube root of the volume
of an atom."""

SHEAR = 0.03
"""Standard deviation of the components of their strain."""

REFERENCE = "reference"


def convergence_structures(elements: Sequence[Mapping], most_atoms: int, seed: int) -> list[Atoms]:
    """Structures of a system: perfect, compressed, stretched and disordered crystals.

    Parameters
    ----------
    elements : sequence of Mapping
        The configuration's ``elements``.
    most_atoms : int
        Larger cells are left out; the perfect crystals stay in any case.
    seed : int
        Of the disorder.

    Returns
    -------
    list of Atoms
        ``info["structure"]`` names each. Those named ``perfect`` come first, one for each element.
        Several elements share the last, a disordered mixture.
    """
    rng = np.random.default_rng(seed)
    perfect, others = [], []
    for element in elements:
        perfect.append(_named(crystal(element, "primitive", (1, 1, 1)), "perfect"))
        for name, factor in (("compressed", 0.92), ("stretched", 1.08)):
            others.append(_named(_scaled(perfect[-1], factor), name))
        for unit, repeats, factor in (
            ("conventional", (1, 1, 1), 0.95),
            ("conventional", (1, 1, 2), 1.05),
            ("primitive", (2, 2, 2), 1.0),
        ):
            cell = _scaled(crystal(element, unit, repeats), factor)
            others.append(_named(_disordered(cell, rng), "disordered"))
    if len(elements) > 1:
        others.append(_named(_disordered(_mixture(perfect), rng), "mixed"))
    return perfect + [atoms for atoms in others if len(atoms) <= most_atoms]


def _named(atoms: Atoms, name: str) -> Atoms:
    atoms.info = {"structure": name}
    return atoms


def _scaled(atoms: Atoms, factor: float) -> Atoms:
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * factor, scale_atoms=True)
    return scaled


def _disordered(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    disordered = atoms.copy()
    strain = SHEAR * rng.standard_normal((3, 3))
    disordered.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    edge = np.cbrt(atoms.get_volume() / len(atoms))
    disordered.positions += ROUGH * edge * rng.standard_normal((len(atoms), 3))
    return disordered


def _mixture(perfect: Sequence[Atoms]) -> Atoms:
    """Two or more primitive cells of the first element, its sites shared by all, at mean volume."""
    atoms = make_supercell(perfect[0], np.diag((1, 1, len(perfect))))
    symbols = [str(crystal.symbols[0]) for crystal in perfect]
    atoms.symbols[:] = [symbols[place % len(symbols)] for place in range(len(atoms))]
    volume = np.mean([crystal.get_volume() / len(crystal) for crystal in perfect])
    return _scaled(atoms, np.cbrt(volume * len(atoms) / atoms.get_volume()))


def points(convergence: Mapping) -> dict[str, dict]:
    """List the settings to try, one key coarsened at a time, under a name each.

    Parameters
    ----------
    convergence : Mapping
        Lists of ``ecutwfc``, ``ecutrho`` (Ry), ``smearing``, ``degauss`` (Ry), ``k_spacing`` (1/A).

    Returns
    -------
    dict
        The reference first. Where a cut-off of the density is below four times that of the wave
        functions, the latter is lowered with it.
    """
    reference = {
        "ecutwfc": max(convergence["ecutwfc"]),
        "ecutrho": max(convergence["ecutrho"]),
        "smearing": convergence["smearing"][0],
        "degauss": min(convergence["degauss"]),
        "k_spacing": min(convergence["k_spacing"]),
    }
    found = {REFERENCE: reference}
    for value in convergence["ecutwfc"]:
        found[f"ecutwfc-{value:g}"] = reference | {"ecutwfc": value}
    for value in convergence["ecutrho"]:
        lowered = {"ecutrho": value, "ecutwfc": min(reference["ecutwfc"], value / 4)}
        found[f"ecutrho-{value:g}"] = reference | lowered
    for kind in convergence["smearing"]:
        for width in convergence["degauss"]:
            found[f"degauss-{kind}-{width:g}"] = reference | {"smearing": kind, "degauss": width}
    for value in convergence["k_spacing"]:
        found[f"k_spacing-{value:g}"] = reference | {"k_spacing": value}
    return {
        name: settings
        for name, settings in found.items()
        if name == REFERENCE or settings != reference
    }


def combined_points(table: pd.DataFrame, convergence: Mapping) -> dict[str, dict]:
    """List what to try together: the coarsest of each key that was good enough, with each k-mesh.

    Parameters
    ----------
    table : DataFrame
        Of `convergence_table`, for `points`.
    convergence : Mapping
        With the tolerances.
    """
    good = table[within(table, convergence, SHARE)]

    def coarsest(key: str, best: str) -> pd.Series:
        varied = good[good["point"].str.startswith(f"{key}-") | (good["point"] == REFERENCE)]
        return varied.loc[getattr(varied[key], best)()]

    smearing = coarsest("degauss", "idxmax")
    ecutwfc = coarsest("ecutwfc", "idxmin")["ecutwfc"]
    chosen = {
        "ecutwfc": float(ecutwfc),
        "ecutrho": float(max(coarsest("ecutrho", "idxmin")["ecutrho"], 4 * ecutwfc)),
        "smearing": str(smearing["smearing"]),
        "degauss": float(smearing["degauss"]),
    }
    return {
        combined_name(value): chosen | {"k_spacing": value} for value in convergence["k_spacing"]
    }


def combined_name(spacing: float) -> str:
    """Name of the point with a k-spacing of which all else is coarsened too."""
    return f"combined-{spacing:g}"


def read_points(
    names: Sequence[str], settings: Sequence[str], reports: Sequence[str], store: str
) -> tuple[dict, dict, dict]:
    """Read what has been computed at some points: the arguments of `convergence_table`.

    Parameters
    ----------
    names : sequence of str
        Of the points.
    settings : sequence of str
        File of each point's settings.
    reports : sequence of str
        Files of the label jobs, point by point, equally many of each.
    store : str
        Folder of the labels.
    """
    labels = np.array(read_reports(reports)).reshape(len(names), -1)
    by_point = dict(zip(names, labels, strict=True))
    return (
        dict(zip(names, read_reports(settings), strict=True)),
        {
            name: [
                stored_label(report, Path(store)) if report["fate"] in SUCCESSES else None
                for report in of_point
            ]
            for name, of_point in by_point.items()
        },
        {
            name: sum(report["label_core_seconds"] for report in of_point)
            for name, of_point in by_point.items()
        },
    )


def convergence_table(
    settings: Mapping[str, Mapping],
    labels: Mapping[str, Sequence[Atoms | None]],
    core_seconds: Mapping[str, float],
) -> pd.DataFrame:
    """Largest errors against the reference, and cost, of each point.

    Parameters
    ----------
    settings : Mapping
        Settings of each point.
    labels : Mapping
        Labels of the structures at each point, in one order, None for one that failed; the
        perfect crystals first.
    core_seconds : Mapping
        Of all labels of a point.

    Returns
    -------
    DataFrame
        A row a point. A point of which a label failed has no errors.

    Raises
    ------
    ValueError
        If a label of the reference failed.
    """
    if any(atoms is None for atoms in labels[REFERENCE]):
        raise ValueError("pw.x failed at the finest settings of convergence; its logs say why")
    rows = []
    for name, values in settings.items():
        row = {"point": name, **{key: values[key] for key in SETTINGS}}
        if all(atoms is not None for atoms in labels[name]):
            row |= _errors(labels[name], labels[REFERENCE])
        rows.append(row | {"core-seconds": core_seconds[name]})
    columns = ["point", *SETTINGS, *ERRORS.values(), "core-seconds"]
    return pd.DataFrame(rows).reindex(columns=columns)


ERRORS = {
    "energy": "energy error meV/atom",
    "force": "force error meV/A",
    "pressure": "pressure error GPa",
}
"""Columns of the errors that have tolerances."""


def _errors(labels: Sequence[Atoms], reference: Sequence[Atoms]) -> dict[str, float]:
    energies = 1000 * (relative_energies(labels) - relative_energies(reference))
    pairs = list(zip(labels, reference, strict=True))
    forces = [np.linalg.norm(a.get_forces() - b.get_forces(), axis=1).max() for a, b in pairs]
    pressures = [a.get_stress()[:3].mean() - b.get_stress()[:3].mean() for a, b in pairs]
    return {
        ERRORS["energy"]: np.abs(energies).max(),
        ERRORS["force"]: 1000 * max(forces),
        ERRORS["pressure"]: np.abs(pressures).max() / GPa,
    }


def relative_energies(labels: Sequence[Atoms]) -> np.ndarray:
    """Energies of an atom (eV), less those of the elements' perfect crystals among the labels."""
    zeros: dict[str, float] = {}
    for atoms in labels:
        symbol = str(atoms.symbols[0])
        if symbol not in zeros and len(set(atoms.symbols)) == 1:
            zeros[symbol] = atoms.get_potential_energy() / len(atoms)
    return np.array(
        [
            (atoms.get_potential_energy() - sum(zeros[symbol] for symbol in atoms.symbols))
            / len(atoms)
            for atoms in labels
        ]
    )


def within(table: pd.DataFrame, tolerances: Mapping, share: float = 1.0) -> pd.Series:
    """Which rows of a table are within a share of the tolerances; a failed one is not."""
    good = [table[column] <= share * tolerances[name] for name, column in ERRORS.items()]
    return pd.concat(good, axis=1).all(axis=1)


def cheapest(table: pd.DataFrame, tolerances: Mapping) -> pd.Series:
    """Choose the row of least cost within the tolerances, of the combined ones or the reference.

    The reference has no errors, so that there always is one.
    """
    candidates = table["point"].str.startswith("combined-") | (table["point"] == REFERENCE)
    good = table[candidates & within(table, tolerances)]
    return good.loc[good["core-seconds"].idxmin()]


def settings_text(row: pd.Series, tolerances: Mapping) -> str:
    """Write the settings of a row as a part of a configuration, with what is known of them."""
    found = ", ".join(
        f"{name} {row[column]:.3g} of {tolerances[name]:g} {column.split()[-1]}"
        for name, column in ERRORS.items()
    )
    lines = [
        f"# Largest errors against the finest settings: {found};",
        f"# {row['core-seconds']:.0f} core-seconds for all structures.",
        "dft:",
        *(f"  {key}: {row[key]}" for key in SETTINGS),
    ]
    return "\n".join(lines) + "\n"
