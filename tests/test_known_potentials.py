"""Static properties of potentials that others have evaluated: in closed form, in a paper, by motep.

LAMMPS's own pair styles come in through ASE, so that nothing of this project's kernel takes part.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lammpsrun import LAMMPS
from ase.collections import dcdft
from ase.units import GPa
from conftest import REPOSITORY
from scipy.optimize import brentq

from benchmarks.md import motep_calculator
from benchmarks.protocol import read_configuration
from smallcell.canonical import canonical_form
from smallcell.engine import MTPCalculator
from smallcell.errors import errors
from smallcell.jobs import label_once
from smallcell.labels import crystal_calculation, settings_for
from smallcell.orientation import described_as
from smallcell.potential import read_potential
from smallcell.programs import Program
from smallcell.properties import evaluated, properties, structures_to_label, values_by_potential
from smallcell.pseudopotentials import source_hash
from smallcell.training import read_structures
from smallcell.validation import equilibrium, strained_crystals_of

PROPERTIES = properties(seed=1)

EAM = Path(find_spec("lammps").origin).parent / "share/lammps/potentials/Cu_mishin1.eam.alloy"
"""EAM1 of Y. Mishin et al., Phys. Rev. B 63, 224106 (2001)."""

PAPER = {
    ("equation_of_state", "a0"): 3.615,
    ("equation_of_state", "B"): 138.3,
    ("elastic", "C11"): 169.9,
    ("elastic", "C12"): 122.6,
    ("elastic", "C44"): 76.2,
    ("vacancy", "vacancy, relaxed"): 1.272,
    ("surfaces", "surface (111), relaxed"): 1239,
    ("surfaces", "surface (100), relaxed"): 1345,
    ("surfaces", "surface (110), relaxed"): 1475,
}
"""What that paper has of it: A, GPa, eV, mJ/m^2; energies of hcp and bcc in whole meV besides."""


def by_lammps(folder: Path, **potential) -> LAMMPS:
    """A potential of LAMMPS's own."""
    return LAMMPS(command="lmp", tmp_dir=str(folder), **potential)


def test_an_embedded_atom_potential_has_the_properties_that_its_paper_tells(tmp_path):
    copper = {"symbol": "Cu", "lattice": "fcc", "lattice_constant": 3.6}
    calculator = by_lammps(
        tmp_path, pair_style="eam/alloy", pair_coeff=[f"* * {EAM} Cu"], masses=["1 63.55"]
    )
    # B is the curvature at the minimum; a fit over strains of 4 % makes it 3 % larger.
    crystals = [bulk("Cu", "fcc", a=edge) for edge in np.linspace(3.597, 3.633, 11)]
    constant, modulus = equilibrium(evaluated(crystals, calculator), copper)
    found = {("equation_of_state", "a0"): constant, ("equation_of_state", "B"): modulus}
    own = copper | {"lattice_constant": constant}
    for name in ("elastic", "vacancy", "surfaces", "lattices"):
        values = values_by_potential(PROPERTIES[name], own, calculator)
        found |= {(name, quantity): value for (quantity, _), value in values.items()}
    assert {key: found[key] for key in PAPER} == pytest.approx(PAPER, rel=0.01)
    for lattice, energy in (("hcp", 8), ("bcc", 46)):
        assert found["lattices", f"{lattice} above fcc"] == pytest.approx(energy, abs=0.5)


