"""What labels at the presets of pw.x are off by and cost, on a sample of a labelled set.

A sample of the set's cells of 2 to 4 atoms, from the smallest forces to the largest, is labelled
anew at each preset through a store, so that an interrupted run goes on where it was. The set's own
labels are the truth. `published` is dear: it labels but some of the cells of two atoms, to show
what it costs and that the set's labels are what it gives. Energies count up to a constant an atom.

    python benchmarks/labels.py SET.cfg K 8 2 labels docs/benchmarks.md
"""

import datetime
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.collections import dcdft
from ase.eos import EquationOfState, birchmurnaghan
from ase.units import GPa

from benchmarks.md import processor, table
from benchmarks.pages import write_part
from smallcell.canonical import canonical_form
from smallcell.cfg import read_cfg
from smallcell.jobs import label_once
from smallcell.labels import SUCCESSES, crystal_calculation, k_mesh
from smallcell.presets import with_preset
from smallcell.programs import ask_pw
from smallcell.pseudopotentials import provide_upf, source_hash

PRESETS = yaml.safe_load(Path("config/presets.yaml").read_text())
TRUTH = "published"
COMMON = {"command": "pw.x", "cores": 1, "time_limit": 7200, "conv_thr": 1e-8}
"""Entries of ``dft`` that presets leave to the schema."""

SMALL_FORCE = 0.7
"""eV/A; atoms with larger forces have a column of their own."""

FACTORS = np.linspace(0.95, 1.05, 7)
"""Of the all-electron lattice constant, for the equations of state."""


@dataclass(frozen=True)
class Label:
    """A label, or None if pw.x failed, and its core-seconds."""

    atoms: Atoms | None
    core_seconds: float


class Preset:
    """A preset, or one with some entries of ``dft`` changed, that labels one element."""

    def __init__(
        self, name: str, symbol: str, store: str, folder: Path, changed: Mapping | None = None
    ) -> None:
        dft = {"preset": name} | dict(changed or {})
        filled = with_preset({"elements": [{"symbol": symbol}], "dft": dft}, PRESETS)
        (element,) = filled["elements"]
        self.dft = COMMON | filled["dft"]
        self.settings = {"dft": self.dft, "labels": {"store": store, "closest": 0.3}}
        self.program = ask_pw(self.dft["command"])
        self.hashes = {symbol: source_hash(element)}
        self.upf = folder / name / f"{symbol}.UPF"
        provide_upf(element["pseudopotential"], None, self.upf)

    def k_mesh(self, atoms: Atoms) -> tuple[int, int, int]:
        return k_mesh(canonical_form(atoms).atoms().cell.array, self.dft["k_spacing"])

    def label(self, atoms: Atoms, mesh: tuple[int, int, int] | None = None) -> Label:
        """Label a structure, or look it up; with another k-mesh than the preset's, if given."""
        form = canonical_form(atoms).atoms()
        calculation = crystal_calculation(form, self.dft, self.hashes)
        if mesh:
            calculation = replace(calculation, k_mesh=mesh)
        report, labelled = label_once(
            form, calculation, self.program, self.settings, [str(self.upf)]
        )
        print(f"{form.get_chemical_formula()}: {report['fate']} {report['message']}", flush=True)
        if report["fate"] not in SUCCESSES:
            return Label(None, report["core_seconds"])
        return Label(described_as(atoms, labelled), report["label_core_seconds"])


