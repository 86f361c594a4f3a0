"""Labels of a potential fit each other; each usual mistake in them is named."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import Bohr, GPa, Hartree, Ry
from random_potentials import labelled, random_potential

from smallcell.consistency import (
    close_pairs,
    energy_offsets,
    fit_of_labels,
    size_of_stresses,
    work,
)


@pytest.fixture(scope="module")
def walk() -> list[Atoms]:
    """A cell that strains, shears and whose atoms move, with exact labels."""
    rng = np.random.default_rng(4)
    atoms = bulk("K", "bcc", a=5.3, cubic=True)
    atoms.positions[1] += [0.3, -0.2, 0.1]
    structures = []
    for _ in range(12):
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0, 0.005, (3, 3))), True)
        atoms.positions += rng.normal(0, 0.06, (2, 3))
        structures.append(atoms.copy())
    return labelled(structures, random_potential(("K",), level=8, seed=1))


def rescaled(structures, energy=1.0, forces=1.0, stress=1.0, virial=False):
    """Copies whose labels are in other units: each label times a factor."""
    copies = []
    for atoms in structures:
        copy = atoms.copy()
        copy.calc = SinglePointCalculator(
            copy,
            energy=energy * atoms.get_potential_energy(),
            forces=forces * atoms.get_forces(),
            stress=stress * atoms.get_stress() * (atoms.get_volume() if virial else 1),
        )
        copies.append(copy)
    return copies


def test_right_labels_fit_each_other(walk):
    fit = fit_of_labels(close_pairs(walk))
    assert fit.pairs >= 11
    assert fit.mismatch < 0.05
    assert fit.mistakes == ()


def test_the_error_of_the_work_is_of_third_order_in_the_step(walk):
    potential = random_potential(("K",), level=8, seed=1)
    begin = walk[0]
    errors = []
    for share in (1.0, 0.5):
        end = begin.copy()
        end.set_cell(begin.cell.array @ (np.eye(3) + share * 0.04 * np.tri(3)), True)
        end.positions[1] += share * np.array([0.1, 0.1, -0.1])
        (end,) = labelled([end], potential)
        found = work(begin, end)
        errors.append(abs(found.energy - found.force - found.stress))
    # Eight for half the step, and what the next order adds to it.
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.35)


@pytest.mark.parametrize(
    ("factors", "mistake"),
    [
        ({"energy": 1 / Ry}, "energies in Ry"),
        ({"energy": 1 / Hartree}, "energies in Hartree"),
        ({"forces": Bohr / Ry}, "forces in Ry/bohr"),
        ({"forces": Bohr / Hartree}, "forces in Hartree/bohr"),
        ({"forces": -1}, "gradients in place of forces"),
        ({"stress": 1 / GPa}, "a stress in GPa"),
        ({"stress": 10 / GPa}, "a stress in kbar"),
        ({"stress": -1}, "a stress of the opposite sign"),
        ({"virial": True}, "stress times volume, a virial, in place of a stress"),
        (
            {"virial": True, "stress": -1},
            "stress times volume, a virial, in place of a stress and a stress of the opposite sign",
        ),
        (
            {"energy": 1 / Ry, "forces": Bohr / Ry, "stress": -10 / GPa},
            "energies in Ry and forces in Ry/bohr and a stress in kbar and "
            "a stress of the opposite sign",
        ),
    ],
)
def test_a_mistake_in_units_or_sign_is_named(walk, factors, mistake):
    fit = fit_of_labels(close_pairs(rescaled(walk, **factors)))
    assert fit.mismatch > 0.2
    assert fit.mistakes[0] == mistake


def test_labels_without_sense_are_not_explained(walk):
    shuffled = rescaled(walk)
    energies = np.random.default_rng(0).permutation([a.get_potential_energy() for a in walk])
    for atoms, energy in zip(shuffled, energies, strict=True):
        atoms.calc.results["energy"] = energy
    fit = fit_of_labels(close_pairs(shuffled))
    assert fit.mismatch > 0.2
    assert fit.mistakes == ()


def test_configurations_that_are_far_from_each_other_are_not_compared(walk):
    begin = walk[0]
    strained, moved, other = begin.copy(), begin.copy(), begin.copy()
    strained.set_cell(begin.cell * 1.12, scale_atoms=True)
    moved.positions[0] += [0.4, 0, 0]
    other.symbols = "NaK"
    image = rescaled([begin])[0]
    image.positions[1] += image.cell[0]
    image.calc.atoms = image.copy()
    assert [work(begin, end) for end in (strained, moved, other)] == [None] * 3
    assert abs(work(begin, image).force) < 1e-12
    assert close_pairs([begin, strained, moved, other]) == []
    fit = fit_of_labels([])
    assert (fit.mismatch, fit.mistakes) == (None, ())


def crystals(symbol="K", shift=0.0):
    """Strained crystals of which the energy of an atom is a parabola in the volume."""
    found = []
    for factor in np.linspace(0.9, 1.1, 7):
        atoms = bulk(symbol, "bcc", a=5.3 * factor)
        energy = -0.9 + 2e-4 * (atoms.get_volume() - 74) ** 2 + shift
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
        found.append(atoms)
    return found


def test_an_offset_is_found_at_any_volume_within_the_crystals():
    others = crystals(shift=0.4)[1:3]
    hot = others[0].copy()
    hot.calc = SinglePointCalculator(hot, energy=others[0].get_potential_energy() + 0.1)
    offset = energy_offsets([hot, *others], crystals())["K"]
    # Not the mean: temperature raises energies, another reference raises all of them.
    assert offset.energy == pytest.approx(0.4, abs=1e-9)
    assert offset.crystals
    outside = others[0].copy()
    outside.set_cell(outside.cell * 1.5)
    outside.calc = SinglePointCalculator(outside, energy=-1.0)
    assert energy_offsets([outside], crystals()) == {}


def alloy(symbols: str, excess: float) -> Atoms:
    """Two atoms whose energy lies above or below that of the crystals (eV)."""
    atoms = bulk("K", "bcc", a=5.3, cubic=True)
    atoms.symbols = symbols
    atoms.calc = SinglePointCalculator(atoms, energy=2 * -0.9 + excess)
    return atoms


def test_an_energy_of_formation_is_no_offset_of_elements_that_stand_alone():
    own = crystals("K") + crystals("Na")
    found = energy_offsets([alloy("KK", 1.0), alloy("NaNa", -4.0), alloy("NaK", -9.0)], own)
    assert found["K"].energy == pytest.approx(0.5, abs=0.01)
    assert found["Na"].energy == pytest.approx(-2.0, abs=0.01)
    assert found["K"].crystals
    assert found["Na"].crystals


def test_an_offset_that_only_alloys_tell_is_marked_so():
    own = crystals("K") + crystals("Na")
    found = energy_offsets([alloy("KK", 1.0), alloy("NaK", -1.5)], own)
    assert found["Na"].energy == pytest.approx(-2.0, abs=0.02)
    assert (found["K"].crystals, found["Na"].crystals) == (True, False)
    # Nothing tells the two apart here: each has its share.
    found = energy_offsets([alloy("NaK", -1.5)], own)
    assert [found[symbol].energy for symbol in ("K", "Na")] == pytest.approx([-0.75] * 2, abs=0.01)


def test_stresses_are_compared_at_the_volumes_of_the_crystals(walk):
    own = rescaled(walk)
    largest = max(np.abs(atoms.get_stress()).max() for atoms in own)
    typical = np.median([np.abs(atoms.get_stress()).max() for atoms in own])
    assert size_of_stresses(rescaled(walk, stress=4), own) == pytest.approx(4 * typical / largest)
    beyond = own[0].copy()
    beyond.set_cell(beyond.cell * 1.3, scale_atoms=True)
    beyond.calc = SinglePointCalculator(beyond, stress=np.ones(6))
    assert size_of_stresses([beyond], own) is None
    assert size_of_stresses(own, []) is None
