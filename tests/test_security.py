"""What comes from a configuration or a file is data: never a command, never code."""

import copy
import json
import os
import re
import subprocess

import pytest
import yaml
from ase.build import bulk
from conftest import REPOSITORY
from snakemake.utils import validate

from benchmarks.dependencies import locked
from smallcell.basis import LEVELS
from smallcell.configuration import meaning_faults, schema_faults
from smallcell.labels import Fate, crystal_calculation, run_pw
from smallcell.programs import ask_pw, parallel
from smallcell.pseudopotentials import provide_upf

SCHEMA = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
QUICKSTART = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
MALICE = (
    "K;touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "K && touch pwned",
    "K\ntouch pwned",
    "K\n",
    "'K",
    '"K',
    "-rf",
    "../K",
    "/K",
    "{K}",
    "*",
    "",
)
CODE = "S102,S301,S302,S306,S307,S310,S506,S602,S604,S605"
"""exec, pickle, marshal, mktemp, eval, urlopen, yaml.load, and commands that go through a shell."""

FREE = {
    *("MIT", "MIT License", "MIT-CMU", "0BSD", "Zlib", "CC0-1.0", "Public Domain"),
    *("BSD License", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "Apache Software License"),
    *("PSF-2.0", "Python Software Foundation License", "LicenseRef-MPICH"),
    *("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)", "LGPL-2.1-or-later"),
    *("GPL-2.0-or-later", "GNU General Public License v2 (GPLv2)"),
    "GNU General Public License (GPL)",
}
"""Licences that somebody has looked at: anybody may use and pass on what is under them."""


@pytest.mark.parametrize("name", MALICE)
@pytest.mark.parametrize("key", ["run", "stage", "symbol"])
def test_names_are_names(key, name, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    config = copy.deepcopy(QUICKSTART)
    if key == "run":
        config["run"] = name
    elif key == "stage":
        config["stages"][0]["name"] = name
    else:
        config["elements"][0]["symbol"] = name
    faults = schema_faults(config, SCHEMA)
    if not faults:
        validate(config, schema=str(REPOSITORY / "config/schemas/config.schema.yaml"))
        faults = meaning_faults(config, LEVELS)
    where = {"run": "run: ", "stage": "stages[0].name: ", "symbol": "elements[0].symbol: "}[key]
    assert any(fault.startswith(where) for fault in faults), faults


@pytest.mark.parametrize(
    "command", ["pw.x;touch${IFS}pwned", "$(touch${IFS}pwned)", "`date>pwned`"]
)
def test_no_shell_sees_the_command_of_pw(command, soft_potassium, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="does not start pw.x"):
        ask_pw(command)
    dft = QUICKSTART["dft"] | {"smearing": "gaussian", "degauss": 0.02, "conv_thr": 1e-8}
    atoms = bulk("K", "bcc", a=5.3)
    for cores in (1, 2):
        outcome = run_pw(
            atoms,
            crystal_calculation(atoms, dft, {"K": ""}),
            parallel(command, cores, (1, 1, 1)),
            soft_potassium.parent,
            20,
            tmp_path / str(cores),
        )
        assert outcome.fate == Fate.CRASHED
    assert not list(tmp_path.rglob("pwned"))


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell():
    run = subprocess.run(
        [
            "ruff",
            "check",
            "--no-cache",
            "--ignore-noqa",
            "--output-format=concise",
            "--select",
            CODE,
        ]
        + ["smallcell", "scripts", "benchmarks", ".ci"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in run.stdout.splitlines() if re.match(r"\S+:\d+:\d+: ", line)]
    # The one download, which takes a checksum.
    assert [line.split(":")[0] for line in found] == ["smallcell/pseudopotentials.py"]
    assert "S310" in found[0]


def test_nothing_is_downloaded_without_a_checksum(soft_potassium, tmp_path):
    with pytest.raises(ValueError, match="needs a checksum"):
        provide_upf(soft_potassium.as_uri(), None, tmp_path / "K.UPF")
    assert os.listdir(tmp_path) == []


def test_every_locked_package_is_listed_with_its_licence():
    lock = locked((REPOSITORY / "requirements.lock").read_text())
    bill = json.loads((REPOSITORY / "docs/dependencies.cdx.json").read_text())
    libraries = [part for part in bill["components"] if part["type"] == "library"]
    assert {part["name"]: part["version"] for part in libraries} == lock, "run make dependencies"
    for part in bill["components"]:
        (licence,) = part["licenses"]
        words = licence.get("expression") or licence["license"]["name"]
        # What Windows alone needs.
        elsewhere = {"not installed here"} if part["name"] in ("colorama", "pyreadline3") else set()
        assert set(re.split(" AND |, ", words)) <= FREE | elsewhere, part["name"]


def test_every_package_is_pinned_and_has_its_hashes():
    lock = (REPOSITORY / "requirements.lock").read_text()
    entries = re.split(r"\n(?! )", re.sub(r"(?m)^#.*\n", "", lock).strip())
    pinned = re.compile(r"[\w.-]+==\S+( ; .+?)? \\(\n    --hash=sha256:[0-9a-f]{64}( \\)?)+")
    assert [entry for entry in entries if not pinned.fullmatch(entry)] == []
    # What installs them looks at the hashes.
    assert "--require-hashes" in (REPOSITORY / "install.sh").read_text()
