"""What an earlier release has left is read, or refused with what helps; samples are kept."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY

from smallcell import results, store
from smallcell.configuration import machine_faults
from smallcell.labels import Calculation
from smallcell.potential import read_potential
from smallcell.programs import Program
from smallcell.results import MARK, mark, results_faults
from smallcell.store import DESCRIPTION, FormatError, find_label, label_key, read_label, write_label
from smallcell.training import read_structures
from smallcell.verification import verify

SAMPLES = REPOSITORY / "tests/samples"
STORE, RESULTS = SAMPLES / "label-store-2", SAMPLES / "results-1"
CRYSTAL = "25c38c4cf600cc2e6d905b694f4fda0ce7b7d82286e187a4943dd917ccb95dcc-pw.x-6"
ATOM = "371bef8739cfeba4c77e4ce3f6f5ef7e43521acf33b0ceaa9fab52eb1b348ed6-pw.x-6"


def test_there_is_a_sample_of_the_present_formats():
    """Who changes a format keeps a sample of the new one, and of the old one still."""
    assert (SAMPLES / f"label-store-{store.FORMAT}").is_dir()
    assert (SAMPLES / f"results-{results.FORMAT}").is_dir()


def test_a_kept_store_is_in_order_and_found_under_the_keys_of_today():
    findings = verify(STORE)
    assert findings.faults == []
    assert len(findings.descriptions) == 2
    for key in (CRYSTAL, ATOM):
        label = read_label(STORE, key)
        calculation = Calculation(**label.description["calculation"])
        wanted = label_key(label.atoms, calculation, Program("pw.x", "6.7MaX"))
        assert find_label(STORE, wanted).key == wanted == key
    assert read_label(STORE, CRYSTAL).atoms.get_potential_energy() == -3074.820254642643
    assert read_label(STORE, CRYSTAL).atoms.get_forces()[0, 2] == 0.38264057
    assert read_label(STORE, ATOM).atoms.get_magnetic_moment() == 1.0


def test_kept_results_are_read():
    potential = read_potential(RESULTS / "potential.almtp")
    assert (potential.species, potential.cutoff) == (("K",), 7.0)
    assert potential.active_set.shape == (potential.n_parameters,) * 2
    structures = read_structures(RESULTS / "train.extxyz")
    assert [len(atoms) for atoms in structures] == [1, 2]
    assert structures[0].info["batch"] == "seeds"
    assert structures[0].get_potential_energy() == 0.16190501286178005


@pytest.fixture
def newer(tmp_path) -> Path:
    """A store whose crystal has the format of a release to come."""
    folder = shutil.copytree(STORE, tmp_path / "labels")
    shutil.rmtree(folder / ATOM[:2])
    file = folder / CRYSTAL[:2] / CRYSTAL / DESCRIPTION
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 3}))
    return folder


def test_an_entry_of_another_format_is_refused_and_left_alone(newer):
    words = f"{newer}/25/{CRYSTAL}: label.json is of format 3, not 2; read it with the release that"
    with pytest.raises(FormatError, match=words):
        find_label(newer, CRYSTAL)
    here = read_label(STORE, CRYSTAL)
    calculation = Calculation(**here.description["calculation"])
    output = "Program PWSCF v.6.7MaX starts"
    with pytest.raises(FormatError, match=words):
        write_label(newer, here.atoms, calculation, output, 1.0, 1.0)
    (entry,) = newer.glob("??/*")
    assert json.loads((entry / DESCRIPTION).read_text())["format"] == 3
    assert not list(newer.glob(".[dp]*"))


def test_a_store_of_another_format_ends_a_campaign_before_any_job(newer):
    configuration = {
        "run": "newer",
        "elements": [],
        "dft": {"command": "pw.x", "cores": 1},
        "labels": {"store": str(newer)},
        "engine": "built-in",
        "sampling": {"pair_style": "mtp"},
    }
    (fault,) = machine_faults(configuration)
    assert fault.startswith(f"labels.store: {newer}/25/{CRYSTAL}: label.json is of format 3, not 2")


def test_results_of_another_format_end_a_campaign_before_any_job(tmp_path):
    folder = tmp_path / "results/potassium"
    assert results_faults(folder) == []
    folder.mkdir(parents=True)
    # Before there were marks, there was the first format.
    assert results_faults(folder) == []
    mark(folder)
    assert results_faults(folder) == []
    (folder / MARK).write_text('{"format": 2}')
    mark(folder)
    (fault,) = results_faults(folder)
    assert fault.startswith(f"{folder}: these results have format 2, this release has 1; go on")
    (folder / MARK).write_text('{"for')
    (fault,) = results_faults(folder)
    assert "format that cannot be read from format.json" in fault
