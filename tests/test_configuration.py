"""Bad input ends with one line that names the key, the value and what would be right."""

import copy
import shutil
import subprocess

import ase.io
import pytest
import yaml
from ase.build import bulk
from conftest import REPOSITORY

from smallcell import configuration
from smallcell.basis import LEVELS
from smallcell.configuration import cores_faults, machine_faults, meaning_faults, schema_faults
from smallcell.dynamic import DYNAMIC
from smallcell.presets import preset_faults, with_preset
from smallcell.properties import properties

SCHEMA = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
CAMPAIGNS = sorted(
    path.name
    for path in (REPOSITORY / "config").glob("*.yaml")
    if path.name not in ("presets.yaml", "references.yaml")
)
QUICKSTART = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())

AUDIT = {"atoms": 1000, "cut_outs": 3, "cut_out_atoms": 16, "add": True}


@pytest.fixture
def filled(monkeypatch) -> dict:
    """The quickstart with the schema's defaults, seen from the repository's folder."""
    from snakemake.utils import validate

    monkeypatch.chdir(REPOSITORY)
    config = copy.deepcopy(QUICKSTART)
    validate(config, schema=str(REPOSITORY / "config/schemas/config.schema.yaml"))
    return config


def changed(config: dict, key: str, value) -> dict:
    """Copy of a configuration with a dotted key set; numbers in it are places in a list."""
    config = copy.deepcopy(config)
    *folders, name = (int(step) if step.isdigit() else step for step in key.split("."))
    place = config
    for folder in folders:
        place = place[folder]
    place[name] = value
    return config


def test_the_quickstart_has_no_fault(filled):
    assert schema_faults(QUICKSTART, SCHEMA) == []
    assert meaning_faults(filled, LEVELS) == []


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_every_campaign_in_config_has_no_fault(name, monkeypatch):
    from snakemake.utils import validate

    monkeypatch.chdir(REPOSITORY)
    presets = yaml.safe_load((REPOSITORY / "config/presets.yaml").read_text())
    written = yaml.safe_load((REPOSITORY / "config" / name).read_text())
    assert preset_faults(written, presets) == []
    campaign = with_preset(written, presets)
    assert schema_faults(campaign, SCHEMA) == []
    validate(campaign, schema=str(REPOSITORY / "config/schemas/config.schema.yaml"))
    assert meaning_faults(campaign, LEVELS) == []


def test_all_static_properties_can_be_asked_for_and_are_by_default(filled):
    names = list(properties(seed=1))
    assert SCHEMA["$defs"]["properties"]["items"]["enum"] == names
    # One element has no compounds.
    assert [*filled["validation"]["properties"], "compounds"] == names
    assert filled["validation"]["dft"] == []


def test_all_dynamic_properties_can_be_asked_for_and_none_is_by_default(filled):
    asked = SCHEMA["properties"]["validation"]["properties"]["dynamic"]
    assert tuple(asked["items"]["enum"]) == DYNAMIC
    assert filled["validation"]["dynamic"] == []
    assert filled["validation"]["dynamics"]["melting"]["runs"] == 4


def test_compounds_take_two_elements(filled):
    asked = changed(filled, "validation.properties", ["lattices", "compounds"])
    (fault,) = meaning_faults(asked, LEVELS)
    assert fault.startswith("validation.properties: compounds are those of two elements or more")


@pytest.mark.parametrize(
    ("dynamics", "words"),
    [
        ({"duration": 50}, ["validation.dynamics.duration: 50 ps", "80"]),
        ({"liquid": []}, ["validation.dynamics.liquid", "diffusion"]),
        ({"liquid": [], "solid": []}, ["neither solid nor liquid"]),
        ({"melting": {"between": [400, 300]}}, ["melting.between: 400 to 300", "lower end"]),
        ({"mixtures": []}, ["validation.dynamics.mixtures: none is given for mixing"]),
        ({"mixtures": ["Na0.5K0.6"]}, ["mixtures[0]: Na0.5K0.6", "1.1 together"]),
        ({"mixtures": ["Na0.5K0.5"]}, ["mixtures[0]: Na0.5K0.5", "Na is not among", "K"]),
        ({"mixtures": ["Na0.4K0.6", "K0.6Na0.4"]}, ["mixtures[1]: K0.6Na0.4 is there twice"]),
    ],
)
def test_dynamics_that_would_find_nothing_are_refused_in_one_line(filled, dynamics, words):
    validation = filled["validation"] | {"dynamic": ["density", "diffusion", "mixing"]}
    validation["dynamics"] = validation["dynamics"] | dynamics
    faults = meaning_faults(filled | {"validation": validation}, LEVELS)
    assert any(all(word in fault for word in words) for fault in faults), faults


