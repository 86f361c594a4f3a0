"""What the audit's grades and cut-outs are worth, with a better potential in the place of pw.x.

    python benchmarks/audit.py CFG08_2-54.cfg CFG16_2-54.almtp K

fits potentials of level 8 to parts of a set that the better potential has labelled anew, runs the
audit with each and prints how far grades foresee errors of forces, how well cut-outs of several
sizes keep what is around their middle, and what adding three of them does to the errors in the
large cell. For comparison as many frames are added from a run of the 16-atom crystal.
"""

import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, reference_states
from scipy.stats import spearmanr

from smallcell.approach import wall
from smallcell.audit import (
    Extrapolation,
    audit_ramps,
    extrapolation,
    most_extrapolating,
    read_audit_frames,
    small_cell_of,
)
from smallcell.basis import generate_basis
from smallcell.engine import Engine, rows
from smallcell.fitting import fit, random_starts
from smallcell.formats import read_labelled
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.sampling import provide
from smallcell.selection import active_set, grades, select
from smallcell.validation import (
    Ramp,
    large_crystal,
    run_large_cell,
    write_large_cell_run,
)

SIZES = (8, 16, 32, 54)
ADDED = 3
TEMPERATURE = (100, 800)


def labelled(structures: Sequence[Atoms], oracle: Potential) -> list[Atoms]:
    """Copies with the better potential's values as labels."""
    found = []
    values = Engine(oracle, structures).values(oracle)
    for atoms, (energies, forces, virial) in zip(structures, values, strict=True):
        copy = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        stress = virial / copy.get_volume()
        copy.calc = SinglePointCalculator(copy, energy=energies.sum(), forces=forces, stress=stress)
        found.append(copy)
    return found


def force_errors(potential: Potential, frames: Sequence[Atoms]) -> np.ndarray:
    """Length of the error of the force on each atom of each frame (eV/A)."""
    values = Engine(potential, frames).values(potential)
    return np.array(
        [
            np.linalg.norm(forces - frame.get_forces(), axis=1)
            for (_, forces, _), frame in zip(values, frames, strict=True)
        ]
    )


def root_mean_square(errors: np.ndarray) -> float:
    """Of the components of forces (meV/A)."""
    return 1000 * float(np.sqrt(np.mean(errors**2) / 3))


class Learner:
    """A potential of level 8, its file and its wall."""

    def __init__(self, structures: list[Atoms], symbol: str, folder: Path) -> None:
        rng = np.random.default_rng(1)
        starts = random_starts(structures, (symbol,), generate_basis(8), 7.0, 8, rng)
        found = fit(structures, starts).potential
        self.structures = structures
        self.potential = replace(found, active_set=active_set(rows(found, structures)))
        self.file = folder / "learner.almtp"
        self.wall = wall(found, structures)
        write_potential(self.file, self.potential)

    def run(self, start: Atoms, ramps: Sequence[Ramp]) -> list[Atoms]:
        """Frames of a run."""
        with tempfile.TemporaryDirectory() as name:
            provide(Path(name), self.file)
            species = self.potential.species
            write_large_cell_run(Path(name), start, species, ramps, self.wall, 1, frames=True)
            outcome, records = run_large_cell(Path(name), start, ramps)
            print(f"  {len(start)} atoms: {'survived' if outcome.survived else outcome.message}")
            return read_audit_frames(Path(name) / "frames.dump", species, records)

    def learn(self, more: list[Atoms], oracle: Potential) -> Potential:
        """The potential, fitted on with more structures."""
        return fit(self.structures + labelled(more, oracle), [self.potential]).potential


def cut(learner: Learner, frames: list[Atoms], found: Extrapolation, chosen, size) -> list[Atoms]:
    """Cut-outs around candidates."""
    cut_outs = []
    for number, atom in found.candidates[chosen]:
        frame = frames[number].copy()
        frame.info |= {"centre": int(atom), "grade": found.grades[number, atom]}
        cut_outs.append(
            small_cell_of(
                frame,
                learner.potential,
                learner.file,
                learner.wall,
                size,
                np.random.default_rng(1),
            )
        )
    return cut_outs


