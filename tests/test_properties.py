"""Static properties: of crystals whose properties are known, and of potentials that are wrong.

An fcc crystal whose nearest neighbours alone feel each other, at rest in the minimum of their pair
potential, has all of them in closed form: of the depth and curvature of that minimum.
"""

import numpy as np
import pandas as pd
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.data import atomic_masses, atomic_numbers
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa, J, fs, m
from conftest import REPOSITORY

from smallcell.canonical import canonical_form
from smallcell.cells import crystal
from smallcell.coexistence import not_begun
from smallcell.cost import expected_cost
from smallcell.dynamic import (
    DYNAMIC,
    critical,
    density,
    diffusion,
    eutectic,
    melting,
    mixing,
    structure,
)
from smallcell.elastic import STRAIN
from smallcell.engine import MTPCalculator
from smallcell.labels import Fate, crystal_calculation, k_mesh
from smallcell.phonons import dispersion, dispersion_table
from smallcell.properties import (
    common_spacing,
    comparison,
    evaluated,
    labelled_structures,
    properties,
    static_in_words,
    structures_to_label,
    subjects,
    values_by_potential,
)
from smallcell.published import KINDS
from smallcell.thermal import no_thermal_run

PROPERTIES = properties(seed=1)
DEPTH, DISTANCE, DECAY = 0.1, 3.0, 5.0
CURVATURE = 2 * DEPTH * (DECAY / DISTANCE) ** 2
EDGE = np.sqrt(2) * DISTANCE
FCC = {"symbol": "Ag", "lattice": "fcc", "lattice_constant": EDGE}


def pairs() -> MorsePotential:
    """A pair potential that ends between first and second neighbours."""
    return MorsePotential(epsilon=DEPTH, r0=DISTANCE, rho0=DECAY, rcut1=1.15, rcut2=1.35)


def found(name: str, element=FCC, calculator=None) -> dict:
    """A property's values by quantity alone."""
    values = values_by_potential(PROPERTIES[name], element, calculator or pairs())
    return {quantity: value for (quantity, _), value in values.items()}


def test_elastic_constants_of_springs_between_nearest_neighbours():
    values = found("elastic")
    assert values["C11"] == pytest.approx(2 * CURVATURE / EDGE / GPa, rel=0.01)
    for name in ("C12", "C44"):
        assert values[name] == pytest.approx(CURVATURE / EDGE / GPa, rel=0.01)
    assert values["B"] == pytest.approx((values["C11"] + 2 * values["C12"]) / 3)
    assert values["C'"] == pytest.approx((values["C11"] - values["C12"]) / 2)


def test_phonons_of_springs_between_nearest_neighbours():
    values = found("phonons")
    mass = atomic_masses[atomic_numbers["Ag"]]
    one = np.sqrt(CURVATURE / mass) / (2 * np.pi) * 1000 * fs
    known = {"X": [4, 4, 8], "L": [2, 2, 8], "W": [4, 6, 6]}
    for point, squares in known.items():
        branches = [values[f"{point}, branch {branch}"] for branch in (1, 2, 3)]
        assert branches == pytest.approx(one * np.sqrt(squares), rel=0.01)


def test_vacancy_and_surfaces_of_bonds_between_nearest_neighbours():
    # Twelve bonds of a site are broken, and the atom's six are had again elsewhere.
    for value in found("vacancy").values():
        assert value == pytest.approx(6 * DEPTH, rel=1e-6)
    values = found("surfaces")
    broken = {"100": (4, EDGE**2 / 2), "110": (6, EDGE**2 / np.sqrt(2)), "111": (3, None)}
    for name, (bonds, area) in broken.items():
        area = area or EDGE**2 * np.sqrt(3) / 4
        expected = bonds * DEPTH / 2 / area / (1e-3 * J / m**2)
        for state in ("unrelaxed", "relaxed"):
            assert values[f"surface ({name}), {state}"] == pytest.approx(expected, rel=1e-6)


def test_stackings_of_close_packed_planes_have_one_energy_for_nearest_neighbours():
    values = found("lattices")
    assert values["hcp above fcc"] == pytest.approx(0, abs=1e-6)
    assert values["volume of an atom in fcc"] == pytest.approx(EDGE**3 / 4, rel=1e-4)
    energies = []
    for edge in np.linspace(0.74, 0.84, 201) * EDGE:
        atoms = bulk("Ag", "bcc", a=edge, cubic=True)
        atoms.calc = pairs()
        energies.append(1000 * atoms.get_potential_energy() / 2)
    assert 0 < np.argmin(energies) < 200
    assert values["bcc above fcc"] == pytest.approx(min(energies) + 6000 * DEPTH, abs=1)


