"""Labelled structures from elsewhere: read, checked, and made relative to isolated atoms.

What is surely wrong is refused with one line that names file, configuration, value and what would
be right; what is only suspicious becomes a warning. `read_import` does what a file tells by
itself, `compare` what it takes the campaign's own labels to see.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.canonical import CanonicalForm, canonical_form
from smallcell.consistency import (
    FITS,
    Fit,
    close_pairs,
    energy_offsets,
    fit_of_labels,
    size_of_stresses,
)
from smallcell.formats import read_labelled
from smallcell.loss import name
from smallcell.training import relative_to_atoms

BATCH = "import"
"""What ``info["batch"]`` says of an imported structure."""

LARGEST_STRESS = 10.0
"""Component of the stress beyond which there is no crystal, 1600 GPa (eV/A^3)."""

LARGEST_FORCE = 1000.0
"""Component of a force beyond which no calculation is worth learning from (eV/A)."""

SUSPICIOUS_STRESS = 3.0
"""Warn of stresses so many times the largest of the campaign's own crystals at the same volumes."""

OTHER_STRESS_UNIT = 10.0
"""Refuse them from here on. Strained by 10 %, a crystal is at half its bulk modulus; nothing of the
same density is at five times."""

SUSPICIOUS_OFFSET = 0.2
"""Warn of energies so far from those of the campaign's own crystals (eV/atom); the published
16-atom cells of K, at up to 800 K, are 0.14 above."""

OTHER_REFERENCE = 1.0
"""Refuse energies so far from crystals of the same element and volume (eV/atom)."""

OTHER_REFERENCE_MIXED = 10.0
"""The same where only compounds or alloys can be compared: no energy of formation is as large."""


@dataclass(frozen=True)
class Import:
    """What became of the configurations of a file.

    Attributes
    ----------
    file : str
    structures : list of Atoms
        Those to learn from, energies relative to isolated atoms (eV).
    configurations, incomplete, duplicates : int
        How many the file has; of these, how many were left out for a missing label, and because
        the same structure was there before.
    pairs, mismatch
        How well the labels fit each other, see `consistency.Fit`.
    warnings : tuple of str
    """

    file: str
    structures: list[Atoms]
    configurations: int
    incomplete: int
    duplicates: int
    pairs: int
    mismatch: float | None
    warnings: tuple[str, ...]


def read_import(entry: Mapping, species: Sequence[str], seen: set[CanonicalForm]) -> Import:
    """Read a file of labelled structures and check what it tells by itself.

    Parameters
    ----------
    entry : Mapping
        Of the configuration's ``imports``: ``file``, ``energies`` (of isolated atoms, eV, or
        "relative"), ``incomplete`` ("refuse" or "leave out"), ``weight``.
    species : sequence of str
        The campaign's elements, which are also the types 0, 1, ... of a ``.cfg`` file.
    seen : set
        Canonical forms of structures that are there already; those of the file are added.

    Raises
    ------
    ValueError
        With what is wrong in the first configuration that cannot be learnt from.
    """
    path, energies = entry["file"], entry["energies"]
    found = read_labelled(path, species)
    references = energies if isinstance(energies, Mapping) else dict.fromkeys(species, 0.0)
    structures, incomplete, duplicates = [], 0, 0
    for number, atoms in enumerate(found):
        try:
            _check_structure(atoms, species, references)
            if missing := [label for label, value in _labels(atoms).items() if value is None]:
                if entry["incomplete"] == "refuse":
                    raise ValueError(_what_is_missing(atoms, missing))
                incomplete += 1
                continue
            labelled = _labelled(atoms)
            form = canonical_form(labelled)
        except ValueError as error:
            raise ValueError(f"{path}: {name(number, atoms)} {error}") from None
        if form in seen:
            duplicates += 1
            continue
        seen.add(form)
        labelled.info = {"batch": BATCH, "source": str(path), "number": number}
        if entry["weight"] != 1:
            labelled.info["weight"] = entry["weight"]
        # How many plane waves others had is not known.
        structures.append(relative_to_atoms(labelled, references, {}))
    fit = fit_of_labels(close_pairs(structures))
    return Import(
        file=str(path),
        structures=structures,
        configurations=len(found),
        incomplete=incomplete,
        duplicates=duplicates,
        pairs=fit.pairs,
        mismatch=fit.mismatch,
        warnings=_check_fit(path, fit),
    )


def report(found: Import) -> dict:
    """Put an import into the words of a table: numbers and warnings, not the structures."""
    return {
        "file": found.file,
        "configurations": found.configurations,
        "kept": len(found.structures),
        "duplicates": found.duplicates,
        "incomplete": found.incomplete,
        "pairs": found.pairs,
        "mismatch": found.mismatch,
        "warnings": list(found.warnings),
    }


def reported(reports: Sequence[Mapping], structures: Sequence[Atoms]) -> Iterator[Import]:
    """Restore imports from the `report` of each and the kept structures of all in a row."""
    rest = iter(structures)
    for one in reports:
        yield Import(
            file=one["file"],
            structures=list(islice(rest, one["kept"])),
            configurations=one["configurations"],
            incomplete=one["incomplete"],
            duplicates=one["duplicates"],
            pairs=one["pairs"],
            mismatch=one["mismatch"],
            warnings=tuple(one["warnings"]),
        )


