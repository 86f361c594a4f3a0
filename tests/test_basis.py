"""The generated bases against MLIP's tables, motep's contractions and their symmetry."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smallcell.basis import Basis, generate_basis

# alpha_moments_count and alpha_scalar_moments of MLIP's potentials: levels 8, 12, 16 and 18 as in
# published files, the others as tabulated in the sources of AI2POT, which reads such files.
MLIP_COUNTS = {
    2: (1, 1),
    4: (2, 2),
    6: (8, 5),
    8: (18, 9),
    10: (41, 16),
    12: (84, 29),
    14: (174, 52),
    16: (350, 92),
    18: (718, 163),
    20: (1352, 288),
    22: (2621, 500),
    24: (4991, 864),
    26: (9396, 1464),
    28: (17366, 2445),
}
# Hashes of alpha_index_basic, alpha_index_times and alpha_moment_mapping in potentials that were
# published with arXiv 2504.07293 and fitted by MLIP-3.
MLIP_TABLES = {
    8: "c739f69827a6869eddbccfb8b8d31f9eb32050a738c7392fa31d5e5d1259c66a",
    12: "64cba9e1d4ff4e3b506fbea078f29541ada15994741dd6a23fdf064d6438ae60",
    16: "7ffd92b5daa2c10e1fab8145b368f6d13b5034d3e0f8f4b04e73dab902eb11cb",
    18: "b907c1d9f91585a9005a99681afa8216742c3a9e0b4d2ba217828cd155cece36",
}


def radial_values(n_neighbours: int, n_functions: int, seed: int = 1) -> np.ndarray:
    """Return arbitrary values of the radial functions (rows) for each neighbour."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, (n_functions, n_neighbours))


def directions(n_neighbours: int, seed: int = 0) -> np.ndarray:
    """Return random unit vectors."""
    vectors = np.random.default_rng(seed).normal(size=(n_neighbours, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def scalar_values(basis: Basis, radial: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Evaluate the scalars of one neighbourhood from the tables."""
    moments = np.zeros(basis.n_moments)
    powers = np.prod(units[:, None, :] ** basis.basic[None, :, 1:], axis=2)
    moments[: len(basis.basic)] = np.einsum("bn,nb->b", radial[basis.basic[:, 0]], powers)
    for left, right, factor, target in basis.products:
        moments[target] += factor * moments[left] * moments[right]
    return moments[basis.scalars]


@pytest.mark.parametrize("level", MLIP_COUNTS)
def test_as_many_moments_and_scalars_as_mlip(level):
    basis = generate_basis(level)
    assert (basis.n_moments, len(basis.scalars)) == MLIP_COUNTS[level]
    assert basis.n_radial_functions == basis.basic[:, 0].max() + 1 == min((level + 2) // 4, 6)


@pytest.mark.parametrize("level", MLIP_TABLES)
def test_tables_are_those_of_mlip(level):
    basis = generate_basis(level)
    tables = [table.tolist() for table in (basis.basic, basis.products, basis.scalars)]
    assert hashlib.sha256(json.dumps(tables).encode()).hexdigest() == MLIP_TABLES[level]


@pytest.mark.parametrize("level", [6, 12, 20])
def test_every_product_is_complete_before_it_is_used(level):
    basis = generate_basis(level)
    targets = basis.products[:, 3]
    assert (np.diff(targets) >= 0).all()
    assert (basis.products[:, :2].max(axis=1) < targets).all()
    assert set(targets) == set(range(len(basis.basic), basis.n_moments))


@pytest.mark.parametrize("level", [8, 16, 20])
def test_scalars_do_not_change_on_rotation_and_reflection(level):
    basis = generate_basis(level)
    units = directions(7)
    radial = radial_values(7, basis.n_radial_functions)
    rotation = Rotation.random(random_state=3).as_matrix()
    expected = scalar_values(basis, radial, units)
    for transformation in (rotation, -rotation):
        found = scalar_values(basis, radial, units @ transformation)
        # Sums of up to 1e3 terms that may cancel: rounding of the largest scalar.
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * abs(expected).max())


def test_scalars_of_a_low_level_are_linearly_independent():
    basis = generate_basis(12)
    values = []
    for seed in range(60):
        radial = radial_values(9, basis.n_radial_functions, seed)
        values.append(scalar_values(basis, radial, directions(9, seed)))
    values = np.array(values) / np.linalg.norm(values, axis=0)
    assert np.linalg.matrix_rank(values, tol=1e-9) == len(basis.scalars)


@pytest.mark.parametrize("level", [2, 6, 8, 12, 16, 20])
def test_scalars_are_the_contractions_that_motep_enumerates(level):
    name = f"jax/precomputed_moments/moments_level{level}.json"
    contractions = json.loads(files("motep.potentials.mtp").joinpath(name).read_text())
    basis = generate_basis(level)
    units = directions(6)
    radial = radial_values(6, basis.n_radial_functions)

    def value(contraction):
        left, right, *rest = contraction
        if not isinstance(left, list):
            outer = radial[left]
            for _ in range(right):
                outer = outer[..., None, :] * units.T
            return outer.sum(axis=-1)
        return np.tensordot(value(left), value(right), axes=rest[1])

    expected = np.sort([float(value(contraction)) for contraction in contractions])
    found = np.sort(scalar_values(basis, radial, units))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("level", [-2, 0, 7, 30, "8"])
def test_a_level_that_does_not_exist_is_refused(level):
    with pytest.raises(ValueError, match=f"level {level}: .* even numbers from 2 to 28"):
        generate_basis(level)