def test_the_path_of_bain_leads_from_bcc_to_fcc():
    values = found("bain")
    energies = []
    for lattice, atoms_a_cell in (("bcc", 2), ("fcc", 4)):
        edge = np.cbrt(atoms_a_cell * EDGE**3 / 4)
        atoms = bulk("Ag", lattice, a=edge, cubic=True)
        atoms.calc = pairs()
        energies.append(1000 * atoms.get_potential_energy() / len(atoms))
    assert values["above bcc, c/a = 1.414"] == pytest.approx(energies[1] - energies[0])


def test_a_trained_potential_has_the_elastic_constants_of_its_energies(sound_potential):
    """The same central differences of the slope of the energy, in a cubic cell."""
    calculator = MTPCalculator(sound_potential.potential)
    atoms = bulk("K", "bcc", a=5.3, cubic=True)
    atoms.calc = calculator
    BFGS(FrechetCellFilter(atoms, hydrostatic_strain=True), logfile=None).run(fmax=1e-6)
    edge, volume = atoms.cell.lengths()[0], atoms.get_volume()

    def constant(strain: np.ndarray) -> float:
        amounts = np.linspace(-1.5 * STRAIN, 1.5 * STRAIN, 9)
        energies = []
        for amount in amounts:
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ (np.eye(3) + amount * strain), scale_atoms=True)
            strained.calc = calculator
            energies.append(strained.get_potential_energy())
        slope = np.polyder(np.poly1d(np.polyfit(amounts, energies, 6)))
        return (slope(STRAIN) - slope(-STRAIN)) / (2 * STRAIN) / volume / GPa

    values = found(
        "elastic", {"symbol": "K", "lattice": "bcc", "lattice_constant": edge}, calculator
    )
    assert values["C11"] == pytest.approx(constant(np.diag([1, 0, 0])), rel=1e-3)
    shear = np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]])
    assert values["C44"] == pytest.approx(constant(shear), rel=1e-3)