def described_as(atoms: Atoms, labelled: Atoms) -> Atoms:
    """Turn a label of the canonical form to a set's description; the stress keeps but its trace."""
    lattice = np.array(list(product(range(-2, 3), repeat=3))) @ labelled.cell.array
    norms = np.linalg.norm(lattice, axis=1)
    similar = [lattice[np.abs(norms - length) < 1e-3] for length in atoms.cell.lengths()]
    for vectors in map(np.array, product(*similar)):
        if np.abs(vectors @ vectors.T - atoms.cell.array @ atoms.cell.array.T).max() > 1e-2:
            continue
        turn = np.linalg.inv(vectors) @ atoms.cell.array
        fractions = atoms.cell.scaled_positions(labelled.positions @ turn)
        for origin in fractions:
            shifted = fractions - origin + atoms.get_scaled_positions()[0]
            apart = atoms.get_scaled_positions()[:, None] - shifted
            distances = np.linalg.norm((apart - np.round(apart)) @ atoms.cell.array, axis=2)
            if distances.min(axis=1).max() < 1e-3:
                turned = atoms.copy()
                turned.calc = SinglePointCalculator(
                    turned,
                    energy=labelled.get_potential_energy(),
                    forces=(labelled.get_forces() @ turn)[distances.argmin(axis=1)],
                    stress=labelled.get_stress(),
                )
                return turned
    raise ValueError(f"{atoms} is not the crystal that was labelled")


def sample(structures: Sequence[Atoms], number: int, few: int) -> list[Atoms]:
    """Cells of 2 to 4 atoms, evenly through the order of their forces; a few of two atoms first."""
    cells = [atoms for atoms in structures if 2 <= len(atoms) <= 4]
    cells.sort(key=lambda atoms: np.abs(atoms.get_forces()).max())
    places = np.unique(np.linspace(0, len(cells) - 1, number).round().astype(int))
    chosen = [cells[place] for place in places]
    small = [atoms for atoms in chosen if len(atoms) == 2]
    first = small[::-1][:few]
    return first + [atoms for atoms in chosen if not any(atoms is one for one in first)]


def row(
    name: str, truths: Sequence[Atoms], labels: Sequence[Label], full: Sequence[Label]
) -> list[str]:
    """Errors and cost of a preset; full are labels at `TRUTH` of the first structures."""
    pairs = [(a, b.atoms) for a, b in zip(truths, labels, strict=True) if b.atoms is not None]
    energies = np.array(
        [(b.get_potential_energy() - a.get_potential_energy()) / len(a) for a, b in pairs]
    )
    energies = 1e3 * (energies - energies.mean())
    forces = 1e3 * np.concatenate([b.get_forces() - a.get_forces() for a, b in pairs])
    small = np.concatenate([np.linalg.norm(a.get_forces(), axis=1) for a, _ in pairs])
    small = small <= SMALL_FORCE
    sizes = np.linalg.norm(forces, axis=1)
    pressures = np.array([(a.get_stress()[:3] - b.get_stress()[:3]).mean() / GPa for a, b in pairs])
    costs, full_costs = ([one.core_seconds for one in some] for some in (labels, full))
    share = sum(costs[: len(full)]) / sum(full_costs) if full else np.nan
    small_costs = [cost for cost, atoms in zip(costs, truths, strict=True) if len(atoms) == 2]
    return [
        name,
        f"{len(pairs)} of {len(labels)}",
        f"{energies.std():.2f} ({np.abs(energies).max():.2f})",
        f"{np.sqrt(np.mean(forces**2)):.1f} ({sizes[small].max():.1f})",
        f"{sizes[~small].max():.1f}" if not small.all() else "",
        f"{pressures.mean():.3f} ({np.abs(pressures - pressures.mean()).max():.3f})",
        f"{sum(costs) / sum(map(len, truths)):.0f}",
        f"{np.mean(small_costs):.0f}",
        f"1/{1 / share:.1f}" if full else "",
    ]


HEADS = (
    "preset",
    "labels",
    "energy, meV/atom: rms (largest)",
    f"force, meV/A: rms (largest up to {SMALL_FORCE} eV/A)",
    "largest above",
    "pressure, GPa: mean (largest from it)",
    "core-s an atom",
    "core-s, 2 atoms",
    f"of {TRUTH}",
)