def main() -> None:
    """Print everything, part by part."""
    warnings.simplefilter("ignore")
    file, better, symbol = sys.argv[1:]
    oracle = read_potential(better, (symbol,))
    structures = labelled(read_labelled(file, (symbol,)), oracle)
    known = reference_states[atomic_numbers[symbol]]
    element = {"symbol": symbol, "lattice": known["symmetry"], "lattice_constant": known["a"]}
    start, _ = large_crystal([element], 1000, np.random.default_rng(1))
    small, _ = large_crystal([element], 16, np.random.default_rng(1))
    median = np.median([atoms.get_volume() / len(atoms) for atoms in structures])
    parts = {
        "all": structures,
        "cells of one and two atoms": [atoms for atoms in structures if len(atoms) <= 2],
        "the denser half": [a for a in structures if a.get_volume() / len(a) <= median],
    }
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name}: {len(part)} structures")
            learner = Learner(part, symbol, Path(folder))
            frames = learner.run(start, audit_ramps(TEMPERATURE, 100))[::5]
            found = extrapolation(learner.potential, frames)
            foresight(learner, labelled(frames, oracle), found)
            learning(learner, oracle, frames, found, small)


def foresight(learner: Learner, frames: list[Atoms], found: Extrapolation) -> None:
    """Print rank correlations of grades and errors."""
    errors = force_errors(learner.potential, frames)
    neighbourhoods = Engine(learner.potential, learner.structures).rows_by_atom(learner.potential)
    known = replace(
        learner.potential, active_set=active_set(np.vstack(neighbourhoods)), grade_mode="nbh"
    )
    other = extrapolation(known, frames).grades
    whole = grades(rows(learner.potential, frames), learner.potential.active_set)
    of_frames = [root_mean_square(one) for one in errors]
    print(f"  force error in the large cell {root_mean_square(errors):.1f} meV/A")
    for words, of_atoms in (("configurations", found.grades), ("neighbourhoods", other)):
        highest = of_atoms >= np.quantile(of_atoms, 0.99)
        within = [spearmanr(*one)[0] for one in zip(of_atoms[1:], errors[1:], strict=True)]
        print(
            f"  active set of {words}: grades of atoms up to {of_atoms.max():.1f}, with errors "
            f"{spearmanr(of_atoms.ravel(), errors.ravel())[0]:.2f}, in a frame "
            f"{np.mean(within):.2f}, highest of frames with their errors "
            f"{spearmanr(of_atoms.max(axis=1), of_frames)[0]:.2f}; error of the upper 1 % "
            f"{root_mean_square(errors[highest]):.1f} meV/A"
        )
    print(
        f"  grades of configurations up to {whole.max():.1f}, with errors of frames "
        f"{spearmanr(whole, of_frames)[0]:.2f}"
    )


def learning(
    learner: Learner,
    oracle: Potential,
    frames: list[Atoms],
    found: Extrapolation,
    small: Atoms,
) -> None:
    """Print how well cut-outs keep an environment, and what is learnt from them."""
    reference = labelled(frames[1::4], oracle)
    potential = learner.potential
    chosen = most_extrapolating(found.rows, potential.active_set, ADDED)
    for size in SIZES:
        cut_outs = cut(learner, frames, found, chosen, size)
        kept = [atoms.info["kept_grade"] / atoms.info["grade"] for atoms in cut_outs]
        own = [
            root_mean_square(force_errors(potential, [atoms]))
            for atoms in labelled(cut_outs, oracle)
        ]
        after = root_mean_square(force_errors(learner.learn(cut_outs, oracle), reference))
        shown = grades(rows(potential, cut_outs), potential.active_set)
        print(
            f"  {size:2d} atoms: share of the grade kept {np.round(kept, 2)}, grade of the cut-out "
            f"{np.round(shown, 1)}, force error {np.round(own, 1)}; with them {after:.1f} meV/A"
        )
    hot = [Ramp(TEMPERATURE[1], TEMPERATURE[1], 50)]
    walked = learner.run(small, hot)
    rows_walked = rows(potential, walked)
    taken = select(potential.active_set, rows_walked, 1.001, ADDED)
    more = [walked[place] for place in taken]
    after = root_mean_square(force_errors(learner.learn(more, oracle), reference))
    print(f"  {len(more)} frames of the 16-atom crystal instead: {after:.1f} meV/A")


if __name__ == "__main__":
    main()