def test_a_lennard_jones_crystal_has_the_elastic_constants_of_its_lattice_sums(tmp_path):
    """Central forces at rest: C_ijkl is a sum over neighbours (Born & Huang 1954, section 11)."""
    depth, size, cut_off = 0.0104, 3.4, 1.72 * 3.4
    steps = np.array([step for step in np.ndindex(5, 5, 5)]) - 2
    steps = steps[(steps.sum(axis=1) % 2 == 0) & steps.any(axis=1)] / 2

    def slopes(edge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        vectors = edge * steps
        r = np.linalg.norm(vectors, axis=1)
        vectors, r = vectors[r < cut_off], r[r < cut_off]
        first = 4 * depth * (-12 * size**12 / r**13 + 6 * size**6 / r**7)
        second = 4 * depth * (156 * size**12 / r**14 - 42 * size**6 / r**8)
        return vectors, first / r, second

    def pressure(edge: float) -> float:
        vectors, first, _ = slopes(edge)
        return (first * (vectors**2).sum(axis=1)).sum()

    edge = brentq(pressure, 1.5 * size, 1.6 * size)
    vectors, first, second = slopes(edge)
    weights = (second - first) / (vectors**2).sum(axis=1) / (2 * edge**3 / 4) / GPa
    x, y, _ = (vectors**2).T
    calculator = by_lammps(
        tmp_path, pair_style=f"lj/cut {cut_off}", pair_coeff=[f"* * {depth} {size}"]
    )
    argon = {"symbol": "Ar", "lattice": "fcc", "lattice_constant": edge}
    found = values_by_potential(PROPERTIES["elastic"], argon, calculator)
    expected = {"C11": (weights * x**2).sum(), "C12": (weights * x * y).sum()}
    expected["C44"] = expected["C12"]
    for name, value in expected.items():
        assert found[name, "GPa"] == pytest.approx(value, rel=0.01)


class ByMotep(Calculator):
    """motep's calculator, made anew each time: it is for one number of atoms."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, potential) -> None:
        super().__init__()
        self.potential = potential

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        engine = motep_calculator(self.potential)
        self.results = {
            name: engine.get_property(name, self.atoms) for name in self.implemented_properties
        }


@pytest.mark.parametrize("name", [name for name, one in PROPERTIES.items() if not one.of_alloy])
def test_the_potential_of_this_repository_has_its_properties_by_motep_too(name):
    potential = read_potential(REPOSITORY / "potentials/potassium-level-8/potential.mtp")
    element = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.276}
    asked = PROPERTIES[name]
    ours, motep = (
        asked.values(element, evaluated(asked.structures(element), calculator))
        for calculator in (MTPCalculator(potential), ByMotep(potential))
    )
    assert len(ours) > 0
    assert np.isfinite(list(ours.values())).all()
    assert ours == pytest.approx(motep, rel=1e-6, abs=1e-6)


def missed(share: float) -> pytest.MarkDecorator:
    """C' of a potential is farther off than is asked for, by so many per cent."""
    return pytest.mark.xfail(strict=True, reason=f"C' is {share} % off, docs/results.md has it")


@pytest.mark.parametrize(
    ("name", "asked", "per_cent"),
    [
        ("potassium-level-8", "elastic", {"C'": 10, "C44": 10}),
        ("potassium-level-8", "phonons", {"": 5}),
        pytest.param("potassium-level-12", "elastic", {"C'": 10, "C44": 10}, marks=missed(23)),
        ("potassium-level-12", "phonons", {"": 5}),
        pytest.param("potassium-level-16", "elastic", {"C'": 10, "C44": 10}, marks=missed(10.4)),
        ("potassium-level-16", "phonons", {"": 5}),
    ],
)
def test_the_potentials_of_this_repository_are_as_near_to_pw_as_is_asked(
    name, asked, per_cent, monkeypatch
):
    """By labels of `potentials/labels`, each at its own lattice constant."""
    monkeypatch.chdir(REPOSITORY)
    config = read_configuration(f"config/{name}.yaml")
    (potassium,) = config["elements"]
    folder = REPOSITORY / "potentials" / name
    seeds = strained_crystals_of("K", read_structures(folder / "train.extxyz"))
    calculator = MTPCalculator(read_potential(folder / "potential.mtp"))
    constant, modulus = equilibrium(seeds, potassium)
    own_constant, own_modulus = equilibrium(evaluated(seeds, calculator), potassium)
    assert own_constant == pytest.approx(constant, rel=0.003)
    assert own_modulus == pytest.approx(modulus, rel=0.05)
    by_dft = potassium | {"lattice_constant": constant}
    own = potassium | {"lattice_constant": own_constant}
    labelled = [
        described_as(label_in_store(atoms, config), atoms)
        for atoms in structures_to_label(PROPERTIES[asked], [by_dft], config["dft"]["k_spacing"])
    ]
    labels = PROPERTIES[asked].values(by_dft, labelled)
    values = values_by_potential(PROPERTIES[asked], own, calculator)
    off = {
        quantity: 100 * (values[quantity, unit] / value - 1)
        for (quantity, unit), value in labels.items()
    }
    for kind, limit in per_cent.items():
        judged = [one for quantity, one in off.items() if quantity.startswith(kind)]
        assert judged
        assert np.abs(judged).max() < limit


def label_in_store(atoms: Atoms, config: Mapping) -> Atoms:
    """What the store has of a structure at a campaign's settings; pw.x is not asked."""
    form = canonical_form(atoms).atoms()
    hashes = {element["symbol"]: source_hash(element) for element in config["elements"]}
    calculation = crystal_calculation(form, settings_for(atoms, config["dft"], {}), hashes)
    settings = {"dft": {"command": None}, "labels": config["labels"]}
    report, labelled = label_once(form, calculation, Program("pw.x", None), settings, [])
    assert labelled, report["message"]
    return labelled


@pytest.mark.parametrize("name", ["potassium-level-8", "potassium-level-12", "potassium-level-16"])
@pytest.mark.parametrize("source", ["pw.x", "potential"])
def test_labels_and_potential_have_the_crystal_that_all_electrons_have(source, name):
    """As near as the validation asks for, 0.3 % and 5 %, to a0 and B of PBE by WIEN2k."""
    folder = REPOSITORY / "potentials" / name
    seeds = strained_crystals_of("K", read_structures(folder / "train.extxyz"))
    crystals = [atoms for atoms in seeds if abs(atoms.info["strain"] - 1) < 0.06]
    if source == "potential":
        calculator = MTPCalculator(read_potential(folder / "potential.mtp"))
        crystals = evaluated(crystals, calculator)
    potassium = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
    constant, modulus = equilibrium(crystals, potassium)
    published = dcdft.data["K"]
    assert constant == pytest.approx((2 * published["wien2k_volume"]) ** (1 / 3), rel=0.003)
    assert modulus == pytest.approx(published["wien2k_B"], rel=0.05)


def test_level_16_knows_forces_in_cells_of_sixteen_atoms():
    """Frames of walks, drawn whatever the grade; none of its training has more than eight atoms."""
    unseen = read_structures(REPOSITORY / "potentials/potassium-sixteen-atoms/held_out.extxyz")
    folder = REPOSITORY / "potentials/potassium-level-16"
    potential = read_potential(folder / "potential.mtp")
    assert max(map(len, read_structures(folder / "train.extxyz"))) == 8
    assert {len(atoms) for atoms in unseen} == {16}
    assert errors(potential, unseen).force < 0.0052