def test_defaults_are_filled_in(filled):
    weights = {"energy": 1, "force": 0.1, "stress": 0.001, "convention": "size"}
    assert filled["fit"]["weights"] == weights
    assert filled["stages"][0]["unit"] == "conventional"
    assert filled["labels"]["store"] == "labels"
    assert filled["gate"]["atoms"] == 8


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("temprature", 300, ["configuration", "unknown key 'temprature'", "elements"]),
        ("sampling.walker", 3, ["sampling", "unknown key 'walker'", "walkers"]),
        ("stages.1.round", 3, ["stages[1]", "unknown key 'round'", "rounds"]),
        ("sampling.temperature", [-100, 300], ["sampling.temperature[0]", "-100"]),
        ("sampling.draws", "sobol", ["sampling.draws", "sobol", "stratified"]),
        ("sampling.hottest", 1.5, ["sampling.hottest", "1.5", "maximum of 1"]),
        ("sampling.least_known", -0.1, ["sampling.least_known", "-0.1", "training set"]),
        ("sampling.swap_every", 0.5, ["sampling.swap_every", "0.5", "0 for none"]),
        ("sampling.samples", -1, ["sampling.samples", "-1", "evenly spaced"]),
        ("sampling.ramp", "no ramp", ["sampling.ramp", "no ramp", "boolean"]),
        ("stages.0.least_known", 2, ["stages[0].least_known", "2", "maximum of 1"]),
        ("dft.k_spacing", 0, ["dft.k_spacing", "0", "above 0"]),
        ("stages.0.cell", [1, 0, 1], ["stages[0].cell[1]", "0"]),
        ("stages.0.cells", {"atoms": [0, 8]}, ["stages[0].cells.atoms[0]", "0", "minimum of 1"]),
        ("stages.0.cells", {"atoms": [1, 54]}, ["stages[0].cells.atoms[1]", "54", "of 16"]),
        ("stages.0.cells", {"lattices": ["bcc"]}, ["stages[0].cells", "'atoms'"]),
        ("elements.0.lattice", "bct", ["elements[0].lattice", "'bct'", "hcp"]),
        ("dft.command", "", ["dft.command", "null"]),
        ("dft.command", "mpirun -np 4 pw.x", ["dft.command", "mpirun -np 4 pw.x", "one word"]),
        ("dft.cores", 0, ["dft.cores", "0", "minimum of 1"]),
        ("dft.ecutwfc", "30 Ry", ["dft.ecutwfc", "30 Ry", "Ry"]),
        ("validation", {"dft": ["phonon"]}, ["validation.dft[0]", "'phonon'", "'phonons'"]),
        ("validation", {"compare": ["a.cfg"]}, ["validation.compare[0]", "'a.cfg'", ".almtp"]),
        ("validation", {"tolerances": {"B": 0}}, ["validation.tolerances.B", "0"]),
        ("dft.preset", "best", ["dft.preset", "best", "published", "config/presets.yaml"]),
        ("selection.prefer", "dearest", ["selection.prefer", "'cheapest', 'largest grade'"]),
        ("potential.grade", "nbh", ["potential.grade", "'configuration', 'neighbourhood'"]),
        ("gate", True, ["gate", "False was expected", "false for no gate"]),
        ("gate", None, ["gate", "None", "false, and nothing is checked"]),
        ("gate", {"energy": 0}, ["gate.energy", "0", "meV/atom"]),
        ("convergence", {"degauss": []}, ["convergence.degauss", "non-empty"]),
        ("elements", [], ["elements", "non-empty"]),
        ("elements.0", {"symbol": "K", "lattice": "bcc"}, ["elements[0]", "lattice_constant"]),
        ("imports", [{"file": "old.extxyz"}], ["imports[0]", "'energies'"]),
        (
            "imports",
            [{"file": "old.extxyz", "energies": "absolute"}],
            ["imports[0].energies", "'absolute'", "relative"],
        ),
    ],
)
def test_what_the_schema_forbids_is_said_in_one_line(key, value, words):
    faults = schema_faults(changed(QUICKSTART, key, value), SCHEMA)
    assert faults, "no fault found"
    assert all(word in faults[0] for word in words), faults[0]
    assert "\n" not in faults[0]


