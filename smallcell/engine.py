"""Values and derivatives of a moment tensor potential, by the compiled engine of motep.

Everything in Python that evaluates a potential goes through here, so that another engine needs
another version of this module only.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_numbers
from motep.calculator import MTP, make_calculator
from motep.potentials.mtp.data import BasisData, MTPData

from smallcell.potential import Potential

VOIGT = [0, 4, 8, 5, 2, 1]
"""Places of xx, yy, zz, yz, xz, xy in a flattened 3 x 3 tensor: ASE's order of stresses."""

# Below its lower end the radial basis goes on smoothly, and whether a structure is known there is
# for its grade to say: no warning for each.
logging.getLogger("motep").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Derivatives:
    """Derivatives of the observables of structures with respect to a potential's coefficients.

    The observables of a structure of N atoms are its energy (eV), its 3 N force components
    (eV/A) and the six components of its stress times its volume (eV, ASE's sign and Voigt
    order). They are linear in shifts and linear coefficients without a constant term, so that
    ``linear @ concatenate([shifts, linear coefficients])`` gives their values.

    Attributes
    ----------
    radial : ndarray, shape (n_observables, n_radial_coefficients)
        Derivatives with respect to the radial coefficients, in C order.
    linear : ndarray, shape (n_observables, n_species + n_scalars)
        Derivatives with respect to the shifts and the linear coefficients.
    """

    radial: np.ndarray
    linear: np.ndarray


class Engine:
    """Derivatives on fixed structures, whose neighbour lists are made once.

    Parameters
    ----------
    potential : Potential
        Any potential of the species, basis and cut-off that shall be evaluated.
    structures : sequence of Atoms
        Periodic structures of any number of atoms; cells may be smaller than the cut-off.
    """

    def __init__(self, potential: Potential, structures: Sequence[Atoms]) -> None:
        data = _motep_data(potential)
        self._structures = structures
        self._engines = [
            make_calculator(data, engine="cext", mode="train").engine for _ in structures
        ]
        ends = np.cumsum([0] + [7 + 3 * len(atoms) for atoms in structures])
        self._sections = [slice(*pair) for pair in zip(ends[:-1], ends[1:], strict=True)]

    def derivatives(self, potential: Potential) -> Derivatives:
        """Return the derivatives of all observables, one structure after the other."""
        data = _motep_data(potential)
        n_observables = self._sections[-1].stop
        n_species = len(potential.species)
        radial = np.empty((n_observables, potential.radial.size))
        linear = np.empty((n_observables, n_species + potential.linear.size))
        for atoms, engine, section in zip(
            self._structures, self._engines, self._sections, strict=True
        ):
            engine.update(data)
            engine.calculate(atoms)
            moments = engine.mbd
            volume = atoms.cell.volume
            radial[section] = _observables(moments.dvdcs, moments.dgdcs, moments.dsdcs, volume)
            linear[section, :n_species] = 0.0
            linear[section.start, :n_species] = _counts(potential, atoms)
            linear[section, n_species:] = _observables(
                moments.vatoms, moments.dbdris, moments.dbdeps, volume
            )
        return Derivatives(radial, linear)


def rows(potential: Potential, structures: Sequence[Atoms]) -> np.ndarray:
    """Return the derivatives of energies per atom with respect to all parameters.

    These are the vectors that extrapolation grades of whole configurations are made of
    (Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017), divided by the number of atoms
    as in MLIP).

    Returns
    -------
    ndarray, shape (n_structures, n_parameters)
        Columns in the order radial, shifts, linear.
    """
    data = _motep_data(potential)
    result = np.empty((len(structures), potential.n_parameters))
    for row, atoms in zip(result, structures, strict=True):
        engine = make_calculator(data, engine="cext", mode="train").engine
        engine.calculate(atoms)
        row[:] = np.concatenate(
            [engine.mbd.dedcs.ravel(), _counts(potential, atoms), engine.mbd.values]
        ) / len(atoms)
    return result


def calculator(potential: Potential) -> Calculator:
    """Make an ASE calculator: energy, energies, forces and, in periodic cells, stress.

    It may be used for structures of different numbers of atoms in turn.
    """
    return _RenewingCalculator(_motep_data(potential), engine="cext", mode="run")


class _RenewingCalculator(MTP):
    """motep's calculator, whose engine keeps arrays of the first structure's length."""

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        if "numbers" in system_changes:
            self.engine = type(self.engine)(self.engine.mtp_data)
        super().calculate(atoms, properties, system_changes)


def _motep_data(potential: Potential) -> MTPData:
    """Our potential as motep's."""
    basis = potential.basis
    return MTPData(
        species_count=len(potential.species),
        _species=np.array([atomic_numbers[symbol] for symbol in potential.species], np.int32),
        radial_basis=BasisData(
            "RBChebyshev", potential.closest, potential.cutoff, potential.radial.shape[3]
        ),
        radial_funcs_count=potential.radial.shape[2],
        radial_coeffs=potential.radial,
        alpha_moments_count=basis.n_moments,
        alpha_index_basic_count=len(basis.basic),
        alpha_index_basic=basis.basic.astype(np.int32),
        alpha_index_times_count=len(basis.products),
        alpha_index_times=basis.products.astype(np.int32),
        alpha_scalar_moments=len(basis.scalars),
        alpha_moment_mapping=basis.scalars.astype(np.int32),
        species_coeffs=potential.shifts,
        moment_coeffs=potential.linear,
    )


def _counts(potential: Potential, atoms: Atoms) -> np.ndarray:
    """How many atoms of each of the potential's species there are; what the shifts multiply."""
    symbols = np.array(atoms.get_chemical_symbols())
    return np.array([np.sum(symbols == symbol) for symbol in potential.species], dtype=float)


def _observables(
    energies: np.ndarray, gradients: np.ndarray, stresses: np.ndarray, volume: float
) -> np.ndarray:
    """Put motep's arrays of a structure into one, observables first.

    Parameters
    ----------
    energies : ndarray, shape (..., n_atoms)
    gradients : ndarray, shape (..., n_atoms, 3)
        Derivatives of the energy with respect to positions: minus the forces.
    stresses : ndarray, shape (..., 3, 3)
    volume : float

    Returns
    -------
    ndarray, shape (7 + 3 n_atoms, n)
    """
    total = energies.sum(axis=-1).ravel()
    n = total.size
    return np.vstack(
        [total, -gradients.reshape(n, -1).T, volume * stresses.reshape(n, 9)[:, VOIGT].T]
    )
