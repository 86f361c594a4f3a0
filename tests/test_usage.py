"""Every block of code in docs/using-the-potential.md runs as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from smallcell.cfg import write_cfg
from smallcell.training import read_structures
from smallcell.usage import EXAMPLE, PAGE, Snippet, snippets

POTENTIAL = "potentials/potassium-level-8"
WITHOUT_MLIP = ["ASE", "LAMMPS", "LAMMPS, with the extrapolation grade"]


def run(snippet: Snippet, folder: Path) -> str:
    """Run a block in a folder and return what it prints."""
    (folder / "in.lammps").write_text(snippet.code)
    command = {
        "python": [sys.executable, "-c", snippet.code],
        "lammps": ["lmp", "-in", "in.lammps"],
        "bash": ["bash", "-euo", "pipefail", "-c", snippet.code],
    }[snippet.language]
    ended = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the results that the page is written for, of a potential of potassium."""
    place = tmp_path_factory.mktemp("workflow")
    results = place / EXAMPLE
    shutil.copytree(REPOSITORY / POTENTIAL, results)
    lines = results / "potential.lammps"
    lines.write_text(lines.read_text().replace(POTENTIAL, EXAMPLE))
    structures = read_structures(results / "train.extxyz")
    for atoms in structures:
        atoms.info = {}
    write_cfg(results / "train.cfg", structures, ["K"])
    return place


@pytest.fixture(scope="module")
def printed(folder) -> dict[str, str]:
    """What the blocks under each heading print, those of MLIP-3 left out."""
    found: dict[str, str] = {}
    for snippet in snippets():
        if snippet.heading != "MLIP-3":
            found[snippet.heading] = found.get(snippet.heading, "") + run(snippet, folder)
    return found


def thermo(log: str) -> list[list[float]]:
    """Records of a run: five columns, six with the grade."""
    rows = re.findall(r"^ +(\d+(?: +-?[\d.e+-]+){4,5}) *$", log, re.MULTILINE)
    return [[float(word) for word in row.split()] for row in rows]


def test_all_blocks_of_the_page_are_found():
    headings = [snippet.heading for snippet in snippets()]
    assert list(dict.fromkeys(headings)) == [*WITHOUT_MLIP, "MLIP-3"]
    assert len(headings) == PAGE.read_text().count("```") / 2


def test_the_calculator_relaxes_a_crystal_that_the_potential_knows(printed):
    words = dict(re.findall(r"^(energy|largest stress|grade) (\S+)", printed["ASE"], re.MULTILINE))
    # The potential's own crystal is bound by 0.87 eV or so to an atom alone.
    assert -1.1 < float(words["energy"]) < -0.7
    assert float(words["largest stress"]) < 1e-4
    assert 0 < float(words["grade"]) < 2


@pytest.mark.parametrize("heading", WITHOUT_MLIP[1:])
def test_lammps_goes_on_where_ase_has_ended(printed, heading):
    records = thermo(printed[heading])
    assert [record[0] for record in records] == list(range(0, 5001, 500))
    atoms = int(re.search(r"^ +(\d+) atoms$", printed[heading], re.MULTILINE)[1])
    energy = float(re.search(r"^energy (\S+)", printed["ASE"], re.MULTILINE)[1])
    assert records[0][4] / atoms == pytest.approx(energy, abs=1e-6)
    assert 200 < records[-1][1] < 400


def test_the_grade_is_that_of_the_calculator(printed):
    graded = thermo(printed[WITHOUT_MLIP[2]])
    grade = float(re.search(r"^grade (\S+)", printed["ASE"], re.MULTILINE)[1])
    assert graded[0][5] == pytest.approx(grade, rel=1e-3)
    assert all(record[5] > 0 for record in graded)


def test_mlip_reads_the_potential_and_the_training_set(folder):
    if shutil.which("mlp") is None:
        pytest.skip("MLIP-3's mlp is not on the PATH")
    (snippet,) = [snippet for snippet in snippets() if snippet.heading == "MLIP-3"]
    assert run(snippet, folder)
    assert list(folder.glob("graded.cfg*"))


def test_the_page_of_a_campaign_names_its_own_results():
    code = "".join(snippet.code for snippet in snippets("results/mine"))
    assert "results/mine/potential.lammps" in code
    assert EXAMPLE not in code