@pytest.mark.parametrize("key", ["gate", "audit"])
def test_only_false_turns_the_gate_or_the_audit_off(key):
    assert schema_faults(changed(QUICKSTART, key, False), SCHEMA) == []
    assert schema_faults(changed(QUICKSTART, key, True), SCHEMA)


def test_an_element_needs_a_pseudopotential():
    config = copy.deepcopy(QUICKSTART)
    del config["elements"][0]["pseudopotential"]
    assert schema_faults(config, SCHEMA) == [
        "elements[0]: 'pseudopotential' is a required property"
    ]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("elements.0.symbol", "Kx", ["elements[0].symbol", "'Kx'"]),
        ("elements.0.pseudopotential", "none.UPF", ["elements[0].pseudopotential", "none.UPF"]),
        ("elements.0.pseudopotential", "config/config.yaml", ["not a whole UPF file"]),
        ("elements.0.pseudopotential", "https://a.org/K.UPF", ["needs a checksum"]),
        ("sampling.save_above", 20, ["sampling.save_above: 20", "sampling.stop_above", "10"]),
        ("sampling.temperature", [500, 100], ["sampling.temperature", "500 to 100"]),
        ("selection.tolerance", 1.2, ["selection.tolerance: 1.2", "half", "2.1"]),
        ("stages.1.pressure", [1, 0], ["stages[1].pressure", "1 to 0"]),
        ("stages.0.strain", [1.1, 1.0], ["stages[0].strain", "1.1 to 1.0"]),
        ("stages.1.duration", 0.004, ["sampling.samples: 4", "2 steps", "'four-atoms'"]),
        ("seeds.strain", [1.1, 1.2], ["seeds.strain", "1 "]),
        ("dft.ecutrho", 60, ["dft.ecutrho", "60", "four times"]),
        ("dft.k_spacing", 0.001, ["dft.k_spacing", "0.001", "usual"]),
        ("potential.level", 7, ["potential.level: 7", "2, 4, 6, 8"]),
        ("potential.cutoff", 4.5, ["potential.cutoff: 4.5", "bcc K", "4.59"]),
        ("fit.members", 1, ["fit.members: 1", "2 or more, or 0"]),
        ("stages.1.name", "two-atoms", ["stages[1].name", "more than once"]),
        ("stages.1", {"name": "all", "cells": {"atoms": [1, 2], "lattices": ["{x}"]}}, ["braces"]),
        ("stages.1.name", "audit", ["stages[1].name", "'audit' is a folder of the results"]),
        ("audit.temperature", [500, 100], ["audit.temperature", "500 to 100"]),
        ("audit.cut_outs", 0, ["audit.add", "audit.cut_outs is 0"]),
        ("validation.properties", ["bain"], ["validation.dft: elastic", "validation.properties"]),
        ("elements.0.lattice", "hcp", ["validation.dft: elastic constants of hcp K", "relax"]),
        ("audit.cut_out_atoms", 200, ["audit.cut_out_atoms: 200", "1/8", "1000"]),
    ],
)
def test_what_only_the_meaning_forbids_is_said_in_one_line(filled, key, value, words):
    validation = filled["validation"] | {"dft": ["elastic"]}
    config = filled | {"audit": AUDIT, "validation": validation}
    faults = meaning_faults(changed(config, key, value), LEVELS)
    assert len(faults) >= 1, "no fault found"
    assert any(all(word in fault for word in words) for fault in faults), faults
    assert not any("\n" in fault for fault in faults)


