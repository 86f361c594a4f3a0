"""Values and derivatives of a moment tensor potential, by the kernel of this repository.

Everything in Python that evaluates a potential goes through here. The module ``mtp_kernel`` is
compiled from ``kernel/`` at set-up, as the LAMMPS plugin is, and gives the same numbers.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import mtp_kernel
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from smallcell.potential import Potential, potential_text
from smallcell.selection import active_set, grades

Result = TypeVar("Result")


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
    """Values and derivatives on fixed structures, whose neighbour lists are made once.

    Parameters
    ----------
    potential : Potential
        Any potential of the species, basis and cut-off that shall be evaluated.
    structures : sequence of Atoms
        Of any number of atoms; cells may be smaller than the cut-off.
    threads : int
        Threads that work on structures of their own; results do not depend on it.
    """

    def __init__(self, potential: Potential, structures: Sequence[Atoms], threads: int = 1) -> None:
        self._model = _model(potential)
        self._structures = [_structure(potential, atoms) for atoms in structures]
        ends = np.cumsum([0, *map(len, structures)])
        self._atoms = [slice(*pair) for pair in zip(ends[:-1], ends[1:], strict=True)]
        self._threads = threads

    def derivatives(self, potential: Potential) -> Derivatives:
        """Return the derivatives of all observables, one structure after the other."""
        _set_coefficients(self._model, potential)
        return Derivatives(
            *mtp_kernel.differentiate(self._model, self._structures, True, True, self._threads)
        )

    def by_parts(
        self,
        potential: Potential,
        parts: Sequence[slice],
        work: Callable[[slice, np.ndarray, np.ndarray], Result],
        with_radial: bool,
    ) -> list[Result]:
        """Call ``work(part, radial, linear)`` with the derivatives of each part of the structures.

        Threads work on parts of their own, so that the results, which come in the order of the
        parts, do not depend on the number of threads. Without the radial derivatives, which are
        then of shape (n_observables, 0), the linear ones come at a fraction of the cost.
        """
        _set_coefficients(self._model, potential)

        def differentiate(part: slice) -> Result:
            return work(
                part,
                *mtp_kernel.differentiate(self._model, self._structures[part], with_radial, True),
            )

        if self._threads == 1 or len(parts) == 1:
            return [differentiate(part) for part in parts]
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(differentiate, parts))

    def rows_by_atom(self, potential: Potential) -> list[np.ndarray]:
        """Return the derivatives of the energies of atoms with respect to all parameters.

        Returns
        -------
        list of ndarray, shape (n_atoms, n_parameters)
            One for each structure; columns in the order radial, shifts, linear.
        """
        _set_coefficients(self._model, potential)
        by_atom = mtp_kernel.rows(self._model, self._structures, self._threads)
        return [by_atom[atoms] for atoms in self._atoms]

    def values(self, potential: Potential) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return energies of atoms (eV), forces (eV/A) and volume times stress (eV, Voigt)."""
        _set_coefficients(self._model, potential)
        energies, forces, virials = mtp_kernel.evaluate(
            self._model, self._structures, self._threads
        )
        return [
            (energies[atoms], forces[atoms], virial)
            for atoms, virial in zip(self._atoms, virials, strict=True)
        ]


def rows(potential: Potential, structures: Sequence[Atoms], threads: int = 1) -> np.ndarray:
    """Return the derivatives of energies per atom with respect to all parameters.

    These are the vectors that extrapolation grades of whole configurations are made of
    (Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017), divided by the number of atoms
    as in MLIP).

    Returns
    -------
    ndarray, shape (n_structures, n_parameters)
        Columns in the order radial, shifts, linear.
    """
    result = np.empty((len(structures), potential.n_parameters))
    by_atom = Engine(potential, structures, threads).rows_by_atom(potential)
    for row, atoms in zip(result, by_atom, strict=True):
        row[:] = atoms.mean(axis=0)
    return result


