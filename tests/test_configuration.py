"""Bad input ends with one line that names the key, the value and what would be right."""

import copy
import shutil
import subprocess

import pytest
import yaml
from conftest import REPOSITORY

from smallcell import configuration
from smallcell.basis import LEVELS
from smallcell.configuration import cores_faults, machine_faults, meaning_faults, schema_faults

SCHEMA = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
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
        ("dft.k_spacing", 0, ["dft.k_spacing", "0", "above 0"]),
        ("stages.0.cell", [1, 0, 1], ["stages[0].cell[1]", "0"]),
        ("dft.command", "", ["dft.command", "null"]),
        ("dft.command", "mpirun -np 4 pw.x", ["dft.command", "mpirun -np 4 pw.x", "one word"]),
        ("dft.cores", 0, ["dft.cores", "0", "minimum of 1"]),
        ("dft.ecutwfc", "30 Ry", ["dft.ecutwfc", "30 Ry", "Ry"]),
        ("dft.preset", "best", ["dft.preset", "best", "published", "config/presets.yaml"]),
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
        ("seeds.strain", [1.1, 1.2], ["seeds.strain", "1 "]),
        ("dft.ecutrho", 60, ["dft.ecutrho", "60", "four times"]),
        ("dft.k_spacing", 0.001, ["dft.k_spacing", "0.001", "usual"]),
        ("potential.level", 7, ["potential.level: 7", "2, 4, 6, 8"]),
        ("potential.cutoff", 4.5, ["potential.cutoff: 4.5", "bcc K", "4.59"]),
        ("stages.1.name", "two-atoms", ["stages[1].name", "more than once"]),
        ("stages.1.name", "audit", ["stages[1].name", "'audit' is a folder of the results"]),
        ("audit.temperature", [500, 100], ["audit.temperature", "500 to 100"]),
        ("audit.cut_outs", 0, ["audit.add", "audit.cut_outs is 0"]),
        ("audit.cut_out_atoms", 200, ["audit.cut_out_atoms: 200", "1/8", "1000"]),
    ],
)
def test_what_only_the_meaning_forbids_is_said_in_one_line(filled, key, value, words):
    faults = meaning_faults(changed(filled | {"audit": AUDIT}, key, value), LEVELS)
    assert len(faults) >= 1, "no fault found"
    assert any(all(word in fault for word in words) for fault in faults), faults
    assert not any("\n" in fault for fault in faults)


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
    ):
        config = filled | {"imports": [{"file": file, "energies": energies} for file in files]}
        faults = meaning_faults(config, LEVELS)
        assert any(all(word in fault for word in words) for fault in faults), faults
    assert (
        meaning_faults(filled | {"imports": [{"file": good, "energies": "relative"}]}, LEVELS) == []
    )


def test_a_complete_machine_has_no_fault(filled):
    assert machine_faults(filled) == []


def test_missing_programs_are_named(filled, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    faults = machine_faults(filled)
    assert [fault.split(":")[0] for fault in faults] == ["pw.x", "timeout", "ld1.x", "lmp"]


def test_several_cores_need_an_mpirun_and_the_cores(filled, monkeypatch, tmp_path):
    config = changed(filled, "dft.cores", 3)
    assert machine_faults(config) == []
    for name in ("pw.x", "timeout", "ld1.x", "lmp"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    (fault,) = machine_faults(config)
    assert fault.startswith("mpirun: not on the PATH")
    assert cores_faults(config, 3) == []
    assert cores_faults(changed(config, "dft.command", None), 1) == []
    (fault,) = cores_faults(config, 2)
    assert fault == "dft.cores: a label is to have 3 cores, and snakemake has --cores 2"


def test_a_missing_pw_can_be_done_without(filled, monkeypatch, tmp_path):
    for name in ("timeout", "ld1.x", "lmp"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    (fault,) = machine_faults(filled)
    assert "pw.x: not on the PATH" in fault
    assert "dft.command: null" in fault
    for name in ("timeout", "ld1.x"):
        (tmp_path / name).unlink()
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
