"""The command that measures dynamic properties of a potential: `make melting POTENTIAL=...`.

    python -m smallcell.measure results/quickstart/potential.almtp melting --between 250 450

prints a table beside published values, and what it cost. Runs that are done are kept beside the
potential and are not repeated. In a campaign, `validation.dynamic` asks for the same.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from ase import Atoms

from smallcell import coexistence, thermal
from smallcell.coexistence import (
    coexistence_in_words,
    coexistence_run,
    melting_point,
    not_begun,
    search,
    search_in_words,
)
from smallcell.critical_point import slab_in_words, slab_run
from smallcell.dynamic import (
    DYNAMIC,
    critical,
    density,
    diffusion,
    eutectic,
    melting,
    mixing,
    structure,
)
from smallcell.dynamic_table import Found, dynamic_table
from smallcell.eutectic import liquidus_in_words, liquidus_run
from smallcell.files import write_table
from smallcell.kept import kept
from smallcell.liquid import liquid_in_words, liquid_run
from smallcell.mixtures import lightest_first, mixture, shares_of, system_of
from smallcell.molecular_dynamics import Matter, lammps_seed, matter_of
from smallcell.potential import read_potential
from smallcell.progress import tell
from smallcell.store import file_hash
from smallcell.survival import known_crystal
from smallcell.thermal import no_thermal_run, thermal_in_words, thermal_run
from smallcell.wall import wall_of

REFERENCES = Path(__file__).parent.parent / "config/references.yaml"

CRITICAL_POINT = "critical-point"
EUTECTIC = "eutectic"

OF_LIQUIDS = ("density", "structure", "diffusion")
"""Properties that elements and mixtures have."""


class Measurement:
    """Runs of one element or mixture by one potential, and where they are kept.

    Parameters
    ----------
    potential : Path
        An .almtp file; beside it the .lammps file with its wall.
    element : Mapping
        ``symbol``, ``lattice``, ``lattice_constant`` (A); or a `mixtures.mixture`.
    options : Namespace
        Of `arguments`.
    folder : Path
        Where runs are kept.

    Attributes
    ----------
    reports : dict of str to dict
        Of all runs so far by their names, kept ones too.
    """

    def __init__(
        self, potential: Path, element: Mapping, options: argparse.Namespace, folder: Path
    ) -> None:
        self.matter: Matter = matter_of(potential, wall_of(potential.with_suffix(".lammps")))
        self.potential = file_hash(potential)
        self.element = dict(element)
        self.options = options
        self.folder = folder
        self.reports: dict[str, dict] = {}

    def run(
        self,
        name: str,
        conditions: Mapping,
        measure: Callable[[], dict],
        words: Callable[[Mapping], str],
    ) -> dict:
        """Run what is not done yet, and tell of it."""
        asked = {"potential": self.potential, "element": self.element, **conditions}
        asked["seed"] = self.options.seed

        def measured() -> dict:
            report = measure()
            tell(words(report))
            return report

        report = kept(self.folder / f"{name}.json", asked, measured)
        self.reports[name] = report
        return report

    def side_by_side(self, run: Callable[[Any], dict], asked: Iterable) -> list[dict]:
        """Make runs of their own, as many at a time as there are to be threads."""
        with ThreadPoolExecutor(self.options.threads) as pool:
            return list(pool.map(run, asked))

    def thermal(self, name: str, state: str, temperature: float) -> dict:
        """Solid or liquid at constant pressure; ``end`` has where its atoms are in the end."""
        options = self.options
        conditions = thermal.Conditions(
            state,
            temperature,
            options.pressure,
            options.atoms,
            options.duration,
            options.melt_at,
        )

        def measure() -> dict:
            seed = lammps_seed(options.seed)
            report, end = thermal_run(self.matter, self.element, conditions, seed)
            if end is None:
                return report | {"end": None}
            return report | {
                "end": {
                    "symbols": str(end.symbols),
                    "cell": end.cell.tolist(),
                    "positions": end.positions.tolist(),
                }
            }

        return self.run(name, asdict(conditions), measure, thermal_in_words)

    def liquid(self, temperature: float) -> dict:
        """Liquid in the volume that it has at constant pressure."""
        before = self.thermal(f"thermal-liquid-{temperature:g}", "liquid", temperature)
        end = before["end"]
        start = None
        if end:
            # Ends that were kept before there were mixtures do not tell.
            symbols = [self.element["symbol"]] * len(end["positions"])
            start = Atoms(**{"symbols": symbols, "pbc": True} | end)
        duration = self.options.duration
        return self.run(
            f"liquid-{temperature:g}",
            before["asked"] | {"volume": before["volume"]},
            lambda: liquid_run(
                self.matter, start, before, duration, lammps_seed(self.options.seed)
            ),
            liquid_in_words,
        )

    def coexistence(self) -> tuple[list[dict], dict[str, dict]]:
        """Solid and liquid side by side, and each by itself at the melting point."""
        options = self.options
        run = {
            "pressure": options.pressure,
            "atoms": options.column_atoms,
            "melt_at": options.melt_at,
        }

        def attempt(temperature: float) -> dict:
            conditions = coexistence.Conditions(
                temperature, duration=options.column_duration / 4, **run
            )
            seed = lammps_seed(options.seed)
            report = coexistence_run(self.matter, self.element, conditions, seed)
            tell(f"{coexistence_in_words(report)} ({report['outcome']})")
            return report

        found = self.run(
            "melting-search",
            run | {"duration": options.column_duration / 4, "between": options.between},
            lambda: search(attempt, options.between),
            partial(search_in_words, self.element["symbol"]),
        )
        if found["reason"]:
            runs = [not_begun(self.element, found["reason"])]
        else:
            conditions = coexistence.Conditions(
                found["temperature"], duration=options.column_duration, **run
            )
            runs = self.side_by_side(
                lambda number: self.run(
                    f"melting-{number}",
                    asdict(conditions),
                    lambda: coexistence_run(
                        self.matter,
                        self.element,
                        conditions,
                        lammps_seed(options.seed, number),
                    ),
                    coexistence_in_words,
                ),
                range(options.runs),
            )
        point, reason = melting_point(runs)
        phases = {
            state: self.thermal(f"melting-{state}", state, point.value)
            if point
            else no_thermal_run(self.element, state, reason)
            for state in thermal.STATES
        }
        return runs, phases

    def liquidus(self, liquid: Mapping, temperature: float, symbol: str) -> dict:
        """Crystal beside a liquid mixture, whose share of an element it comes to."""
        options = self.options
        conditions = coexistence.Conditions(
            temperature,
            options.pressure,
            options.column_atoms,
            options.column_duration,
            options.melt_at,
        )
        seed = lammps_seed(options.seed)
        return self.run(
            f"liquidus-{liquid['symbol']}-{temperature:g}",
            asdict(conditions) | {"liquid": dict(liquid)},
            lambda: liquidus_run(self.matter, self.element, liquid, conditions, symbol, seed),
            liquidus_in_words,
        )

    def slab(self, temperature: float) -> dict:
        """Slab of liquid beside its vapour."""
        options = self.options
        conditions = {"atoms": options.column_atoms, "duration": options.column_duration}
        seed = lammps_seed(options.seed, round(temperature))
        return self.run(
            f"slab-{temperature:g}",
            conditions | {"temperature": temperature},
            lambda: slab_run(self.matter, self.element, temperature, seed=seed, **conditions),
            slab_in_words,
        )

    def liquids(self) -> list[dict]:
        """Liquids at constant pressure, at all temperatures."""
        return self.side_by_side(
            lambda one: self.thermal(f"thermal-liquid-{one:g}", "liquid", one), self.options.liquid
        )

    def found(self, name: str, elements: Mapping[str, "Measurement"]) -> list[Found]:
        """Values of a property; one of mixing takes measurements of the elements too."""
        options = self.options
        match name:
            case "density":
                states = ("liquid",) if "shares" in self.element else thermal.STATES
                asked = [(state, one) for state in states for one in getattr(options, state)]
                runs = self.side_by_side(
                    lambda one: self.thermal("thermal-{}-{:g}".format(*one), *one), asked
                )
                return density(self.element["symbol"], runs)
            case "structure" | "diffusion":
                runs = self.side_by_side(self.liquid, options.liquid)
                return structure(runs) if name == "structure" else diffusion(runs)
            case "mixing":
                alone = {one: elements[one].liquids() for one in self.element["shares"]}
                return mixing(self.liquids(), alone)
            case "melting":
                return melting(*self.coexistence())
            case _:
                return critical(self.side_by_side(self.slab, options.slabs))


def in_words(table: pd.DataFrame, reports: Sequence[Mapping]) -> str:
    """Tell of a property in a table, and of what its runs have cost."""
    shown = table[["element", "quantity", "potential", "uncertainty", "unit", "experiment"]]
    hours = sum(report["seconds"] for report in reports) / 3600
    grades = [report["grade"] for report in reports if report.get("grade") is not None]
    highest = f", grade up to {max(grades):.1f}" if grades else ""
    reasons = table.loc[table["potential"].isna(), ["quantity", "why empty"]]
    return "\n".join(
        [
            shown.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""),
            *(f"{quantity}: {reason}" for quantity, reason in reasons.to_numpy()),
            f"{hours:.3f} core-hours of LAMMPS{highest}",
        ]
    )


def beside(text: str) -> tuple[str, str, float]:
    """Read an element, a liquid and a temperature (K), such as ``K:Na0.2K0.8:300``."""
    try:
        symbol, liquid, temperature = text.split(":")
        shares_of(liquid)
        return symbol, liquid, float(temperature)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text}: a crystal, a liquid and K are wanted, such as K:Na0.2K0.8:300 ({error})"
        ) from error


def eutectic_found(
    measurements: Mapping[str, Measurement], elements: Sequence[dict], options: argparse.Namespace
) -> list[Found]:
    """Values of the eutectic of two elements.

    Raises
    ------
    ValueError
        If there are not two, or no run is asked for.
    """
    if len(elements) != 2 or not options.liquidus:
        raise ValueError("a eutectic takes a potential of two elements, and --liquidus")
    lighter, heavier = lightest_first(element["symbol"] for element in elements)

    def run(asked: tuple[str, str, float]) -> dict:
        symbol, liquid, temperature = asked
        if symbol not in (lighter, heavier):
            raise ValueError(f"{symbol} is neither {lighter} nor {heavier}")
        begins = mixture(shares_of(liquid), elements)
        return measurements[symbol].liquidus(begins, temperature, heavier)

    with ThreadPoolExecutor(options.threads) as pool:
        return eutectic(list(pool.map(run, options.liquidus)), heavier)


def asked_for(names: Sequence[str], elements: Sequence[dict]) -> list[dict]:
    """Find elements and mixtures by their names; all elements without a name.

    Raises
    ------
    ValueError
        If one is neither an element of the potential nor a mixture of these.
    """
    by_symbol = {element["symbol"]: element for element in elements}
    return [
        by_symbol.get(name) or mixture(shares_of(name), elements) for name in names or by_symbol
    ]


def subjects(name: str, asked: Sequence[dict]) -> list[dict]:
    """Choose what a property can be measured of.

    Raises
    ------
    ValueError
        If it is none of those that are asked for.
    """
    found = list(asked)
    if name not in OF_LIQUIDS:
        found = [one for one in asked if ("shares" in one) == (name == "mixing")]
    if not found:
        kind = "a mixture, such as Na0.33K0.67" if name == "mixing" else "an element"
        raise ValueError(f"{name} is one of {kind}: say so by --of")
    return found


def arguments() -> argparse.ArgumentParser:
    """Describe what the command takes."""
    parser = argparse.ArgumentParser(description="What does a potential say of solid and liquid?")
    parser.add_argument("potential", type=Path, help=".almtp, with its .lammps file beside it")
    parser.add_argument("properties", nargs="+", choices=(*DYNAMIC, CRITICAL_POINT, EUTECTIC))
    parser.add_argument("--pressure", type=float, default=0.0, help="GPa")
    parser.add_argument("--solid", type=float, nargs="+", default=[100.0, 200.0, 300.0], help="K")
    parser.add_argument("--liquid", type=float, nargs="+", default=[400.0, 600.0, 800.0], help="K")
    parser.add_argument(
        "--of",
        nargs="+",
        default=[],
        help="elements, or liquid mixtures by shares of atoms as Na0.33K0.67; all elements without",
    )
    parser.add_argument("--melt-at", type=float, default=800.0, help="where crystals are molten, K")
    parser.add_argument("--atoms", type=int, default=500, help="of a solid or liquid, at least")
    parser.add_argument("--duration", type=float, default=200.0, help="of a measurement, ps")
    parser.add_argument(
        "--between", type=float, nargs=2, default=[100.0, 800.0], help="of the melting point, K"
    )
    parser.add_argument("--column-atoms", type=int, default=2000, help="of two phases, at least")
    parser.add_argument("--column-duration", type=float, default=400.0, help="ps")
    parser.add_argument("--runs", type=int, default=4, help="for the melting point")
    parser.add_argument(
        "--slabs",
        type=float,
        nargs="+",
        default=list(np.arange(1200.0, 2001.0, 160.0)),
        help="for the critical point, K",
    )
    parser.add_argument(
        "--liquidus",
        type=beside,
        nargs="+",
        default=[],
        help="for the eutectic: a crystal, the liquid to begin with, and K, as K:Na0.2K0.8:300",
    )
    parser.add_argument("--lattice-constant", type=float, help="A, if not about the element's own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="runs at a time")
    return parser


def main() -> None:
    """Measure what is not done yet."""
    options = arguments().parse_args()
    references = yaml.safe_load(REFERENCES.read_text())
    folder = options.potential.with_name(f"{options.potential.stem}-dynamic")
    try:
        symbols = read_potential(options.potential).species
        elements = [known_crystal(symbol) for symbol in symbols]
        if options.lattice_constant:
            for element in elements:
                element["lattice_constant"] = options.lattice_constant
        asked = asked_for(options.of, elements)
        for name in options.properties:
            measurements = {
                one["symbol"]: Measurement(
                    options.potential,
                    one,
                    options,
                    folder / one["symbol"] if len(symbols) > 1 else folder,
                )
                for one in elements + asked
            }
            if name == EUTECTIC:
                found = {system_of(symbols): eutectic_found(measurements, elements, options)}
            else:
                found = {
                    one["symbol"]: measurements[one["symbol"]].found(name, measurements)
                    for one in subjects(name, asked)
                }
            tables = [dynamic_table(name, one, values, references) for one, values in found.items()]
            table = pd.concat(tables)
            write_table(folder / f"{name}.csv", table)
            reports = [report for one in measurements.values() for report in one.reports.values()]
            tell(in_words(table, reports))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"measure: {error}")


if __name__ == "__main__":
    main()
