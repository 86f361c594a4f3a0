"""What campaigns have cost, and how wrong their potentials are on a labelled set they never saw.

Core-hours are all that the results needed, whoever paid: each label once, whether computed now or
found in the store, with those of the gate, of isolated atoms and of what failed; walks; fits. What
an audit has labelled counts if the potential has learnt from it.
Energies count up to a constant for each element, as the set's labels may be of other settings.

    python benchmarks/cost.py SET.cfg docs/results.md config/potassium-level-8.yaml ...
"""

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml
from ase import Atoms

from benchmarks.md import processor, table
from benchmarks.pages import write_part
from smallcell.budget import KINDS
from smallcell.composition import tenths_of
from smallcell.coverage import tenth_in_words
from smallcell.errors import Errors, differences, summary
from smallcell.files import read_reports
from smallcell.formats import read_labelled
from smallcell.labels import SUCCESSES
from smallcell.potential import Potential, read_potential

SIZES = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 54))
"""Fewest and most atoms of the structures that a column is of."""


def core_hours(results: Path) -> dict[str, float]:
    """Core-hours of a finished campaign, by what they were spent on; its folder is given."""
    (costs,) = read_reports([results / "costs.json"])
    return {kind: costs[kind] / 3600 for kind in KINDS}


def batches(results: Path) -> list[Path]:
    """Folders of the seeds and rounds that the campaign consists of, not of what went before it."""
    rounds = pd.read_csv(results / "rounds.csv")
    return [
        folder if (folder := results / stage / f"{number:03d}").exists() else results / stage
        for stage, number in zip(rounds["stage"], rounds["round"], strict=True)
    ]


def label_reports(results: Path) -> list[dict]:
    """Reports of all label jobs of a campaign, its gate's too."""
    folders = [results / "gate", *batches(results)]
    return read_reports([path for folder in folders for path in folder.glob("labels/*.json")])


def sizes(structures: Sequence[Atoms]) -> list[list[int]]:
    """Numbers of the structures of each of `SIZES`."""
    return [
        [number for number, atoms in enumerate(structures) if few <= len(atoms) <= many]
        for few, many in SIZES
    ]


def errors_by_size(potential: Potential, structures: Sequence[Atoms]) -> list[Errors]:
    """Errors on all structures, then on those of each of `SIZES`; energies up to constants."""
    found = differences(potential, structures, up_to_constants=True)
    parts = [[found[number] for number in part] for part in sizes(structures)]
    return [summary(part) for part in (found, *parts)]


def energies_by_size(potential: Potential, structures: Sequence[Atoms]) -> list[float]:
    """Errors of energies (eV/atom) of each of `SIZES`, up to constants of its own.

    What meshes of k-points the labels of each size had shifts all of them alike.
    """
    parts = [[structures[number] for number in part] for part in sizes(structures)]
    return [summary(differences(potential, part, up_to_constants=True)).energy for part in parts]


def errors_by_composition(
    potential: Potential, structures: Sequence[Atoms]
) -> dict[tuple[int, ...], Errors]:
    """Errors of each of an alloy's `tenths`, ascending; energies up to the constants of all."""
    found = differences(potential, structures, up_to_constants=True)
    parts: dict[tuple[int, ...], list] = {}
    for atoms, one in zip(structures, found, strict=True):
        parts.setdefault(tenths_of(atoms, potential.species), []).append(one)
    return {part: summary(ones) for part, ones in sorted(parts.items())}


def composition_rows(potential: Potential, structures: Sequence[Atoms]) -> list[list[str]]:
    """Rows of an alloy's errors by the shares of all its elements but the first."""
    return [
        [
            ", ".join(
                f"{symbol} {tenth_in_words(part)}"
                for symbol, part in zip(potential.species[1:], parts, strict=True)
            ),
            f"{found.configurations}",
            f"{1e3 * found.force:.1f}",
            f"{1e3 * found.energy:.2f}",
        ]
        for parts, found in errors_by_composition(potential, structures).items()
    ]


def rows(configuration: str, labelled: str) -> tuple[list[str], list[str], list[list[str]]]:
    """Row of what a campaign cost, row of its errors by size, rows of an alloy's by composition."""
    run = yaml.safe_load(Path(configuration).read_text())["run"]
    results = Path("results") / run
    potential = read_potential(results / "potential.mtp")
    structures = read_labelled(labelled, potential.species)
    whole, *parts = errors_by_size(potential, structures)
    hours = core_hours(results)
    reports = label_reports(results)
    made = {report["key"] for report in reports if report["fate"] in SUCCESSES}
    cost = [
        run,
        f"{potential.basis.level}",
        f"{len(made)}",
        *(f"{value:.3f}" for value in hours.values()),
        f"{sum(hours.values()):.3f}",
        f"{1e3 * whole.force:.2f}",
        f"{1e3 * whole.energy:.2f}",
    ]
    by_size = [run] + [
        f"{1e3 * part.force:.1f}, {1e3 * part.energy:.2f}, {1e3 * own:.2f}"
        if part.configurations
        else ""
        for part, own in zip(parts, energies_by_size(potential, structures), strict=True)
    ]
    alloy = len(potential.species) > 1
    return cost, by_size, composition_rows(potential, structures) if alloy else []


def main(labelled: str, page: str, *configurations: str) -> None:
    """Print the tables and write them as a part of the page."""
    found = [rows(configuration, labelled) for configuration in configurations]
    heads = ["run", "level", "labels", *(f"core-hours: {kind}" for kind in KINDS), "in all"]
    heads += ["force, meV/A", "energy, meV/atom"]
    columns = [f"{few} to {many} atoms" if few < many else f"{few} atoms" for few, many in SIZES]
    text = f"""# What campaigns cost, and their errors on {Path(labelled).name}

`make bench-cost` on {datetime.date.today()}: {processor()}. How it is measured:
`benchmarks/cost.py`. Root mean square errors on all structures of the set, which no campaign has
seen.

{table(heads, [cost for cost, _, _ in found])}
The same by atoms of a structure: force, energy, and energy up to a constant for those of that size
alone, since labels of different meshes of k-points are shifted.

{table(["run", *columns], [by_size for _, by_size, _ in found])}"""
    for (run, *_), _, by_composition in found:
        if by_composition:
            heads = [f"{run}, share of", "structures", "force, meV/A", "energy, meV/atom"]
            text += f"\nBy composition:\n\n{table(heads, by_composition)}"
    print(text)
    write_part(page, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
