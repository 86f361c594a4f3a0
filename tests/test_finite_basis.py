"""With what a finite basis leaves out, the stress is the derivative of the energy."""

import numpy as np
from ase.build import bulk

from smallcell.canonical import canonical_form
from smallcell.finite_basis import SHARES, missing_virial, with_cutoffs
from smallcell.jobs import label_once
from smallcell.labels import crystal_calculation
from smallcell.programs import ask_pw

DFT = {
    "ecutwfc": 20,
    "ecutrho": 120,
    "smearing": "marzari-vanderbilt",
    "degauss": 0.05,
    "conv_thr": 1e-9,
    "k_spacing": 0.4,
    "command": "pw.x",
    "cores": 1,
    "time_limit": 100,
}


def test_energies_that_do_not_change_lack_nothing():
    assert missing_virial([-1.0, -1.0]) == 0
    assert missing_virial([-1.0, -1.1]) < 0


def test_both_cutoffs_change_and_nothing_else():
    changed = {name for name, value in with_cutoffs(DFT, 1.1).items() if value != DFT[name]}
    assert changed == {"ecutwfc", "ecutrho"}
    assert DFT["ecutwfc"] == 20


def test_the_stress_becomes_the_derivative_of_the_energy(soft_potassium, tmp_path):
    settings = {"dft": DFT, "labels": {"store": tmp_path / "labels", "closest": 0.3}}

    def label(constant, share=1.0):
        atoms = canonical_form(bulk("K", "bcc", a=constant)).atoms()
        calculation = crystal_calculation(atoms, with_cutoffs(DFT, share), {"K": "deck"})
        _, labelled = label_once(atoms, calculation, ask_pw("pw.x"), settings, [soft_potassium])
        return labelled

    # Of a crystal under pressure: what is missed of a minimum is hidden by noise.
    constants = 4.85, 4.9, 4.95
    below, middle, above = map(label, constants)
    by_energies = (above.get_potential_energy() - below.get_potential_energy()) / (
        above.get_volume() - below.get_volume()
    )
    by_stress = middle.get_stress()[:3].mean()
    missing = missing_virial([label(4.9, share).get_potential_energy() for share in SHARES])
    repaired = by_stress + missing / middle.get_volume()
    assert abs(repaired - by_energies) < 0.2 * abs(by_stress - by_energies)
    assert np.sign(missing) == -1
