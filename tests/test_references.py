"""The error of an isolated atom's energy by its box."""

import numpy as np
import pytest

from smallcell.canonical import canonical_form
from smallcell.jobs import label_once
from smallcell.labels import atom_calculation, isolated_atom
from smallcell.programs import ask_pw
from smallcell.references import BOXES, box_error, sufficient_box


def test_an_exponential_decay_is_summed_to_its_end():
    edges = np.array([0.7, 0.85, 1.0]) * 12
    energies = -1 - 5 * np.exp(-0.6 * edges)
    assert box_error(energies) == pytest.approx(5 * np.exp(-0.6 * 12))
    enough = sufficient_box(energies, 12, 1e-3)
    assert 5 * np.exp(-0.6 * enough) <= 1e-3 < 5 * np.exp(-0.6 * (enough - 0.5))


def test_what_does_not_decay_is_not_converged():
    assert box_error([0.0, 0.1, 0.2]) > 0.5
    assert box_error([0.0, 0.1, 0.4]) > 0.5
    assert box_error([1.0, 1.0, 1.0]) == 0


def test_the_estimate_for_potassium_holds_in_a_larger_box(soft_potassium, tmp_path):
    dft = {
        "ecutwfc": 16,
        "ecutrho": 80,
        "smearing": "gaussian",
        "degauss": 0.01,
        "conv_thr": 1e-6,
        "command": "pw.x",
        "cores": 1,
        "time_limit": 100,
    }
    settings = {"dft": dft, "labels": {"store": tmp_path, "closest": 0.3}}
    calculation = atom_calculation("K", dft, {"K": "deck"})

    def energy(box: float) -> float:
        atoms = canonical_form(isolated_atom("K", box)).atoms()
        program = ask_pw("pw.x")
        _, labelled = label_once(atoms, calculation, program, settings, [soft_potassium])
        return labelled.get_potential_energy()

    box = 8.0
    found = box_error([energy(share * box) for share in BOXES])
    change = abs(energy(1.25 * box) - energy(box))
    assert 0.1 < change < found < 2 * change
