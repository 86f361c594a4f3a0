"""The convergence study: what it tries, how it counts errors, and a small one with real pw.x."""

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from smallcell.convergence import (
    REFERENCE,
    cheapest,
    combined_points,
    convergence_structures,
    convergence_table,
    points,
    within,
)

POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
SODIUM = {"symbol": "Na", "lattice": "bcc", "lattice_constant": 4.2}
LISTS = {
    "ecutwfc": [30, 40, 60],
    "ecutrho": [120, 240, 400],
    "smearing": ["marzari-vanderbilt", "gaussian"],
    "degauss": [0.01, 0.03],
    "k_spacing": [0.15, 0.3],
}
TOLERANCES = {"energy": 1, "force": 10, "pressure": 0.05}


def test_structures_are_those_of_the_system_and_of_the_seed():
    structures = convergence_structures([POTASSIUM, SODIUM], 8, seed=1)
    assert [atoms.get_chemical_formula() for atoms in structures[:2]] == ["K", "Na"]
    assert sorted({len(atoms) for atoms in structures}) == [1, 2, 4, 8]
    mixed = structures[-1]
    assert mixed.info["structure"] == "mixed"
    assert mixed.get_chemical_formula() == "KNa"
    assert np.abs(mixed.get_scaled_positions()[0]).max() > 0
    again, other = (convergence_structures([POTASSIUM, SODIUM], 8, seed) for seed in (1, 2))
    assert all(
        np.array_equal(a.positions, b.positions) for a, b in zip(structures, again, strict=True)
    )
    assert not np.allclose(mixed.positions, other[-1].positions)
    assert max(len(atoms) for atoms in convergence_structures([POTASSIUM], 1, seed=1)) == 1


def test_one_key_at_a_time_is_coarser_than_the_reference():
    found = points(LISTS)
    reference = found.pop(REFERENCE)
    assert reference == {
        "ecutwfc": 60,
        "ecutrho": 400,
        "smearing": "marzari-vanderbilt",
        "degauss": 0.01,
        "k_spacing": 0.15,
    }
    for name, settings in found.items():
        changed = {key for key in settings if settings[key] != reference[key]}
        assert (
            changed <= {"smearing", "degauss"}
            or changed <= {"ecutwfc", "ecutrho"}
            or (changed == {"k_spacing"})
        ), name
        assert settings["ecutrho"] >= 4 * settings["ecutwfc"]
    assert len(found) == 2 + 2 + 3 + 1
    assert found["ecutrho-120"]["ecutwfc"] == 30


def labelled(symbols: str, energy: float, force: float = 0.0, pressure: float = 0.0) -> Atoms:
    """A structure with a label of these numbers (eV, eV/A, GPa)."""
    atoms = Atoms(
        symbols, positions=np.arange(3 * len(Atoms(symbols))).reshape(-1, 3), cell=[9] * 3
    )
    forces = np.zeros((len(atoms), 3))
    forces[0, 0] = force
    stress = -pressure * GPa * np.array([1, 1, 1, 0, 0, 0])
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
    return atoms


def test_an_energy_that_all_atoms_of_an_element_share_is_no_error():
    settings = {name: points(LISTS)[REFERENCE] for name in (REFERENCE, "shifted", "off", "failed")}
    labels = {
        REFERENCE: [labelled("K", -10), labelled("Na", -20), labelled("KNa", -31, 0.1, 1)],
        "shifted": [labelled("K", -12), labelled("Na", -27), labelled("KNa", -40, 0.1, 1)],
        "off": [labelled("K", -12), labelled("Na", -27), labelled("KNa", -40.004, 0.13, 1.5)],
        "failed": [labelled("K", -12), labelled("Na", -27), None],
    }
    seconds = {REFERENCE: 40.0, "shifted": 20.0, "off": 10.0, "failed": 1.0}
    table = convergence_table(settings, labels, seconds).set_index("point")
    errors = table.filter(like="error")
    assert errors.loc[REFERENCE].tolist() == [0, 0, 0]
    assert errors.loc["shifted"].to_numpy() == pytest.approx([0, 0, 0], abs=1e-9)
    assert errors.loc["off"].to_numpy() == pytest.approx([2, 30, 0.5])
    assert errors.loc["failed"].isna().all()
    assert within(table, TOLERANCES).tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="failed at the finest settings"):
        convergence_table(settings, labels | {REFERENCE: labels["failed"]}, seconds)


def test_the_coarsest_of_each_key_are_tried_together_and_the_cheapest_good_one_is_chosen():
    settings = points(LISTS)
    table = pd.DataFrame([{"point": name, **values} for name, values in settings.items()])
    table["energy error meV/atom"] = 0.1
    table["force error meV/A"] = 1.0
    table["pressure error GPa"] = 0.01
    table["core-seconds"] = 100.0
    table.loc[table["point"] == "ecutwfc-30", "force error meV/A"] = 6.0
    table.loc[table["point"] == "degauss-gaussian-0.03", "energy error meV/atom"] = np.nan
    table.loc[table["point"] == "ecutrho-120", "pressure error GPa"] = 0.03
    together = combined_points(table, LISTS | TOLERANCES)
    chosen = {
        "ecutwfc": 40,
        "ecutrho": 240,
        "smearing": "marzari-vanderbilt",
        "degauss": 0.03,
    }
    assert list(together.values()) == [chosen | {"k_spacing": k} for k in (0.15, 0.3)]
    tried = pd.DataFrame([{"point": name, **values} for name, values in together.items()])
    tried["energy error meV/atom"] = [0.5, 1.5]
    tried["force error meV/A"] = 1.0
    tried["pressure error GPa"] = 0.01
    tried["core-seconds"] = [50.0, 10.0]
    whole = pd.concat([table, tried], ignore_index=True)
    assert cheapest(whole, TOLERANCES)["point"] == "combined-0.15"
    assert cheapest(whole, TOLERANCES | {"energy": 2})["point"] == "combined-0.3"
    assert cheapest(whole, TOLERANCES | {"energy": 0.2})["point"] == REFERENCE
