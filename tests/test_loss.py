"""The conventions of the loss against motep's own, and weights that make no sense."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from motep.io.mlip.mtp import read_mtp
from motep.loss import LossFunction, LossSetting
from random_potentials import labelled, random_potential, random_structures

from smallcell.errors import differences
from smallcell.loss import Weights, emphasised, labels, scales
from smallcell.potential import write_potential


@pytest.fixture(scope="module")
def potential():
    return random_potential(("K",), level=8, seed=8)


@pytest.fixture(scope="module")
def structures():
    return labelled(random_structures(("K",), 12, seed=2), random_potential(("K",), 8, seed=1))


def loss(potential, structures, weights):
    """Loss of a potential by the scales of its observables."""
    values = labels(labelled(structures, potential))
    found = zip(scales(structures, weights), values, labels(structures), strict=True)
    return sum(np.sum((scale * (value - label)) ** 2) for scale, value, label in found)


def test_convention_of_motep_is_that_of_motep(potential, structures, tmp_path):
    write_potential(tmp_path / "a.mtp", potential)
    data = read_mtp(tmp_path / "a.mtp")
    data.species = [19]
    setting = LossSetting(energy_weight=2.0, forces_weight=0.03, stress_weight=0.004)
    right = LossFunction(structures, data, setting)(data.parameters)
    weights = Weights(2.0, 0.03, 0.004, convention="motep")
    assert loss(potential, structures, weights) == pytest.approx(right, rel=1e-8)


def test_convention_of_mlip_is_the_documented_one(potential, structures):
    right = 0.0
    for atoms, one in zip(structures, differences(potential, structures), strict=True):
        energy, forces, stress = one
        n, volume = len(atoms), atoms.cell.volume
        right += 2 * n * energy[0] ** 2 + 0.03 * np.sum(forces**2)
        right += 0.004 * np.sum((volume * stress) ** 2) / n
    found = loss(potential, structures, Weights(2.0, 0.03, 0.004, "mlip"))
    assert found == pytest.approx(right / len(structures), rel=1e-8)


def test_larger_cells_count_for_more_from_convention_to_convention(structures):
    numbers = np.array([len(atoms) for atoms in structures])
    found = {
        convention: np.array(
            [np.sum(one**2) for one in scales(structures, Weights(1, 1, 1, convention))]
        )
        for convention in ("size", "mlip", "motep")
    }
    np.testing.assert_allclose(found["size"], numbers * found["mlip"])
    np.testing.assert_allclose(found["mlip"], numbers * found["motep"])


def test_large_forces_count_for_less_where_a_scale_is_given(structures):
    plain = scales(structures, Weights())
    scaled = scales(structures, Weights(force_scale=0.05))
    for atoms, before, after in zip(structures, plain, scaled, strict=True):
        share = (after[1:-6] / before[1:-6]).reshape(-1, 3) ** 2
        magnitudes = np.linalg.norm(atoms.get_forces(), axis=1)
        np.testing.assert_allclose(share, 1 / (1 + (magnitudes[:, None] / 0.05) ** 2 * [[1] * 3]))
        np.testing.assert_array_equal(after[[0, *range(-6, 0)]], before[[0, *range(-6, 0)]])


def test_a_convention_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="is mlp; it must be one of size, mlip, motep"):
        Weights(convention="mlp")


@pytest.mark.parametrize("weight", [0, -1, np.nan, np.inf])
def test_a_weight_that_is_not_positive_is_refused(structures, weight):
    heavy = structures[1].copy()
    heavy.calc = structures[1].calc
    heavy.info["weight"] = weight
    with pytest.raises(ValueError, match="configuration 1 K2 has weight .* must be positive"):
        scales([structures[0], heavy], Weights())


def crystal_of(symbols: str, energy: float) -> Atoms:
    atoms = bulk("NaK", "cesiumchloride", a=4.8)
    atoms.symbols = symbols
    atoms.calc = SinglePointCalculator(
        atoms, energy=2 * energy, forces=np.zeros((2, 3)), stress=np.zeros(6)
    )
    return atoms


def test_structures_of_high_energy_count_for_less():
    low, high = crystal_of("K2", -1.0), crystal_of("K2", -0.8)
    high.info["weight"] = 3.0
    found = emphasised([low, high], 0.1)
    assert [atoms.info["weight"] for atoms in found] == pytest.approx([1, 3 / 5])
    assert found[1].get_potential_energy() == high.get_potential_energy()
    assert "weight" not in low.info
    assert high.info["weight"] == 3.0


def test_an_alloy_is_measured_from_its_elements():
    structures = [crystal_of("K2", -1.0), crystal_of("Na2", -2.0)]
    structures += [crystal_of("NaK", -1.4), crystal_of("NaK", -1.6)]
    found = emphasised(structures, 0.1)
    # 0.1 eV above the mean of the two elements; what is below counts in full.
    assert [atoms.info["weight"] for atoms in found] == pytest.approx([1, 1, 1 / 2, 1])


def test_an_element_that_never_stands_alone_has_no_energy_to_measure_from():
    with pytest.raises(ValueError, match="needs structures of K alone"):
        emphasised([crystal_of("Na2", -2.0), crystal_of("NaK", -1.4)], 0.1)


def test_without_a_scale_all_count_alike():
    structures = [crystal_of("K2", -1.0), crystal_of("K2", -0.8)]
    assert emphasised(structures, None) == structures