@pytest.mark.parametrize(
    ("stage", "fault"),
    [
        ({}, "stages[0]: needs cell, repeats of a unit, or cells, all of a range of atoms"),
        (
            {"cell": [1, 1, 1], "cells": {"atoms": [1, 2]}},
            "stages[0]: has both cell, repeats of a unit, and cells, all of a range of atoms",
        ),
        (
            {"unit": "conventional", "cells": {"atoms": [1, 2]}},
            "stages[0].unit: conventional goes with cell; cells are of primitive ones",
        ),
        (
            {"cells": {"atoms": [8, 1]}},
            "stages[0].cells.atoms: 8 to 1 is no range; the lower end comes first",
        ),
        (
            {"cells": {"atoms": [5, 5], "lattices": ["bcc", "hcp"]}},
            "stages[0].cells.atoms: none of 5 to 5 is a multiple of the 2 atoms in a primitive "
            "cell of hcp",
        ),
        (
            {"cells": {"atoms": [1, 8], "lattices": ["bct"]}},
            "stages[0].cells.lattices: bct is no lattice and cannot be read (No such file or "
            "directory)",
        ),
        (
            {"cells": {"atoms": [1, 8], "lattices": ["README.md"]}},
            "stages[0].cells.lattices: README.md: has 0 structures; a parent crystal is one",
        ),
    ],
)
def test_a_stage_has_one_cell_or_a_range_that_its_lattices_can_fill(filled, stage, fault):
    config = changed(filled, "stages.0", {"name": "first"} | stage)
    assert schema_faults(config, SCHEMA) == []
    (found,) = meaning_faults(config, LEVELS)
    assert found.startswith(fault)
    assert "\n" not in found


def test_cells_of_all_lattices_and_of_a_file_are_right(filled, tmp_path):
    polonium = tmp_path / "polonium.vasp"
    ase.io.write(polonium, bulk("Po", "sc", a=3.35))
    lattices = ["bcc", "fcc", "hcp", str(polonium)]
    config = changed(filled, "stages.0", {"name": "all", "cells": {"atoms": [1, 8]}})
    assert meaning_faults(config, LEVELS) == []
    config["stages"][0]["cells"]["lattices"] = lattices
    assert meaning_faults(config, LEVELS) == []
    config["stages"][0]["cells"]["lattices"] = [*lattices, "sc"]
    (fault,) = meaning_faults(config, LEVELS)
    assert fault == f"stages[0].cells.lattices: sc has the same crystal as {polonium}"


def test_a_unit_is_conventional_only_where_a_cell_repeats_it(filled):
    from snakemake.utils import validate

    config = changed(QUICKSTART, "stages.0", {"name": "all", "cells": {"atoms": [1, 8]}})
    validate(config, schema=str(REPOSITORY / "config/schemas/config.schema.yaml"))
    assert "unit" not in config["stages"][0]
    assert config["stages"][1]["unit"] == "conventional"


def test_a_upf_of_another_element_is_refused(filled, soft_potassium):
    config = changed(filled, "elements.0.symbol", "Na")
    config["elements"][0]["pseudopotential"] = str(soft_potassium)
    (fault,) = meaning_faults(config, LEVELS)
    assert fault == f"elements[0].pseudopotential: {soft_potassium} is for K, not for Na"


def test_imports_are_looked_at_before_anything_is_computed(filled, tmp_path):
    (tmp_path / "old.extxyz").touch()
    (tmp_path / "old.txt").touch()
    good = str(tmp_path / "old.extxyz")
    for files, energies, words in (
        ([good], {"K": -1.0, "Na": -2.0}, ["imports[0].energies", "Na", "elements, K"]),
        ([good, "none.cfg"], "relative", ["imports[1].file", "none.cfg cannot be read"]),
        ([str(tmp_path / "old.txt")], "relative", ["imports[0].file", "old.txt", "*.extxyz"]),
        ([good, good], "relative", ["imports[0].file", "more than once"]),
        (["old{x}.extxyz"], "relative", ["imports[0].file", "old{x}.extxyz has braces"]),
    ):
        config = filled | {"imports": [{"file": file, "energies": energies} for file in files]}
        faults = meaning_faults(config, LEVELS)
        assert any(all(word in fault for word in words) for fault in faults), faults
    assert (
        meaning_faults(filled | {"imports": [{"file": good, "energies": "relative"}]}, LEVELS) == []
    )


def test_a_test_set_is_looked_at_as_imports_are_and_is_none_of_them(filled, tmp_path):
    good, absent = tmp_path / "test.extxyz", tmp_path / "absent.extxyz"
    good.touch()
    test = {"file": str(good), "energies": "relative"}
    assert meaning_faults(changed(filled, "validation.test", test), LEVELS) == []
    learnt = changed(filled, "validation.test", test) | {"imports": [test]}
    (fault,) = meaning_faults(learnt, LEVELS)
    assert fault == f"validation.test.file: {good} is among imports, which are learnt from"
    wrong = {"file": str(absent), "energies": {"Na": -1.0}}
    faults = meaning_faults(changed(filled, "validation.test", wrong), LEVELS)
    assert [fault.partition(":")[0] for fault in faults] == [
        "validation.test.file",
        "validation.test.energies",
    ]


