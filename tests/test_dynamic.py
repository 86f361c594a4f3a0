"""Dynamic properties from reports: in people's units, beside what is published, or a reason."""

import numpy as np
import pandas as pd
import pytest
from ase.units import kB

from smallcell.coexistence import not_begun
from smallcell.dynamic import critical, density, diffusion, melting, mixing, structure
from smallcell.dynamic_table import Found, dynamic_in_words, dynamic_table, temperature_of
from smallcell.series import Estimate
from smallcell.thermal import no_thermal_run

POTASSIUM = {"symbol": "K"}


def thermal(state: str, temperature: float, volume: float | None, enthalpy: float = 0.0) -> dict:
    """Report of a run at constant pressure; without a volume, of one that failed."""
    asked = {"asked": {"state": state, "temperature": temperature}}
    if volume is None:
        return no_thermal_run(POTASSIUM, state, "not liquid") | asked
    return (
        no_thermal_run(POTASSIUM, state, "")
        | asked
        | {
            "temperature": {"value": temperature, "error": 0.1},
            "volume": {"value": volume, "error": 0.01 * volume},
            "enthalpy": {"value": enthalpy, "error": 0.0003},
        }
    )


def liquid(temperature: float, coefficient: float | None) -> dict:
    """Report of a liquid; without a coefficient, of one that failed."""
    report = {
        "asked": {"temperature": temperature},
        "temperature": None,
        "shell": {},
        "diffusion": None,
        "reason": {"shell": "too hot", "diffusion": "too short"},
    }
    if coefficient is None:
        return report
    names = ("peak", "height", "end", "coordination")
    return report | {
        "temperature": {"value": temperature, "error": 1.0},
        "shell": {name: {"value": 4.0, "error": 0.1} for name in names},
        "diffusion": {
            "of_cell": {"value": 0.9 * coefficient, "error": 0.01},
            "viscosity": {"value": 0.4, "error": 0.04},
            "corrected": {"value": coefficient, "error": 0.01 * coefficient},
        },
        "reason": {"shell": "", "diffusion": ""},
    }


def by_name(found: list[Found]) -> dict[str, Found]:
    return {one.quantity: one for one in found}


def test_densities_are_masses_of_volumes_and_a_failed_run_is_empty():
    reports = [
        thermal("solid", 100, 72.0),
        thermal("solid", 200, 73.0),
        thermal("liquid", 400, 79.81),
        thermal("liquid", 600, None),
    ]
    found = by_name(density("K", reports))
    assert found["liquid, 400 K"].estimate.value == pytest.approx(813.5, abs=0.2)
    assert found["liquid, 400 K"].estimate.error == pytest.approx(8.135, abs=0.01)
    assert found["liquid, 600 K"].estimate is None
    assert found["liquid, 600 K"].reason == "not liquid"
    assert found["expansion of the solid"].estimate.value == pytest.approx(1e4 * np.log(73 / 72))
    assert found["expansion of the liquid"].estimate is None
    assert "two temperatures" in found["expansion of the liquid"].reason


def test_a_mixture_is_heavier_and_warmer_than_its_elements_by_what_its_reports_say():
    name, shares = "Na0.25K0.75", {"Na": 0.25, "K": 0.75}
    mixed = [thermal("liquid", 400, 70.0, -1.0) | {"element": name, "shares": shares}]
    (found, _) = density(name, mixed)
    assert found.estimate.value == pytest.approx(1660.539 * (0.25 * 22.98977 + 0.75 * 39.0983) / 70)
    elements = {
        "Na": [thermal("liquid", 800, 1.0), thermal("liquid", 400, 42.0, -1.1)],
        "K": [thermal("liquid", 400, 80.0, -0.98)],
    }
    heat, growth = mixing(mixed, elements)
    assert heat.quantity == "enthalpy of mixing, 400 K"
    assert heat.estimate.value == pytest.approx((-1.0 + 0.25 * 1.1 + 0.75 * 0.98) * 96.4853)
    errors = 0.0003 * np.sqrt(1 + 0.25**2 + 0.75**2)
    assert heat.estimate.error == pytest.approx(errors * 96.4853, rel=1e-4)
    assert growth.estimate.value == pytest.approx(100 * (70.0 / 70.5 - 1))
    elements["K"] = [thermal("liquid", 400, None)]
    assert {one.reason for one in mixing(mixed, elements)} == {"K: not liquid"}
    assert {one.estimate for one in mixing(mixed, elements)} == {None}


