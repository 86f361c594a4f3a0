"""What is known of a crystal in one description holds, turned, in any other."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.calculators.singlepoint import SinglePointCalculator
from crystals import described_otherwise

from smallcell.canonical import canonical_form
from smallcell.orientation import described_as, distinct, of_all

PROPERTIES = ("energy", "forces", "stress")


def labelled(atoms: Atoms) -> Atoms:
    """Copy with what a pair potential makes of it."""
    atoms = atoms.copy()
    calculator = MorsePotential(epsilon=0.1, r0=4.5, rho0=4.0, rcut1=1.2, rcut2=1.6)
    label = {name: calculator.get_property(name, atoms) for name in PROPERTIES}
    atoms.calc = SinglePointCalculator(atoms, **label)
    return atoms


def rough(rng: np.random.Generator) -> Atoms:
    """A cell of four atoms without symmetry."""
    atoms = bulk("K", "bcc", a=5.0, cubic=True) * (1, 1, 2)
    atoms.symbols[1] = "Na"
    atoms.set_cell(atoms.cell.array + rng.uniform(-0.5, 0.5, (3, 3)), scale_atoms=True)
    atoms.rattle(0.2, rng=rng)
    return atoms


@pytest.mark.parametrize("seed", range(10))
def test_forces_and_stress_of_another_description_are_turned_back(seed):
    rng = np.random.default_rng(seed)
    atoms = rough(rng)
    expected = labelled(atoms)
    # The canonical form has moved atoms by some 1e-5 A.
    for other, off in (
        (described_otherwise(atoms, rng), 1e-9),
        (canonical_form(atoms).atoms(), 2e-5),
    ):
        found = described_as(labelled(other), atoms)
        assert np.array_equal(found.positions, atoms.positions)
        assert found.get_potential_energy() == pytest.approx(
            expected.get_potential_energy(), abs=off
        )
        assert found.get_forces() == pytest.approx(expected.get_forces(), abs=off)
        assert found.get_stress() == pytest.approx(expected.get_stress(), abs=off)
    assert np.abs(expected.get_forces()).max() > 0.01
    assert np.abs(expected.get_stress()[3:]).max() > 1e-4


def test_a_label_of_another_crystal_is_refused():
    rng = np.random.default_rng(1)
    atoms = rough(rng)
    moved, strained, exchanged = atoms.copy(), atoms.copy(), atoms.copy()
    moved.positions[0, 0] += 0.01
    strained.set_cell(atoms.cell.array * 1.003, scale_atoms=True)
    exchanged.symbols[:] = ["K", "K", "Na", "K"]
    for other in (moved, strained, exchanged, atoms[:-1]):
        with pytest.raises(ValueError, match="no turn takes one crystal to the other"):
            described_as(labelled(other), atoms)


def test_one_of_several_that_symmetry_makes_alike_tells_of_all():
    structures = []
    for step in (*np.eye(3), *-np.eye(3)):
        atoms = bulk("K", "bcc", a=5.2, cubic=True) * (2, 2, 1)
        atoms.positions[3] += 0.1 * step
        structures.append(atoms)
    once = distinct(structures)
    assert len(once) == 2
    found = of_all(structures, [labelled(atoms) for atoms in once])
    for atoms, expected in zip(found, map(labelled, structures), strict=True):
        assert atoms.get_forces() == pytest.approx(expected.get_forces(), abs=1e-5)
        assert atoms.get_stress() == pytest.approx(expected.get_stress(), abs=1e-7)