def rows_of(
    structures: Sequence[Atoms], few: int, symbol: str, store: str, folder: Path
) -> list[list[str]]:
    """Rows of all presets, that of `TRUTH` with a few structures, or none."""
    found = {}
    for name in reversed(PRESETS):
        preset = Preset(name, symbol, store, folder)
        truths = structures[:few] if name == TRUTH else structures
        found[name] = (truths, [preset.label(atoms) for atoms in truths])
    full = found[TRUTH][1]
    return [row(name, *pair, full) for name, pair in found.items() if pair[0]]


@dataclass(frozen=True)
class Crystal:
    """What an equation of state says: lattice constant (A), bulk modulus (GPa), and how far the
    pressure from the stress is above that from energies (GPa), which too low cut-offs tear apart.
    """

    lattice_constant: float
    bulk_modulus: float
    excess: float | None = None


def equation_of_state(preset: Preset, symbol: str, lattice: float) -> Crystal:
    """Fit energies of the bcc crystal, all at the k-mesh that the preset has for the middle one.

    A mesh with a division less for a larger crystal would put a step into the energies.
    """
    crystals = [bulk(symbol, "bcc", a=factor * lattice, cubic=True) for factor in FACTORS]
    middle = len(crystals) // 2
    mesh = preset.k_mesh(crystals[middle])
    labelled = [preset.label(atoms, mesh).atoms for atoms in crystals]
    volumes = [atoms.get_volume() for atoms in crystals]
    energies = [atoms.get_potential_energy() for atoms in labelled]
    fitted = EquationOfState(volumes, energies, eos="birchmurnaghan")
    volume, _, modulus = fitted.fit()
    around = volumes[middle] + np.array([-0.01, 0.01])
    slope = np.diff(birchmurnaghan(around, *fitted.eos_parameters))[0] / np.diff(around)[0]
    pressure = -labelled[middle].get_stress()[:3].mean()
    return Crystal(np.cbrt(volume), modulus / GPa, (pressure + slope) / GPa)


def equations_of_state(store: str, folder: Path) -> list[list[str]]:
    """Rows of K and Na: all-electron (WIEN2k), and the presets that are meant for use."""
    rows = []
    for symbol in PRESETS[TRUTH]["elements"]:
        reference = dcdft.data[symbol]
        lattice = float(np.cbrt(2 * reference["wien2k_volume"]))
        found = {"all-electron": Crystal(lattice, reference["wien2k_B"])}
        for name in PRESETS:
            if name != TRUTH:
                preset = Preset(name, symbol, store, folder)
                found[name] = equation_of_state(preset, symbol, lattice)
        rows += [
            [
                f"{symbol}, {name}",
                f"{crystal.lattice_constant:.3f}",
                f"{crystal.bulk_modulus:.2f}",
                "" if crystal.excess is None else f"{crystal.excess:.3f}",
            ]
            for name, crystal in found.items()
        ]
    return rows


CRYSTAL_HEADS = ("element, preset", "a0, A", "B, GPa", "pressure by stress - by energies, GPa")


def main(path: str, symbol: str, number: str, few: str, store: str, page: str) -> None:
    """Measure, print, and write the part of the page."""
    if not path.endswith(".cfg"):
        sys.exit(f"{path}: SET must be a set in MLIP's format (.cfg) with published labels")
    structures = sample(read_cfg(path, [symbol]), int(number), int(few))
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(structures, int(few), symbol, store, Path(folder))
        crystals = equations_of_state(store, Path(folder))
    text = f"""# Labels

`make bench-labels` on {datetime.date.today()}: {processor()}, pw.x on one core;
{len(structures)} structures of {path}, {sum(map(len, structures))} atoms. How it is measured:
`benchmarks/labels.py`. Errors are against the set's own labels, `{TRUTH}` ones.

{table(HEADS, rows)}

Equation of state of the bcc crystals:

{table(CRYSTAL_HEADS, crystals)}"""
    print(text)
    write_part(page, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
