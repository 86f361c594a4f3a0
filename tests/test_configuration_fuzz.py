"""Configurations made at random: whatever is in one, it is taken or refused with key and reason."""

import copy
import datetime
import math

import pytest
import yaml
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import validate

from smallcell.basis import LEVELS
from smallcell.configuration import engine_faults, meaning_faults, schema_faults
from smallcell.presets import preset_faults, with_preset

SCHEMA_FILE = str(REPOSITORY / "config/schemas/config.schema.yaml")
SCHEMA = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
PRESETS = yaml.safe_load((REPOSITORY / "config/presets.yaml").read_text())
QUICKSTART = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
validate(FILLED := copy.deepcopy(QUICKSTART), schema=SCHEMA_FILE)


def faults(written: dict) -> list[str]:
    """What is wrong with a configuration, in the order in which a run looks."""
    if found := preset_faults(written, PRESETS):
        return found
    config = copy.deepcopy(with_preset(written, PRESETS))
    if found := schema_faults(config, SCHEMA):
        return found
    if found := engine_faults(config):
        return found
    validate(config, schema=SCHEMA_FILE)
    return meaning_faults(config, LEVELS)


def paths(value, path=()):
    """All places of a configuration, the outer ones too."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(inner, (*path, key))


numbers = st.one_of(st.integers(), st.floats(), st.just(10**400), st.floats(-1e-3, 1e3))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    st.text(max_size=12),
    st.sampled_from(
        ["$(touch x)", "a\n", "../x", "{walker}", "'", "K", "Na", "bcc", "false", "mlip"]
    ),
    st.just(datetime.date(2026, 11, 25)),
)
keys = st.one_of(st.text(max_size=6), st.integers(0, 3), st.none(), st.booleans())
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def configurations(draw) -> dict:
    """The quickstart, as written or with its defaults, with up to three changes anywhere in it."""
    config = copy.deepcopy(draw(st.sampled_from([QUICKSTART, FILLED])))
    for _ in range(draw(st.integers(1, 3))):
        *outer, last = draw(st.sampled_from(list(paths(config))))
        place = config
        for step in outer:
            place = place[step]
        change = draw(st.sampled_from(["replace", "nearly", "leave out", "add"]))
        if change == "leave out":
            del place[last]
        elif change == "add" and isinstance(place, dict):
            place[draw(keys)] = draw(anything)
        elif change == "add":
            place.append(draw(st.sampled_from(place) | anything))
        elif change == "nearly" and type(place[last]) in (int, float):
            place[last] = draw(st.sampled_from([0, 0.5, -1, 2, 1000])) * place[last]
        else:
            place[last] = draw(anything)
        if not config:
            break
    return config


@settings(max_examples=400, deadline=None, derandomize=True)
@given(configurations())
def test_a_configuration_is_taken_or_refused_with_key_and_reason(config):
    pytest.MonkeyPatch().chdir(REPOSITORY)
    for fault in faults(config):
        key, _, reason = fault.partition(": ")
        assert key, fault
        assert reason, fault
        assert "\n" not in fault


@settings(max_examples=100, deadline=None, derandomize=True)
@given(anything)
def test_what_is_no_configuration_is_refused(thing):
    if not isinstance(thing, dict):
        thing = {"run": thing}
    assert faults(thing)


@pytest.mark.parametrize("key", ["time_limit", "k_spacing", "ecutwfc"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, 10**400])
def test_what_is_no_finite_number_is_refused(key, value):
    config = copy.deepcopy(QUICKSTART)
    config["dft"][key] = value
    assert any(fault.startswith(f"dft.{key}: ") for fault in faults(config))
