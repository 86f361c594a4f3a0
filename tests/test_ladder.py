"""The failure ladder: real failures of pw.x, and the rung that each is answered by."""

import os
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk

from smallcell import ladder
from smallcell.labels import OUTPUT, Fate, crystal_calculation, run_pw
from smallcell.ladder import LADDER, climb

SETTINGS = {
    "ecutwfc": 12,
    "ecutrho": 60,
    "smearing": "marzari-vanderbilt",
    "degauss": 0.05,
    "conv_thr": 1e-8,
    "k_spacing": 3.0,
}
RUNNING = {"command": "pw.x", "cores": 1, "time_limit": 100}
HASHES = {"K": "of the deck"}
RUNGS = [rung for rungs in LADDER.values() for rung in rungs]


def distorted():
    """Two atoms off their sites."""
    atoms = bulk("K", "bcc", a=5.0, cubic=True)
    atoms.positions[1] += [0.3, 0.1, -0.2]
    return atoms


def calculation(atoms, settings=(), **electrons):
    described = crystal_calculation(atoms, SETTINGS | dict(settings), HASHES)
    return replace(described, electrons=described.electrons | electrons)


def start(atoms, described, upf, folder, **running):
    return climb(atoms, described, RUNNING | running, upf.parent, folder)


def test_a_run_that_succeeds_needs_no_rung(soft_potassium, tmp_path, capfd):
    atoms = bulk("K", "bcc", a=5.0)
    outcome = start(atoms, calculation(atoms), soft_potassium, tmp_path)
    assert (outcome.fate, outcome.retries) == (Fate.LABELLED, ())
    assert capfd.readouterr().err == ""


def test_slow_mixing_is_answered_by_more_steps(soft_potassium, tmp_path, capfd):
    atoms = bulk("K", "bcc", a=5.0)
    hasty = calculation(atoms, electron_maxstep=3)
    outcome = start(atoms, hasty, soft_potassium, tmp_path)
    assert (outcome.fate, outcome.retries) == (Fate.LABELLED, ("gentle mixing",))
    said = capfd.readouterr().err
    # What pw.x printed in the try that failed is kept, up to its end.
    assert "first try: not converged" in said
    assert said.count("convergence NOT achieved") == said.count("JOB DONE") == 1


def test_what_never_converges_ends_with_its_fate_after_all_rungs(
    soft_potassium, tmp_path, monkeypatch
):
    rungs = LADDER[Fate.NOT_CONVERGED]
    few = [replace(rung, electrons=rung.electrons | {"electron_maxstep": 3}) for rung in rungs]
    monkeypatch.setattr(ladder, "LADDER", {Fate.NOT_CONVERGED: few})
    atoms = bulk("K", "bcc", a=5.0)
    hopeless = calculation(atoms, conv_thr=1e-30, electron_maxstep=3)
    before = os.times()
    outcome = start(atoms, hopeless, soft_potassium, tmp_path)
    after = os.times()
    assert (outcome.fate, outcome.atoms) == (Fate.NOT_CONVERGED, None)
    assert outcome.retries == ("gentle mixing", "local-TF mixing")
    # All three runs count, by the operating system's account of what this process has started.
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    assert outcome.core_seconds == pytest.approx(used, rel=0.05)


EDGES = (2.5, 2.44, 2.42, 2.56, 2.48, 2.46, 2.4)
"""Of cells, in A. Rounding decides which of them fail, and differs from machine to machine."""


def crowded(edge, spacing=2.0, **electrons):
    """A cell so small, at so low a cut-off, that it has hardly more plane waves than bands."""
    atoms = bulk("K", "bcc", a=edge)
    settings = {"ecutwfc": 10, "ecutrho": 40, "k_spacing": spacing}
    return atoms, calculation(atoms, settings, **electrons)


def first_that_fails(words, upf, folder, capfd, **case):
    """Label crowded cells until one's bands are not found, in these words; what became of it."""
    for edge in EDGES:
        outcome = start(*crowded(edge, **case), upf, folder / str(edge))
        failure = f"first try: {Fate.DIAGONALISATION_FAILED}, .*{words}"
        if re.search(failure, capfd.readouterr().err):
            return outcome
    raise AssertionError(f"pw.x says {words!r} of none of these cells")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"diago_david_ndim": 2}, "S matrix not positive definite"),
        ({"diago_david_ndim": 2, "spacing": 1.5}, "charge is wrong"),
        ({"diago_david_ndim": 4}, "more bands than PWs"),
        ({"diagonalization": "cg", "diago_cg_maxiter": 1}, "too many bands are not converged"),
    ],
)
def test_bands_that_are_not_found_are_searched_by_conjugate_gradients(
    soft_potassium, tmp_path, capfd, case, words
):
    outcome = first_that_fails(words, soft_potassium, tmp_path, capfd, **case)
    assert (outcome.fate, outcome.retries) == (Fate.LABELLED, ("conjugate gradients",))


