"""Atoms brought to rest in a cell that stays as it is."""

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.optimize import FIRE

STEPS = 500
"""Of a relaxation; what is not at rest by then has fallen apart."""

LONGEST_STEP = 0.1
"""Of an atom (A)."""


def relax(atoms: Atoms, calculator: Calculator, force: float) -> bool:
    """Move the atoms of a structure downhill; say whether they have come to rest.

    Parameters
    ----------
    atoms : Atoms
        Is changed.
    calculator : Calculator
    force : float
        On an atom at rest, at most (eV/A).
    """
    atoms.calc = calculator
    return bool(FIRE(atoms, logfile=None, maxstep=LONGEST_STEP).run(fmax=force, steps=STEPS))
