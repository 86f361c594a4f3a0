"""Presets fill in what is not given, and are refused where they do not fit."""

import copy

import pytest
import yaml
from conftest import REPOSITORY

from smallcell.configuration import schema_faults
from smallcell.presets import preset_faults, with_preset

PRESETS = yaml.safe_load((REPOSITORY / "config/presets.yaml").read_text())
SCHEMA = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}


@pytest.fixture
def asked() -> dict:
    """A configuration that leaves all settings of pw.x to a preset."""
    return {
        "run": "test",
        "elements": [copy.deepcopy(POTASSIUM)],
        "dft": {"preset": "balanced"},
        "stages": [{"name": "two-atoms", "cell": [1, 1, 1]}],
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_in_all_that_the_schema_asks_for(asked, name):
    asked["dft"]["preset"] = name
    filled = with_preset(asked, PRESETS)
    assert schema_faults(filled, SCHEMA) == []
    (element,) = filled["elements"]
    assert (REPOSITORY / element["pseudopotential"]).exists()
    assert filled["dft"]["ecutwfc"] == PRESETS[name]["elements"]["K"]["ecutwfc"]
    assert filled["dft"]["degauss"] == PRESETS[name]["dft"]["degauss"]
    assert "ecutwfc" not in asked["dft"]


def test_the_schema_knows_all_presets():
    assert SCHEMA["properties"]["dft"]["properties"]["preset"]["enum"] == list(PRESETS)


def test_what_the_user_gives_wins(asked):
    asked["dft"] |= {"degauss": 0.05, "ecutwfc": 99}
    filled = with_preset(asked, PRESETS)["dft"]
    assert (filled["degauss"], filled["ecutwfc"]) == (0.05, 99)
    assert filled["ecutrho"] == PRESETS["balanced"]["elements"]["K"]["ecutrho"]


def test_an_alloy_has_the_highest_cut_offs_of_its_elements(asked):
    asked["elements"].append(dict(SODIUM))
    filled = with_preset(asked, PRESETS)["dft"]
    ours = PRESETS["balanced"]["elements"]
    for key in ("ecutwfc", "ecutrho"):
        assert filled[key] == max(ours["K"][key], ours["Na"][key])


def test_an_element_without_a_preset_is_refused(asked):
    asked["elements"].append({**SODIUM, "symbol": "Li"})
    (fault,) = preset_faults(asked, PRESETS)
    assert "dft.preset: 'balanced' is made for K, Na, not for Li (elements[1])" in fault


def test_a_pseudopotential_of_the_users_needs_cut_offs_of_its_own(asked):
    asked["elements"][0]["pseudopotential"] = "mine.UPF"
    (fault,) = preset_faults(asked, PRESETS)
    assert fault.startswith("elements[0].pseudopotential: the cut-offs of dft.preset 'balanced'")
    assert "mine.UPF" in fault
    asked["dft"] |= {"ecutwfc": 70, "ecutrho": 500}
    assert preset_faults(asked, PRESETS) == []
    assert with_preset(asked, PRESETS)["elements"][0]["pseudopotential"] == "mine.UPF"


@pytest.mark.parametrize("dft", [{"preset": "best"}, {"preset": ["quick"]}, None, "quick"])
def test_what_is_no_preset_is_left_to_the_schema(asked, dft):
    asked["dft"] = dft
    assert preset_faults(asked, PRESETS) == []
    assert with_preset(asked, PRESETS) == asked
    assert schema_faults(asked, SCHEMA)
