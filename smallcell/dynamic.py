"""Dynamic properties: what runs have found, in the words and units that people read.

Each property has a list of values with their errors, made from the reports of its runs. A run that
failed leaves a value empty, with the reason beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from ase.units import GPa, kg, kJ, m, mol

from smallcell.coexistence import melting_point
from smallcell.critical_point import critical_point
from smallcell.diffusion import CENTIMETRES, arrhenius
from smallcell.dynamic_table import Found
from smallcell.eutectic import meeting
from smallcell.liquid import NO_SHELL
from smallcell.mixtures import mean_mass
from smallcell.series import Estimate
from smallcell.thermal import STATES, thermal_expansion

DYNAMIC = ("density", "structure", "diffusion", "mixing", "melting")
"""All dynamic properties."""

SHELL = {
    "peak": ("first maximum", "A"),
    "height": ("height of the first maximum", ""),
    "end": ("first minimum", "A"),
    "coordination": ("neighbours", ""),
}
"""What `radial_distribution.Shell` has, in words and with units."""

ONE = "values at two temperatures are needed"


def density(symbol: str, reports: Sequence[Mapping]) -> list[Found]:
    """Densities and thermal expansion of an element or mixture, from `thermal.thermal_run`."""
    found = []
    for report in reports:
        name = f"{report['asked']['state']}, {report['asked']['temperature']:g} K"
        value = None
        if report["volume"]:
            volume = Estimate(**report["volume"])
            # Reports from before there were mixtures are of elements, and do not tell.
            mass = mean_mass(report.get("shares", {symbol: 1.0}))
            heavy = mass / volume.value * m**3 / kg
            value = Estimate(heavy, heavy * volume.error / volume.value)
        found.append(Found(name, "kg/m3", value, report["reason"]))
    for state in STATES:
        name, unit = f"expansion of the {state}", "1e-6/K"
        asked = [one for one in reports if one["asked"]["state"] == state]
        if not asked:
            continue
        of_state = [one for one in asked if one["volume"]]
        if len(of_state) < 2:
            found.append(Found(name, unit, None, ONE))
            continue
        expansion = thermal_expansion(
            [report["temperature"]["value"] for report in of_state],
            [Estimate(**report["volume"]) for report in of_state],
        )
        found.append(Found(name, unit, expansion.times(1e6)))
    return found


def mixing(reports: Sequence[Mapping], alone: Mapping[str, Sequence[Mapping]]) -> list[Found]:
    """Enthalpy and volume of mixing of a liquid, above those of as many atoms of its elements.

    Parameters
    ----------
    reports : sequence of Mapping
        Of `thermal.thermal_run`, of a liquid mixture.
    alone : Mapping
        By symbol, those of its liquid elements; at each temperature of the mixture one is wanted.
    """
    found = []
    for report in reports:
        temperature = report["asked"]["temperature"]
        parts = {
            symbol: next(one for one in alone[symbol] if one["asked"]["temperature"] == temperature)
            for symbol in report["shares"]
        }
        names = [
            Found(f"{words} of mixing, {temperature:g} K", unit, None)
            for words, unit in (("enthalpy", "kJ/mol"), ("volume", "%"))
        ]
        failed = [one for one in (report, *parts.values()) if one["reason"]]
        if failed:
            reason = f"{failed[0]['element']}: {failed[0]['reason']}"
            found += [replace(one, reason=reason) for one in names]
            continue
        unmixed = {
            quantity: weighted_sum(
                list(report["shares"].values()),
                [Estimate(**part[quantity]) for part in parts.values()],
            )
            for quantity in ("enthalpy", "volume")
        }
        heat = difference(Estimate(**report["enthalpy"]), unmixed["enthalpy"])
        growth = difference(Estimate(**report["volume"]), unmixed["volume"])
        values = heat.times(mol / kJ), growth.times(100 / unmixed["volume"].value)
        found += [replace(one, estimate=value) for one, value in zip(names, values, strict=True)]
    return found


def structure(reports: Sequence[Mapping]) -> list[Found]:
    """Nearest neighbours in liquids from reports of `liquid.liquid_run`, in mixtures by pairs."""
    found = []
    for report in reports:
        shells = {"": report["shell"]}
        for pair, partial in report.get("partial", {}).items():
            shells[f", {pair}"] = partial["shell"]
        for pair, shell in shells.items():
            reason = report["reason"]["shell"] or ("" if shell else NO_SHELL)
            found += [
                Found(
                    f"{words}{pair}, {report['asked']['temperature']:g} K",
                    unit,
                    Estimate(**shell[name]) if shell else None,
                    reason,
                )
                for name, (words, unit) in SHELL.items()
            ]
    return found


def of_elements(report: Mapping) -> dict[str, Mapping | None]:
    """Take diffusion from a report of `liquid.liquid_run`, by words for whose it is.

    Of an element no words are needed; of a mixture it is that of each element, not of all atoms.
    """
    by_element = report.get("by_element", {})
    return {f" of {symbol}": one for symbol, one in by_element.items()} or {"": report["diffusion"]}


def diffusion(reports: Sequence[Mapping]) -> list[Found]:
    """Diffusion, viscosity and Arrhenius's law from reports of `liquid.liquid_run`."""
    found = []
    for report in reports:
        at = f", {report['asked']['temperature']:g} K"
        reason = report["reason"]["diffusion"]
        for whose, one in of_elements(report).items():
            found += [
                Found(
                    words + at,
                    "1e-5 cm2/s",
                    one and Estimate(**one[name]).times(CENTIMETRES),
                    reason,
                )
                for name, words in (
                    ("corrected", f"D{whose}"),
                    ("of_cell", f"D{whose} in the cell"),
                )
            ]
        whole = report["diffusion"]
        friction = whole and Estimate(**whole["viscosity"])
        found.append(Found(f"viscosity{at}", "mPa s", friction, reason))
    for whose in of_elements(reports[0]) if reports else ():
        names = (f"activation energy{whose}", "meV"), (f"D0{whose}", "1e-5 cm2/s")
        law = arrhenius_law(reports, whose)
        if law is None:
            found += [Found(*name, None, ONE) for name in names]
            continue
        energy, prefactor = law
        values = energy.times(1000), prefactor.times(CENTIMETRES)
        found += [Found(*name, value) for name, value in zip(names, values, strict=True)]
    return found