def test_a_potential_to_compare_with_is_read_before_anything_runs(filled, tmp_path):
    good, text, absent = (tmp_path / name for name in ("good.mtp", "text.mtp", "absent.almtp"))
    shutil.copy(REPOSITORY / "potentials/potassium-level-8/potential.mtp", good)
    text.write_text("no potential\n")
    assert meaning_faults(changed(filled, "validation.compare", [str(good)]), LEVELS) == []
    config = changed(filled, "validation.compare", [str(text), str(absent), str(good)])
    faults = meaning_faults(config, LEVELS)
    assert faults == [
        f"validation.compare[0]: {text}, line 1: found no potential, expected the line MTP.",
        f"validation.compare[1]: {absent} cannot be read (No such file or directory)",
    ]
    sodium = changed(filled, "elements.0", filled["elements"][0] | {"symbol": "Na"})
    faults = meaning_faults(changed(sodium, "validation.compare", [str(good)]), LEVELS)
    assert f"validation.compare[0]: {good}: the potential is one of K and knows no Na" in faults
    own = "results/quickstart/potential.mtp"
    (fault,) = meaning_faults(changed(filled, "validation.compare", [own]), LEVELS)
    assert fault.startswith(f"validation.compare[0]: {own} is of this campaign")


def test_a_complete_machine_has_no_fault(filled):
    assert machine_faults(filled) == []


def test_missing_programs_are_named(filled, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    faults = machine_faults(filled)
    assert [fault.split(":")[0] for fault in faults] == [
        "pw.x",
        "ld1.x",
        "lmp",
        "setpriv",
        "timeout",
    ]


def test_several_cores_need_an_mpirun_and_the_cores(filled, monkeypatch, tmp_path):
    config = changed(filled, "dft.cores", 3)
    assert machine_faults(config) == []
    for name in ("pw.x", "ld1.x", "lmp", "setpriv", "timeout"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    (fault,) = machine_faults(config)
    assert fault.startswith("mpirun: not on the PATH")
    assert cores_faults(config, 3) == []
    assert cores_faults(changed(config, "dft.command", None), 1) == []
    (fault,) = cores_faults(config, 2)
    assert fault == "dft.cores: a label is to have 3 cores, and snakemake has --cores 2"


def test_a_missing_pw_can_be_done_without(filled, monkeypatch, tmp_path):
    for name in ("ld1.x", "lmp", "setpriv", "timeout"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    (fault,) = machine_faults(filled)
    assert "pw.x: not on the PATH" in fault
    assert "dft.command: null" in fault
    (tmp_path / "ld1.x").unlink()
    replay = changed(changed(filled, "dft.command", None), "labels.store", str(tmp_path))
    assert machine_faults(replay) == []


def test_a_replay_needs_a_store(filled, tmp_path):
    replay = changed(filled, "dft.command", None)
    (fault,) = machine_faults(changed(replay, "labels.store", str(tmp_path / "none")))
    assert fault.startswith(f"labels.store: there is no folder {tmp_path}/none")
    assert "dft.command: null" in fault


def test_a_store_that_cannot_be_written_is_refused(filled, small_disk):
    config = changed(filled, "labels.store", str(small_disk))
    assert machine_faults(config) == []
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (fault,) = machine_faults(config)
    assert fault.startswith(f"labels.store: {small_disk} cannot be written")
    assert machine_faults(changed(config, "dft.command", None)) == []


def test_a_plugin_for_another_lammps_is_refused(filled, monkeypatch, tmp_path):
    plugin = tmp_path / "mtpplugin.so"
    shutil.copy(configuration.plugin_path(), plugin)
    plugin.with_suffix(".version").write_text("2023.8.2\n")
    monkeypatch.setattr(configuration, "plugin_path", lambda: plugin)
    (fault,) = machine_faults(filled)
    assert "built for LAMMPS 2023.8.2, but LAMMPS 2025.7.22.4.0 is installed" in fault
    plugin.unlink()
    (fault,) = machine_faults(filled)
    assert "not built; run 'make plugin'" in fault