def test_each_element_of_a_mixture_has_its_own_diffusion_and_each_pair_its_shell():
    reports = []
    for temperature in (400, 800):
        whole = liquid(temperature, 0.5)
        of_sodium = whole["diffusion"] | {"corrected": {"value": temperature / 400, "error": 0.01}}
        of_pairs = {pair: {"shell": whole["shell"]} for pair in ("Na-Na", "Na-K", "K-Na")}
        reports.append(
            whole
            | {"by_element": {"Na": of_sodium, "K": whole["diffusion"]}}
            | {"partial": of_pairs | {"K-K": {"shell": {}}}}
        )
    found = by_name(diffusion(reports))
    assert found["D of Na, 800 K"].estimate.value == pytest.approx(20)
    assert found["D of K, 800 K"].estimate.value == pytest.approx(5)
    assert "D, 800 K" not in found
    energy = kB * np.log(2) / (1 / 400 - 1 / 800)
    assert found["activation energy of Na"].estimate.value == pytest.approx(1000 * energy)
    assert found["activation energy of K"].estimate.value == pytest.approx(0, abs=1e-9)
    shells = by_name(structure(reports))
    assert shells["neighbours, Na-K, 400 K"].estimate == Estimate(4.0, 0.1)
    assert shells["neighbours, K-K, 400 K"].estimate is None
    assert "as in a gas" in shells["neighbours, K-K, 400 K"].reason
    assert temperature_of("neighbours, K-K, 400 K") == 400


def test_diffusion_is_in_square_centimetres_and_obeys_arrhenius():
    law = [2.0 * np.exp(-0.045 / (kB * temperature)) for temperature in (400, 800)]
    found = by_name(diffusion([liquid(400, law[0]), liquid(600, None), liquid(800, law[1])]))
    assert found["D, 400 K"].estimate.value == pytest.approx(10 * law[0])
    assert found["viscosity, 400 K"].estimate == Estimate(0.4, 0.04)
    assert (found["D, 600 K"].estimate, found["D, 600 K"].reason) == (None, "too short")
    assert found["activation energy"].estimate.value == pytest.approx(45)
    assert found["D0"].estimate.value == pytest.approx(20)
    alone = by_name(diffusion([liquid(400, law[0])]))
    assert alone["activation energy"].estimate is None
    reasons = {one.reason for one in structure([liquid(600, None)])}
    assert reasons == {"too hot"}


def test_the_heat_of_fusion_is_in_kilojoules_and_tells_the_slope_of_the_melting_line():
    runs = [{"reason": "", "temperature": {"value": 337.0, "error": 2.0}}]
    phases = {
        "solid": thermal("solid", 337, 76.0, -1.0),
        "liquid": thermal("liquid", 337, 78.0, -0.976),
    }
    found = by_name(melting(runs, phases))
    assert found["melting point"].estimate == Estimate(337.0, 2.0)
    assert found["heat of fusion"].estimate.value == pytest.approx(0.024 * 96.485, rel=1e-4)
    assert found["heat of fusion"].estimate.error == pytest.approx(
        np.sqrt(2) * 0.0003 * 96.485, rel=1e-4
    )
    assert found["expansion on melting"].estimate.value == pytest.approx(100 * 2 / 76)
    assert found["slope of the melting line"].estimate.value == pytest.approx(
        337 * 2 / 0.024 / 160.2177, rel=1e-4
    )
    gone = phases | {"liquid": thermal("liquid", 337, None)}
    found = by_name(melting(runs, gone))
    assert found["melting point"].estimate is not None
    assert found["heat of fusion"].estimate is None
    assert found["heat of fusion"].reason == "liquid: not liquid"
    never = by_name(melting([not_begun(POTASSIUM, "all of it froze")], {}))
    assert {one.estimate for one in never.values()} == {None}
    assert {one.reason for one in never.values()} == {"1 of 1 runs: all of it froze"}


def test_slabs_without_two_phases_leave_the_critical_point_empty():
    slab = {"temperature": 2000.0, "liquid": None, "vapour": None, "reason": "no two phases"}
    found = by_name(critical([slab]))
    assert {one.estimate for one in found.values()} == {None}
    assert found["liquid, 2000 K"].reason == "no two phases"
    assert found["critical temperature"].reason.startswith("0 temperatures with two phases, 3 are")


PUBLISHED = {
    "K": [
        {
            "property": "melting",
            "quantity": "melting point",
            "kind": "experiment",
            "value": 336.7,
            "source": "Foust",
        }
    ]
}


def test_the_table_has_differences_and_says_why_it_is_empty():
    found = [
        Found("melting point", "K", Estimate(340.0, 2.0)),
        Found("heat of fusion", "kJ/mol", None, "liquid: not liquid"),
    ]
    table = dynamic_table("melting", "K", found, PUBLISHED)
    point, heat = (row for _, row in table.iterrows())
    assert point["off experiment"] == pytest.approx(3.3)
    assert point["off experiment %"] == pytest.approx(100 * 3.3 / 336.7)
    assert point["source of experiment"] == "Foust"
    assert point[["theory", "off theory"]].isna().all()
    assert heat[["potential", "uncertainty", "experiment", "off experiment"]].isna().all()
    (line,) = dynamic_in_words(table)
    assert line == (
        "melting: 1 beside experiment, farthest off K melting point, 340 +- 2 K, experiment 336.7; "
        "1 of 2 empty: heat of fusion, liquid: not liquid"
    )
    alone = dynamic_table("melting", "Na", found[:1], PUBLISHED)
    assert dynamic_in_words(pd.concat([alone])) == ["melting: nothing to compare with experiment"]
    assert temperature_of("D in the cell, 402.5 K") == 402.5