def arrhenius_law(reports: Sequence[Mapping], whose: str = "") -> tuple[Estimate, Estimate] | None:
    """Activation energy (eV) and prefactor (A^2/ps), None from less than two temperatures.

    Parameters
    ----------
    reports : sequence of Mapping
    whose : str
        In the words of `of_elements`.
    """
    known = [report for report in reports if of_elements(report)[whose]]
    if len(known) < 2:
        return None
    return arrhenius(
        [report["temperature"]["value"] for report in known],
        [Estimate(**of_elements(report)[whose]["corrected"]) for report in known],
    )


def melting(runs: Sequence[Mapping], phases: Mapping[str, Mapping]) -> list[Found]:
    """Melting point, heat of fusion and what follows from them.

    Parameters
    ----------
    runs : sequence of Mapping
        Reports of `coexistence.coexistence_run`.
    phases : Mapping
        Reports of `thermal.thermal_run` of solid and liquid at the melting point.
    """
    point, reason = melting_point(runs)
    names = (
        ("heat of fusion", "kJ/mol"),
        ("expansion on melting", "%"),
        ("slope of the melting line", "K/GPa"),
    )
    found = [Found("melting point", "K", point, reason)]
    reason = reason or " and ".join(
        f"{state}: {report['reason']}" for state, report in phases.items() if report["reason"]
    )
    if reason:
        return found + [Found(*name, None, reason) for name in names]
    solid, liquid = (
        {name: Estimate(**phases[state][name]) for name in ("volume", "enthalpy")}
        for state in STATES
    )
    heat = difference(liquid["enthalpy"], solid["enthalpy"])
    growth = difference(liquid["volume"], solid["volume"])
    # The law of Clausius and Clapeyron.
    slope = point.value * growth.value / heat.value * GPa
    relative = np.hypot(growth.error / growth.value, heat.error / heat.value)
    values = (
        heat.times(mol / kJ),
        growth.times(100 / solid["volume"].value),
        Estimate(slope, float(abs(slope) * relative)),
    )
    return found + [Found(*name, value) for name, value in zip(names, values, strict=True)]


def critical(reports: Sequence[Mapping]) -> list[Found]:
    """Densities of both phases and the critical point from reports of `critical_point.slab_run`."""
    phases = ("liquid", "vapour")
    found = [
        Found(
            f"{phase}, {report['temperature']:g} K",
            "kg/m3",
            report[phase] and Estimate(**report[phase]),
            report["reason"],
        )
        for report in reports
        for phase in phases
    ]
    known = [report for report in reports if not report["reason"]]
    temperatures = [report["temperature"] for report in known]
    liquid, vapour = ([Estimate(**report[phase]) for report in known] for phase in phases)
    for free, words in ((False, ""), (True, ", exponent fitted")):
        point, reason = None, ""
        try:
            point = critical_point(temperatures, liquid, vapour, free)
        except ValueError as error:
            reason = str(error)
        found += [
            Found(f"critical temperature{words}", "K", point and point.temperature, reason),
            Found(f"critical density{words}", "kg/m3", point and point.density, reason),
        ]
    return [*found, Found("critical exponent", "", point and point.exponent, reason)]


def eutectic(reports: Sequence[Mapping], symbol: str) -> list[Found]:
    """Shares along the liquidus of two elements, and the eutectic.

    Parameters
    ----------
    reports : sequence of Mapping
        Of `eutectic.liquidus_run`.
    symbol : str
        The element whose share is told.
    """
    unit, found = f"share of {symbol}", []
    lines: dict[str, dict[float, Estimate]] = {}
    for report in reports:
        temperature = report["asked"]["temperature"]
        reason, share = report["reason"], None
        if not reason:
            share = Estimate(**report["share"])
            lines.setdefault(report["element"], {})[temperature] = share
        found.append(
            Found(f"liquidus of {report['element']}, {temperature:g} K", unit, share, reason)
        )
    temperature = share = None
    reason = ""
    one, other, *_ = [*lines.values(), {}, {}]
    try:
        temperature, share = meeting(one, other)
    except ValueError as error:
        reason = str(error)
    return [
        *found,
        Found("eutectic temperature", "K", temperature, reason),
        Found("eutectic liquid", unit, share, reason),
    ]


def weighted_sum(weights: Sequence[float], values: Sequence[Estimate]) -> Estimate:
    """Sum of independent values, each with a weight that is known."""
    return Estimate(
        float(sum(weight * one.value for weight, one in zip(weights, values, strict=True))),
        float(np.hypot.reduce([w * one.error for w, one in zip(weights, values, strict=True)])),
    )


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Difference of two independent values."""
    return Estimate(one.value - other.value, float(np.hypot(one.error, other.error)))