def graded_rows(
    potential: Potential, structures: Sequence[Atoms], grade_mode: str, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors that grades of a mode are made of, and which structure owns each.

    Parameters
    ----------
    potential : Potential
    structures : sequence of Atoms
    grade_mode : {"configuration", "neighbourhood"}
        A row for each structure, as `rows` has them, or for each atom.
    threads : int
        Results do not depend on it.

    Returns
    -------
    rows : ndarray, shape (n_rows, n_parameters)
    owners : ndarray of int, shape (n_rows,)
        Structure of each row, ascending.
    """
    if grade_mode == "configuration":
        return rows(potential, structures, threads), np.arange(len(structures))
    by_atom = Engine(potential, structures, threads).rows_by_atom(potential)
    owners = np.repeat(np.arange(len(structures)), [len(atoms) for atoms in structures])
    return np.vstack([np.empty((0, potential.n_parameters)), *by_atom]), owners


def with_active_set(
    potential: Potential, structures: Sequence[Atoms], grade_mode: str, threads: int = 1
) -> Potential:
    """Give a potential the active set of its training set (see `graded_rows`)."""
    rows_of_mode, _ = graded_rows(potential, structures, grade_mode, threads)
    return replace(potential, active_set=active_set(rows_of_mode), grade_mode=grade_mode)


class MTPCalculator(Calculator):
    """ASE calculator of a potential, for structures of any number of atoms in turn.

    Beside energy, energies of atoms, forces and, in periodic cells, stress, it has the
    extrapolation ``grade`` of a potential with an active set, the highest of the atoms' ``grades``
    if the active set is one of neighbourhoods. They are had by `get_property`.
    """

    implemented_properties = (
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
        "grade",
        "grades",
    )

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential
        self._model = _model(potential)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Calculate everything, grades if they are asked for."""
        super().calculate(atoms, properties, system_changes)
        structures = [_structure(self.potential, self.atoms)]
        energies, forces, virials = mtp_kernel.evaluate(self._model, structures)
        self.results = {
            "energy": float(energies.sum()),
            "free_energy": float(energies.sum()),
            "energies": energies,
            "forces": forces,
        }
        if self.atoms.cell.rank == 3:
            self.results["stress"] = virials[0] / self.atoms.cell.volume
        if "grade" in properties or "grades" in properties:
            self._grade(mtp_kernel.rows(self._model, structures))

    def _grade(self, by_atom: np.ndarray) -> None:
        known = self.potential.active_set
        if known is None:
            raise PropertyNotImplementedError(
                "the potential has no active set to measure a grade by; read an .almtp file"
            )
        if self.potential.grade_mode == "neighbourhood":
            self.results["grades"] = grades(by_atom, known)
            self.results["grade"] = float(self.results["grades"].max())
        else:
            self.results["grade"] = float(grades(by_atom.mean(axis=0)[None], known)[0])


def _model(potential: Potential) -> mtp_kernel.Model:
    return mtp_kernel.Model("the potential", potential_text(potential).encode())


def _set_coefficients(model: mtp_kernel.Model, potential: Potential) -> None:
    model.set_coefficients(
        potential.closest,
        np.ascontiguousarray(potential.radial).ravel(),
        potential.shifts,
        potential.linear,
    )


def _structure(potential: Potential, atoms: Atoms) -> mtp_kernel.Structure:
    """Find the neighbours of all atoms.

    Raises
    ------
    ValueError
        If there is an element that the potential does not know, or a number that is not finite.
    """
    symbols = atoms.get_chemical_symbols()
    if unknown := set(symbols) - set(potential.species):
        raise ValueError(
            f"the structure has atoms of {', '.join(sorted(unknown))}; the potential is one of "
            f"{', '.join(potential.species)}"
        )
    return mtp_kernel.Structure(
        np.ascontiguousarray(atoms.cell.complete().array),
        [bool(periodic) for periodic in atoms.pbc],
        np.ascontiguousarray(atoms.positions, dtype=float),
        [potential.species.index(symbol) for symbol in symbols],
        potential.cutoff,
    )
