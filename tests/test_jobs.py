"""A label job: whatever the description of a crystal, it is labelled once, by a real pw.x."""

import gzip

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import Rydberg
from crystals import described_otherwise

from smallcell.canonical import canonical_form
from smallcell.jobs import label_once
from smallcell.labels import run_pw
from smallcell.programs import Program, ask_pw
from smallcell.store import OUTPUT, read_label

ANY = Program("pw.x", None)


def replayed(labelled_store, atoms, calculation):
    """Ask the store, without a command."""
    settings = labelled_store.settings
    settings = settings | {"dft": settings["dft"] | {"command": None}}
    return label_once(atoms, calculation, ANY, settings, [])


def test_a_label_costs_what_pw_used_once(labelled_store):
    report = labelled_store.reports["crystal"]
    assert report["fate"] == "labelled"
    assert report["core_seconds"] == report["label_core_seconds"] > 0.1
    cost = read_label(labelled_store.folder, report["key"]).description["cost"]
    assert cost["core_seconds"] == report["core_seconds"]
    assert cost["cores"] == 1
    assert cost["seconds"] > 0.5 * cost["core_seconds"]


def test_an_entry_tells_how_pw_converged(labelled_store):
    key = labelled_store.reports["crystal"]["key"]
    label = read_label(labelled_store.folder, key)
    printed = gzip.decompress((labelled_store.folder / key[:2] / key / OUTPUT).read_bytes())
    found = label.description["convergence"]
    # Two by two by two, none of them equal by symmetry.
    assert (found["k_points"], found["symmetries"]) == (8, 1)
    assert found["iterations"] == printed.count(b"iteration #")
    assert 0 < found["scf_accuracy"] < labelled_store.settings["dft"]["conv_thr"] * Rydberg
    assert found["total_force"] == pytest.approx(np.linalg.norm(label.atoms.get_forces()), abs=1e-4)
    atom = read_label(labelled_store.folder, labelled_store.reports["atom"]["key"])
    assert atom.description["convergence"]["symmetries"] == 48


@pytest.mark.parametrize(
    ("crystal", "symmetries"),
    [(bulk("K", "bcc", a=5.2), 48), (bulk("K", "hcp", a=4.6, c=7.5), 24)],
    ids=["bcc", "hcp"],
)
def test_pw_finds_the_symmetry_of_a_crystal_however_it_is_turned(
    labelled_store, crystal, symmetries, tmp_path
):
    turned = described_otherwise(crystal, np.random.default_rng(5))
    atoms = canonical_form(turned).atoms()
    settings = labelled_store.settings | {"labels": {"store": str(tmp_path), "closest": 0.4}}
    calculation = labelled_store.crystal_calculation(atoms)
    upf = [str(labelled_store.upf)]
    report, _ = label_once(atoms, calculation, ask_pw("pw.x"), settings, upf)
    found = read_label(tmp_path, report["key"]).description["convergence"]
    assert found["symmetries"] == symmetries


@pytest.mark.parametrize("seed", range(4))
def test_a_crystal_described_otherwise_is_found(labelled_store, seed):
    other = described_otherwise(labelled_store.crystal, np.random.default_rng(seed))
    atoms = canonical_form(other).atoms()
    calculation = labelled_store.crystal_calculation(atoms)
    report, labelled = label_once(atoms, calculation, ask_pw("pw.x"), labelled_store.settings, [])
    assert report["fate"] == "from store"
    assert report["key"] == labelled_store.reports["crystal"]["key"]
    assert report["core_seconds"] == 0
    assert np.allclose(labelled.positions, labelled_store.crystal.positions, atol=1e-7)


def test_pw_agrees_on_another_description(labelled_store, tmp_path):
    label = read_label(labelled_store.folder, labelled_store.reports["crystal"]["key"]).atoms
    change = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    mirror = -np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    other = Atoms(
        "K2",
        cell=change @ label.cell.array @ mirror,
        positions=((label.positions + [0.4, 0.7, -0.3]) @ mirror)[::-1],
        pbc=True,
    )
    # With as many divisions along each vector, the mesh is the same for all lattice vectors.
    calculation = labelled_store.crystal_calculation(label)
    assert calculation.k_mesh == (2, 2, 2)
    folder = labelled_store.upf.parent
    outcome = run_pw(other, calculation, "pw.x", folder, 300, tmp_path)
    difference = outcome.atoms.get_potential_energy() - label.get_potential_energy()
    assert abs(difference) / len(label) < 1e-5
    forces = (label.get_forces() @ mirror)[::-1]
    assert np.abs(forces).max() > 0.1
    assert np.abs(outcome.atoms.get_forces() - forces).max() < 2e-4


def test_an_isolated_atom_is_kept_with_its_moment(labelled_store):
    report, atom = replayed(labelled_store, labelled_store.atom, labelled_store.atom_calculation())
    assert report["fate"] == "from store"
    assert report["key"] == labelled_store.reports["atom"]["key"]
    assert atom.get_magnetic_moment() == 1.0


def test_without_pw_the_store_is_all_there_is(labelled_store):
    crystal = labelled_store.crystal
    report, found = replayed(labelled_store, crystal, labelled_store.crystal_calculation(crystal))
    assert (report["fate"], report["key"]) == (
        "from store",
        labelled_store.reports["crystal"]["key"],
    )
    assert found.get_potential_energy() < 0
    other = canonical_form(bulk("K", "bcc", a=5.3)).atoms()
    report, found = replayed(labelled_store, other, labelled_store.crystal_calculation(other))
    assert (report["fate"], found) == ("not in store", None)
    assert "dft.command is null" in report["message"]
    assert str(labelled_store.folder) in report["message"]


def test_another_release_of_pw_than_the_campaign_began_with_is_refused(labelled_store, tmp_path):
    # One atom and one k-point, so that pw.x is soon done.
    atoms = canonical_form(bulk("K", "bcc", a=4.8)).atoms()
    dft = labelled_store.settings["dft"] | {"conv_thr": 1e-3, "ecutrho": 80}
    settings = {"dft": dft, "labels": labelled_store.settings["labels"] | {"store": str(tmp_path)}}
    calculation = labelled_store.crystal_calculation(atoms)
    with pytest.raises(RuntimeError, match="this campaign began with 999.1: delete program.json"):
        label_once(
            atoms, calculation, Program("pw.x", "999.1"), settings, [str(labelled_store.upf)]
        )