def test_bands_that_conjugate_gradients_do_not_find_are_searched_once_more(
    soft_potassium, tmp_path, monkeypatch, capfd
):
    gradients, orbitals = LADDER[Fate.DIAGONALISATION_FAILED]
    hampered = replace(gradients, electrons=gradients.electrons | {"diago_cg_maxiter": 1})
    monkeypatch.setattr(ladder, "LADDER", {Fate.DIAGONALISATION_FAILED: (hampered, orbitals)})
    outcome = first_that_fails("", soft_potassium, tmp_path, capfd, diago_david_ndim=2)
    assert outcome.fate == Fate.LABELLED
    assert outcome.retries == ("conjugate gradients", "parallel orbitals")


def test_forces_of_a_loose_density_are_no_label_but_those_of_a_tighter_one(
    soft_potassium, tmp_path
):
    atoms = distorted()
    loose = calculation(atoms, conv_thr=1e-3)
    first = run_pw(atoms, loose, "pw.x", soft_potassium.parent, 100, tmp_path / "first")
    assert first.fate == Fate.FORCES_UNSETTLED
    assert "are a correction" in first.message
    outcome = start(atoms, loose, soft_potassium, tmp_path / "all")
    assert (outcome.fate, outcome.retries) == (Fate.LABELLED, ("tighter",))


def test_a_run_that_its_time_limit_stopped_goes_on_from_its_density_once(
    soft_potassium, tmp_path, capfd
):
    atoms = bulk("K", "bcc", a=5.0)
    endless = calculation(atoms, conv_thr=1e-30, electron_maxstep=10_000)
    # On a busy machine an iteration may take longer than what is left of a short limit.
    for limit in (4, 12, 36):
        began = time.monotonic()
        outcome = start(atoms, endless, soft_potassium, tmp_path, time_limit=limit)
        assert outcome.fate == Fate.TIMED_OUT
        assert time.monotonic() - began < 2 * limit + 5
        printed = capfd.readouterr().err
        if outcome.retries:
            break
    assert outcome.retries == ("resumed",)
    first, second = printed.split("after retries: resumed")
    assert "The initial density is read from file" not in first
    assert "The initial density is read from file" in second


def test_without_a_density_to_go_on_from_the_time_limit_is_the_end(soft_potassium, tmp_path):
    atoms = distorted()
    outcome = start(atoms, calculation(atoms), soft_potassium, tmp_path, time_limit=0.3)
    assert (outcome.fate, outcome.retries, outcome.atoms) == (Fate.TIMED_OUT, (), None)


@pytest.fixture(scope="module")
def tight(soft_potassium, tmp_path_factory):
    """A calculation so tight that what is left of the way to it does not show, and its label."""
    atoms = distorted()
    described = calculation(atoms, conv_thr=1e-11)
    folder = tmp_path_factory.mktemp("tight")
    outcome = run_pw(atoms, described, "pw.x", soft_potassium.parent, 100, folder)
    return atoms, described, outcome.atoms


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_a_rung_leads_to_the_result_of_the_first_try(tight, soft_potassium, tmp_path, rung):
    atoms, described, first = tight
    if rung.resumes:
        # The density is left as it is where time runs out, but after the same number of steps.
        run_pw(
            atoms,
            calculation(atoms, electron_maxstep=3),
            "pw.x",
            soft_potassium.parent,
            100,
            tmp_path,
        )
    route = rung.change(described)
    outcome = run_pw(atoms, route, "pw.x", soft_potassium.parent, 100, tmp_path)
    assert outcome.fate == Fate.LABELLED
    assert ("density is read from file" in (tmp_path / OUTPUT).read_text()) == rung.resumes
    energy = outcome.atoms.get_potential_energy()
    assert energy == pytest.approx(first.get_potential_energy(), abs=1e-6)
    forces = outcome.atoms.get_forces()
    assert np.abs(forces - first.get_forces()).max() < 1e-4


def test_memory_that_cannot_do_ends_before_pw(soft_potassium, tmp_path, monkeypatch):
    atoms = bulk("K", "bcc", a=5.3, cubic=True) * (3, 3, 3)
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "500")
    outcome = start(atoms, calculation(atoms, {"k_spacing": 0.3}), soft_potassium, tmp_path)
    assert (outcome.fate, outcome.core_seconds) == (Fate.TOO_LARGE, 0.0)
    assert "MB of memory for 54 atoms on 1 cores, and 524 MB are free" in outcome.message
    assert os.listdir(tmp_path) == []


def test_memory_that_runs_out_is_told_and_less_is_tried(soft_potassium, tmp_path):
    atoms = bulk("K", "bcc", a=5.0, cubic=True) * (1, 1, 2)
    limited = tmp_path / "limited"
    limited.write_text('#!/bin/sh\nulimit -v 460000\nexec pw.x "$@"\n')
    limited.chmod(0o755)
    described = calculation(atoms, {"ecutwfc": 20, "ecutrho": 120, "k_spacing": 1.0})
    outcome = start(atoms, described, soft_potassium, tmp_path / "run", command=str(limited))
    assert (outcome.fate, outcome.retries) == (Fate.OUT_OF_MEMORY, ("less memory",))
    assert outcome.message == "pw.x could not allocate the memory that it needs"