def _check_structure(atoms: Atoms, species: Sequence[str], references: Mapping[str, float]) -> None:
    """Refuse a structure that the potential cannot describe."""
    _check_finite("positions", atoms.positions)
    _check_finite("lattice", atoms.cell.array)
    if unknown := sorted(set(atoms.symbols) - set(species)):
        raise ValueError(
            f"contains {', '.join(unknown)}; the campaign's elements are {', '.join(species)}"
        )
    if without := sorted(set(atoms.symbols) - set(references)):
        raise ValueError(
            f"contains {', '.join(without)}; its `energies` must have an isolated atom of it"
        )
    if not atoms.pbc.all() or atoms.cell.rank < 3:
        raise ValueError(
            f"has pbc {atoms.pbc.tolist()} and {atoms.cell.rank} lattice vectors; it must be "
            "periodic in three directions"
        )


def _labels(atoms: Atoms) -> dict:
    """Energy, forces and stress as the file has them, None for what it has not.

    The free energy is the one whose derivatives are the forces, and what pw.x calls total energy;
    VASP's energy without entropy is not.
    """
    results = atoms.calc.results if atoms.calc is not None else {}
    energy = results.get("free_energy", results.get("energy"))
    return {"energy": energy, "forces": results.get("forces"), "stress": results.get("stress")}


def _what_is_missing(atoms: Atoms, missing: Sequence[str]) -> str:
    others = sorted({*atoms.info, *atoms.arrays} - {"numbers", "positions"})
    return (
        f"has no {' and no '.join(missing)}"
        + (f" (beside its labels it has {', '.join(others)})" if others else "")
        + "; the fit needs energy, forces and stress, or `incomplete: leave out`"
    )


def _labelled(atoms: Atoms) -> Atoms:
    """Copy of a structure with its labels and nothing else.

    Constraints do not come along: ASE would set the forces on fixed atoms to zero.
    """
    labels = _labels(atoms)
    for label, value in labels.items():
        _check_finite(label, value)
    for label, limit, unit, usual in (
        ("stress", LARGEST_STRESS, "eV/A^3", "a stress in GPa or kbar, or a virial?"),
        ("forces", LARGEST_FORCE, "eV/A", "forces in other units, or atoms on top of each other?"),
    ):
        if (beyond := np.abs(labels[label]) > limit).any():
            value = _first(labels[label], beyond)
            raise ValueError(f"has {label} of {value} {unit}; at most {limit:g} is real ({usual})")
    clean = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    clean.calc = SinglePointCalculator(clean, **labels)
    return clean


def _check_finite(part: str, values: float | np.ndarray) -> None:
    # ASE reads a damaged number as a word.
    if np.asarray(values).dtype.kind not in "fi":
        raise ValueError(f"has {part} of no number")
    if not np.isfinite(values).all():
        raise ValueError(f"has {part} {_first(values, ~np.isfinite(values))}; it must be finite")


def _first(values: float | np.ndarray, chosen: np.ndarray) -> str:
    return f"{np.ravel(values)[np.ravel(chosen)][0]:g}"


def _check_fit(path: str, fit: Fit) -> tuple[str, ...]:
    """Refuse labels of which a mistake in units or signs makes sense, warn of others that do not.

    Returns
    -------
    tuple of str
        Warnings.
    """
    if fit.mismatch is None or fit.mismatch <= FITS:
        return ()
    found = (
        f"energies and the work of forces and stress differ by {fit.mismatch:.0%} of their sum "
        f"between {fit.pairs} pairs of close configurations"
    )
    if not fit.mistakes:
        return (f"{found}; no usual mistake in units or signs explains it",)
    found += f", as of {' or of '.join(fit.mistakes)}"
    if not fit.sure:
        return (found,)
    raise ValueError(
        f"{path}: {found}; eV, eV/A and eV/A^3 are right, and a stress that is negative under "
        "pressure"
    )


def compare(imported: Import, own: Sequence[Atoms]) -> Import:
    """Compare what was read with the campaign's own labelled seeds.

    Parameters
    ----------
    imported : Import
    own : sequence of Atoms
        Seeds of one element each, energies relative to isolated atoms (eV); of those with a pair of
        atoms close to each other, ``info["close"]`` tells.

    Returns
    -------
    Import
        Without structures that are among the campaign's own, with further warnings.

    Raises
    ------
    ValueError
        If the energies have another reference or stresses are out of all proportion.
    """
    crystals = [atoms for atoms in own if "close" not in atoms.info]
    offsets = energy_offsets(imported.structures, crystals)
    warnings = list(imported.warnings)
    for symbol, offset in offsets.items():
        found = (
            f"energies of {symbol} are {abs(offset.energy):.3g} eV/atom "
            f"{'above' if offset.energy > 0 else 'below'} the campaign's own crystals"
        )
        if abs(offset.energy) > (OTHER_REFERENCE if offset.crystals else OTHER_REFERENCE_MIXED):
            raise ValueError(
                f"{imported.file}: {found}, so that the two have different references; `energies` "
                "must have the isolated atoms of the file's own code, pseudopotentials and "
                "settings, or be `relative` if these are taken off already (the campaign's own "
                "atoms: dft.atom_box, or the energy of each of its elements)"
            )
        if abs(offset.energy) > SUSPICIOUS_OFFSET:
            warnings.append(f"{found}; are the isolated atoms those of this data?")
    if (ratio := size_of_stresses(imported.structures, own) or 0) > SUSPICIOUS_STRESS:
        found = f"stresses are {ratio:.0f} times the largest of the campaign's own crystals"
        if ratio > OTHER_STRESS_UNIT:
            raise ValueError(
                f"{imported.file}: {found}; they must be in eV/A^3, not in GPa or kbar, and not "
                "times the volume"
            )
        warnings.append(f"{found}; are they in eV/A^3?")
    known = {canonical_form(atoms) for atoms in own}
    kept = [atoms for atoms in imported.structures if canonical_form(atoms) not in known]
    return replace(
        imported,
        structures=kept,
        duplicates=imported.duplicates + len(imported.structures) - len(kept),
        warnings=tuple(warnings),
    )