@pytest.mark.parametrize("lattice", ["bcc", "hcp"])
def test_special_points_of_small_cells_lie_on_the_dispersion_of_large_ones(
    lattice, sound_potential
):
    """The dispersion is ASE's, from a supercell that is larger than the range of the forces."""
    if lattice == "bcc":
        element = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.4}
        potential = sound_potential.potential
        calculator, reach = MTPCalculator(potential), 2 * potential.cutoff
    else:
        element = {"symbol": "Ag", "lattice": "hcp", "lattice_constant": DISTANCE}
        calculator, reach = pairs(), 1.35 * DISTANCE
    values = found("phonons", element, calculator)
    table = dispersion_table(*dispersion(element, calculator, reach))
    names = {quantity.partition(",")[0] for quantity in values}
    assert names == {"bcc": {"H", "N", "P"}, "hcp": {"A", "L", "M"}}[lattice]
    branches = [f"branch {branch}" for branch in range(1, len(values) // len(names) + 1)]
    frequencies = table[[f"{branch} THz" for branch in branches]].to_numpy()
    # As squares, of which errors are 1e-4 of the largest, roots a hundredth.
    assert np.abs(frequencies[table["point"] == "G"][:, :3]).max() < 0.01 * frequencies.max()
    for point in names:
        expected = [values[f"{point}, {branch}"] for branch in branches]
        for row in frequencies[table["point"] == point]:
            assert row == pytest.approx(expected, rel=1e-3)


def test_atoms_of_hcp_relax_in_its_strained_cells():
    """Along the axis and under pressure hcp is as stiff as fcc, which is stacked otherwise."""
    hcp = {"symbol": "Ag", "lattice": "hcp", "lattice_constant": DISTANCE}
    values = found("elastic", hcp)
    stiffness = CURVATURE / EDGE / GPa
    assert values["B"] == pytest.approx(4 / 3 * stiffness, rel=0.01)
    assert values["C33"] == pytest.approx(8 / 3 * stiffness, rel=0.01)
    unrelaxed = evaluated(PROPERTIES["elastic"].structures(hcp), pairs())
    clamped = PROPERTIES["elastic"].values(hcp, unrelaxed)
    assert values["C11"] < 0.99 * clamped["C11", "GPa"]
    # Half of the difference is the shear in the plane, whatever relaxes.
    assert values["C11"] + values["C12"] == pytest.approx(
        clamped["C11", "GPa"] + clamped["C12", "GPa"], rel=0.01
    )


@pytest.mark.parametrize("lattice", ["sc", "bcc", "hcp", "diamond"])
def test_a_crystal_that_falls_apart_or_has_no_minimum_has_no_value(lattice):
    """Lattices that a potential for fcc knows nothing of give numbers or none, but no error."""
    element = {"symbol": "Ag", "lattice": lattice, "lattice_constant": 1.3 * DISTANCE}
    for name in ("lattices", "bain", "elastic"):
        assert found(name, element)
    assert np.isnan(found("lattices", element)[f"fcc above {lattice}"])


def test_what_does_not_come_to_rest_has_no_value():
    collapsing = LennardJones(sigma=3.0, epsilon=-0.1, rc=6.0)
    atoms = bulk("Ag", "hcp", a=3.0)
    atoms.positions[1] += 0.1
    (found,) = evaluated([atoms], collapsing, relaxes=True)
    assert np.isnan(found.get_stress()).all()
    assert np.isfinite(evaluated([atoms], collapsing)[0].get_stress()).all()


def dynamic_quantities() -> set[tuple[str, str]]:
    """Names that tables of dynamic properties have, at the temperatures of the schema."""
    schema = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
    asked = schema["properties"]["validation"]["properties"]["dynamics"]["properties"]
    thermal = [
        no_thermal_run({"symbol": "K"}, state, "none")
        | {"asked": {"state": state, "temperature": temperature}}
        for state in ("solid", "liquid")
        for temperature in asked[state]["default"]
    ]
    none = {"reason": {"shell": "none", "diffusion": "none"}, "shell": {}, "diffusion": None}
    # Those of mixtures that are published.
    thermal += [
        no_thermal_run({"symbol": "Na-K"}, "liquid", "none")
        | {"asked": {"state": "liquid", "temperature": temperature}}
        for temperature in (373, 384, 823)
    ]
    liquid = [one | none for one in thermal if one["asked"]["state"] == "liquid"]
    values = {
        "density": density("K", thermal),
        "structure": structure(liquid),
        "diffusion": diffusion(liquid),
        "mixing": mixing(liquid, dict.fromkeys(("Na-K", "K"), liquid)),
        "melting": melting([not_begun({"symbol": "K"}, "none")], {}),
    }
    assert tuple(values) == DYNAMIC
    found = {(name, one.quantity) for name, ones in values.items() for one in ones}
    # By commands of their own.
    found |= {("critical-point", one.quantity) for one in critical([])}
    return found | {("eutectic", one.quantity) for one in eutectic([], "K")}


def test_published_values_are_of_quantities_that_there_are(sound_potential):
    """A name that no table has would be passed over without a word."""
    element = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
    calculator = MTPCalculator(sound_potential.potential)
    known = {("equation_of_state", "a0"), ("equation_of_state", "B")}
    for name in PROPERTIES:
        if not PROPERTIES[name].of_alloy:
            known |= {(name, quantity) for quantity in found(name, element, calculator)}
    known |= dynamic_quantities()
    published = yaml.safe_load((REPOSITORY / "config/references.yaml").read_text())
    for entry in (entry for entries in published.values() for entry in entries):
        assert (entry["property"], entry["quantity"]) in known
        assert entry["kind"] in KINDS
        assert entry["value"] > 0
        assert entry["source"]


def test_a_missing_reference_is_missing_and_not_zero():
    values = {("C11", "GPa"): 4.0, ("C44", "GPa"): 2.0, ("odd", "eV"): 0.1}
    published = {
        "K": [
            {
                "property": "elastic",
                "quantity": "C44",
                "kind": "experiment",
                "value": 1.88,
                "source": "300 K",
            }
        ]
    }
    table = comparison("elastic", "K", values, {("C11", "GPa"): 5.0, ("odd", "eV"): 0.0}, published)
    assert table["off pw.x"].tolist()[:1] == pytest.approx([-1.0])
    assert table["off pw.x %"].tolist()[:1] == pytest.approx([-20.0])
    assert np.isnan(table["off pw.x %"][2])
    assert table["pw.x"].isna().tolist() == [False, True, False]
    assert table["experiment"].isna().tolist() == [True, False, True]
    assert table["off experiment %"][1] == pytest.approx(100 * (2 / 1.88 - 1))
    assert table["source of experiment"].tolist() == ["", "300 K", ""]
    assert table["theory"].isna().all()
    text = table.to_csv(index=False, float_format="%.6g")
    assert "\nelastic,K,C44,GPa,2,,,,,,,1.88,6.38298,300 K\n" in text
    other = comparison("elastic", "Na", values, {}, published)
    assert other[["pw.x", "experiment", "off experiment %"]].isna().all(axis=None)


def test_a_potential_that_is_wrong_on_purpose_is_off():
    element = FCC | {"symbol": "K"}
    truth = values_by_potential(PROPERTIES["elastic"], element, pairs())
    wrong = MorsePotential(epsilon=1.5 * DEPTH, r0=DISTANCE, rho0=DECAY, rcut1=1.15, rcut2=1.35)
    off = comparison(
        "elastic", "K", values_by_potential(PROPERTIES["elastic"], element, wrong), truth, {}
    )
    assert off["off pw.x %"].to_numpy() == pytest.approx(50, rel=1e-6)
    (line,) = static_in_words(off)
    assert line.startswith("elastic: 5 of 5 beside pw.x, farthest off K ")
    lonely = [comparison(name, "K", {("h", "eV"): 1.0}, {}, {}) for name in ("bain", "vacancy")]
    lines = static_in_words(pd.concat([*lonely, off], ignore_index=True))
    assert lines == [line, "bain, vacancy: nothing to compare them with"]


def test_forces_are_compared_on_the_same_displaced_cells():
    asked = PROPERTIES["forces"]
    structures = asked.structures(FCC)
    assert [len(atoms) for atoms in structures] == [16, 16, 16]
    truth = evaluated(structures, pairs())
    half = MorsePotential(epsilon=DEPTH / 2, r0=DISTANCE, rho0=DECAY, rcut1=1.15, rcut2=1.35)
    errors = asked.errors(evaluated(structures, half), truth)
    sizes = asked.values(FCC, truth)
    assert list(errors.values()) == pytest.approx([size / 2 for size in sizes.values()])
    assert np.all(np.diff(list(sizes.values())) > 0)


@pytest.mark.parametrize("name", PROPERTIES)
def test_structures_of_one_kind_have_one_mesh_no_coarser_than_the_campaigns(name):
    elements = [
        {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3},
        {"symbol": "Na", "lattice": "fcc", "lattice_constant": 5.35},
    ]
    asked = structures_to_label(PROPERTIES[name], elements, 0.33)
    of_all = subjects(PROPERTIES[name], elements)
    number = sum(len(PROPERTIES[name].structures(subject)) for subject in of_all)
    assert len(asked) == number
    meshes: dict[tuple, set] = {}
    for atoms in asked:
        spacing = atoms.info["k_spacing"]
        assert 0.33 / 2 < spacing <= 0.33
        cell = canonical_form(atoms).atoms().cell.array
        if "mesh" in atoms.info:
            kind = atoms.info["element"], atoms.info["mesh"]
            meshes.setdefault(kind, set()).add(tuple(sorted(k_mesh(cell, spacing))))
    assert all(len(found) == 1 for found in meshes.values())
    if name == "lattices":
        assert len(meshes) == 6


def test_symmetry_spares_pw_what_is_the_same_crystal():
    bcc = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
    numbers = {
        name: [
            len(atoms) for subject in subjects(asked, [bcc]) for atoms in asked.structures(subject)
        ]
        for name, asked in PROPERTIES.items()
    }
    assert numbers == {
        "lattices": 10 * [1] + 5 * [2],
        "bain": 7 * [1],
        "elastic": 3 * [1],
        "phonons": [16],
        "vacancy": [16, 15],
        "surfaces": [6, 6, 5, 5, 10, 10],
        "forces": [16, 16, 16],
        # Of an alloy of one element there is no more.
        "compounds": 5 * [1],
    }


def test_what_docs_call_cheap_costs_less_than_five_labels_of_two_atoms():
    bcc = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
    settings = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["dft"]
    settings["conv_thr"] = 1e-8

    def cost(atoms: Atoms, spacing: float) -> float:
        atoms = canonical_form(atoms).atoms()
        own = settings | {"k_spacing": spacing}
        return expected_cost(atoms, crystal_calculation(atoms, own, {"K": "of the deck"}))

    disordered = crystal(bcc, "conventional", (1, 1, 1))
    disordered.set_cell(disordered.cell.array + 0.1 * np.tri(3, k=-1), scale_atoms=True)
    disordered.rattle(0.2, seed=1)
    cheap = [
        cost(atoms, atoms.info["k_spacing"])
        for name in ("lattices", "bain", "elastic")
        for atoms in structures_to_label(PROPERTIES[name], [bcc], settings["k_spacing"])
    ]
    assert sum(cheap) < 5 * cost(disordered, settings["k_spacing"])


def test_the_campaigns_spacing_stays_where_it_will_do():
    cells = [bulk("K", "bcc", a=edge) for edge in (5.29, 5.3, 5.31)]
    assert common_spacing(cells, 0.33) == 0.33
    assert common_spacing([], 0.33) == 0.33


def test_a_label_that_failed_leaves_the_property_without_pw(tmp_path):
    structures = [bulk("K", "bcc", a=5.3), bulk("Na", "bcc", a=4.2)]
    for atoms in structures:
        atoms.info["element"] = str(atoms.symbols[0])
    reports = 2 * [{"fate": Fate.NOT_CONVERGED}]
    chosen, labelled = labelled_structures("Na", structures, reports, tmp_path, [])
    assert chosen == structures[1:]
    assert labelled == []
