"""Potential files: round trips, motep as the other reader, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from motep.calculator import make_calculator
from motep.io.mlip.mtp import read_mtp

from smallcell.basis import generate_basis
from smallcell.potential import Potential, read_potential, read_potential_of, write_potential


@pytest.fixture
def potential() -> Potential:
    """Return a potential of two species with arbitrary coefficients and active set."""
    generator = np.random.default_rng(5)
    basis = generate_basis(8)
    radial = generator.normal(size=(2, 2, basis.n_radial_functions, 4))
    n_parameters = radial.size + 2 + len(basis.scalars)
    return Potential(
        species=("Na", "K"),
        basis=basis,
        closest=generator.uniform(2.0, 2.5),
        cutoff=7.0,
        radial=radial,
        shifts=generator.normal(size=2),
        linear=generator.normal(size=len(basis.scalars)),
        active_set=generator.normal(size=(n_parameters, n_parameters)),
    )


@pytest.fixture
def structure() -> Atoms:
    """Return a distorted cell of both species."""
    atoms = bulk("K", "bcc", a=5.0, cubic=True).repeat((1, 1, 2))
    atoms.symbols[[0, 3]] = "Na"
    atoms.rattle(0.2, seed=2)
    return atoms


def rescaled(content: bytes, scaling: float, n_radial: int, n_parameters: int) -> bytes:
    """Return an .almtp file with another scaling, and coefficients and rows that belong to it."""
    text, mark, selection = content.partition(b"#MVS")

    def divided(match: re.Match) -> bytes:
        numbers = [float(word) / scaling for word in match[1].split(b", ")]
        return b"\t\t\t{" + ", ".join(f"{number:.16e}" for number in numbers).encode() + b"}\n"

    text = re.sub(rb"\t\t\t\{(.*)\}\n", divided, text)
    text = re.sub(rb"scaling = .*", f"scaling = {scaling:.15e}".encode(), text)
    header, _, binary = selection.partition(b"\n#")
    size = 2 * 8 * n_parameters**2
    rows, inverse = np.frombuffer(binary[:size]).reshape(2, n_parameters, -1).copy()
    rows[:, :n_radial] *= scaling
    # Which is stored column by column.
    inverse[:, :n_radial] /= scaling
    return text + mark + header + b"\n#" + rows.tobytes() + inverse.tobytes() + binary[size:]


def motep_row(path, structure: Atoms) -> np.ndarray:
    """Return motep's derivatives of the energy with respect to the coefficients in a file."""
    data = read_mtp(path)
    data.species = [11, 19]
    atoms = structure.copy()
    atoms.calc = make_calculator(data, mode="train")
    atoms.get_potential_energy()
    jacobian = atoms.calc.engine.jac_energy(atoms)
    parts = (jacobian.radial_coeffs, jacobian.species_coeffs, jacobian.moment_coeffs)
    return np.concatenate([np.ravel(part) for part in parts])


def assert_same(found: Potential, expected: Potential) -> None:
    """Compare two potentials to the bit."""
    for name in ("radial", "shifts", "linear", "active_set"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("basic", "products", "scalars", "level"):
        np.testing.assert_array_equal(getattr(found.basis, name), getattr(expected.basis, name))
    for name in ("species", "closest", "cutoff", "grade_mode"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("grade_mode", ["configuration", "neighbourhood"])
def test_almtp_comes_back_to_the_bit(tmp_path, potential, grade_mode):
    potential = replace(potential, grade_mode=grade_mode)
    write_potential(tmp_path / "a.almtp", potential)
    assert_same(read_potential(tmp_path / "a.almtp"), potential)


@pytest.mark.parametrize("level", [2, 12])
def test_mtp_comes_back_without_an_active_set(tmp_path, potential, level):
    basis = generate_basis(level)
    generator = np.random.default_rng(level)
    potential = replace(
        potential,
        basis=basis,
        radial=generator.normal(size=(2, 2, basis.n_radial_functions, 8)),
        linear=generator.normal(size=len(basis.scalars)),
    )
    write_potential(tmp_path / "a.mtp", potential)
    assert_same(read_potential(tmp_path / "a.mtp"), replace(potential, active_set=None))


def test_almtp_holds_what_mlip_holds_in_this_order(tmp_path, potential):
    write_potential(tmp_path / "a.almtp", potential)
    text, _, selection = (tmp_path / "a.almtp").read_bytes().partition(b"#MVS_v1.1\n")
    assert re.findall(r"^\t*(\S+)(?: =|\n)", text.decode(), re.M) == [
        *("MTP", "version", "potential_name", "scaling", "species_count", "potential_tag"),
        *("radial_basis_type", "min_dist", "max_dist", "radial_basis_size", "radial_funcs_count"),
        *("radial_coeffs", "0-0", "0-1", "1-0", "1-1"),
        *("alpha_moments_count", "alpha_index_basic_count", "alpha_index_basic"),
        *("alpha_index_times_count", "alpha_index_times", "alpha_scalar_moments"),
        *("alpha_moment_mapping", "species_coeffs", "moment_coeffs"),
    ]
    header = (
        b"energy_weight 1.0000000000000000e+00\nforce_weight 0.0000000000000000e+00\n"
        b"stress_weight 0.0000000000000000e+00\nsite_en_weight 0.0000000000000000e+00\n"
        b"weight_scaling 2\n#"
    )
    assert selection.startswith(header)
    size = potential.n_parameters
    matrices = np.frombuffer(selection[len(header) :][: 16 * size**2]).reshape(2, size, size)
    np.testing.assert_array_equal(matrices[0], potential.active_set)
    # MLIP multiplies a row by rows of the stored inverse: it is the transpose.
    error = np.finfo(float).eps * size * np.linalg.cond(potential.active_set)
    np.testing.assert_allclose(matrices[0] @ matrices[1].T, np.eye(size), atol=10 * error)
    assert selection[len(header) + 16 * size**2 :] == b"\n#\n" + size * b"-1 -1\n" + b"#\n"


def test_motep_reads_the_same_coefficients(tmp_path, potential):
    write_potential(tmp_path / "a.mtp", potential)
    data = read_mtp(tmp_path / "a.mtp")
    assert data.scaling == 1.0
    np.testing.assert_array_equal(data.radial_coeffs, potential.radial)
    np.testing.assert_array_equal(data.species_coeffs, potential.shifts)
    np.testing.assert_array_equal(data.moment_coeffs, potential.linear)
    np.testing.assert_array_equal(data.alpha_index_times, potential.basis.products)


def test_scaling_is_multiplied_in_without_a_change_of_energies_or_grades(
    tmp_path, potential, structure
):
    write_potential(tmp_path / "plain.almtp", potential)
    content = (tmp_path / "plain.almtp").read_bytes()
    content = rescaled(content, 0.25, potential.radial.size, potential.n_parameters)
    (tmp_path / "scaled.almtp").write_bytes(content)
    found = read_potential(tmp_path / "scaled.almtp")
    assert_same(found, potential)

    # The rows in the scaled file belong to the coefficients in it: grades by either are equal.
    (tmp_path / "scaled.mtp").write_bytes(content.partition(b"#MVS")[0])
    write_potential(tmp_path / "plain.mtp", found)
    row_scaled = motep_row(tmp_path / "scaled.mtp", structure)
    row_plain = motep_row(tmp_path / "plain.mtp", structure)
    rows_scaled = potential.active_set.copy()
    rows_scaled[:, : potential.radial.size] *= 0.25
    expected = np.linalg.solve(rows_scaled.T, row_scaled)
    grades = np.linalg.solve(found.active_set.T, row_plain)
    np.testing.assert_allclose(grades, expected, atol=1e-9 * abs(expected).max())


def test_species_are_given_where_the_tag_has_none(tmp_path, potential):
    path = tmp_path / "a.mtp"
    write_potential(path, potential)
    path.write_text(path.read_text().replace("potential_tag = Na K", "potential_tag = "))
    with pytest.raises(ValueError, match="does not tell the species; name the 2"):
        read_potential(path)
    with pytest.raises(ValueError, match="has 2 species, but 1 are named: K"):
        read_potential(path, ("K",))
    assert read_potential(path, ("Na", "K")).species == ("Na", "K")


def test_other_species_than_expected_are_refused(tmp_path, potential):
    write_potential(tmp_path / "a.mtp", potential)
    with pytest.raises(ValueError, match="one of Na K in this order, expected K Na"):
        read_potential(tmp_path / "a.mtp", ("K", "Na"))


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"^MTP", "MTPX", r"line 1: found MTPX, expected the line MTP"),
        (r"version", "garbage\nversion", r"line 2: found 'garbage', expected a line 'key = value'"),
        (r"RBChebyshev", "RBTaylor", r"line 7: found radial_basis_type = RBTaylor"),
        (r"\tmax_dist.*\n", "", r"no line 'max_dist = ...'"),
        (r"max_dist = .*", "max_dist = 1.0", r"expected 0 <= min_dist < max_dist"),
        (r"max_dist = .*", "max_dist = nan", r"line 9: found max_dist .*not finite"),
        (r"species_count = 2", "species_count = two", r"line 5: found species_count: .*'two'"),
        (r"\t\t0-1\n.*\n", "\t\t0-1\n", r"found 1 rows .* pair 0-1, expected 2"),
        (
            r"basis_size = 4",
            "basis_size = 5",
            r"line 14: found 4 numbers in radial_coeffs, expected 5",
        ),
        (r"funcs_count = 2", "funcs_count = 1", r"found 2 rows .* pair 0-0, expected 1"),
        (r"\{0, 0, 1, 11\}", "{0, 0, 1, 99}", r"line 29: found the product {0, 0, 1, 99}"),
        (r"\{0, 0, 1, 11\}", "{0, 17, 1, 11}", r"line 29: found the product {0, 17, 1, 11}"),
        (r"\{0, 0, 1, 11\}", "{0, -1, 1, 11}", r"line 29: found -1 in alpha_index_times"),
        (r"moments_count = 18", "moments_count = 19", r"line 25: found alpha_moments_count = 19"),
        (r"mapping = \{0, ", "mapping = {77, ", r"line 31: found the moment 77"),
        (r"\{1, 0, 0, 0\}", "{2, 0, 0, 0}", r"radial_funcs_count is 2, but .* needs 3"),
        (
            r"species_coeffs = \{",
            "species_coeffs = {1.0, ",
            r"line 32: found 3 numbers .* expected 2",
        ),
    ],
)
def test_a_malformed_text_is_refused_by_line(tmp_path, potential, pattern, replacement, message):
    path = tmp_path / "a.mtp"
    write_potential(path, potential)
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.M)
    assert count == 1
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}.*{message}"):
        read_potential(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"\nenergy_weight 1", b"\nenergy_weight 5", "found an active set of .*5.0"),
        (b"\nweight_scaling 2", b"\nweight_scaling 1", "weight_scaling = 1"),
        (b"\nforce_weight", b"\nfarce_weight", "weights of the selection cannot be read"),
        (b"\n-1 -1\n#\n", b"", None),
        (b"\n#\n-1 -1", b"", "bytes after the weights of the selection"),
    ],
)
def test_a_malformed_selection_is_refused(tmp_path, potential, old, new, message):
    path = tmp_path / "a.almtp"
    write_potential(path, potential)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    if message is None:
        assert_same(read_potential(path), potential)
    else:
        with pytest.raises(ValueError, match=f"{re.escape(str(path))}.*{message}"):
            read_potential(path)


def test_what_cannot_be_written_is_refused_and_leaves_the_old_file(tmp_path, potential):
    path = tmp_path / "a.almtp"
    write_potential(path, potential)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="the active set to be written has no inverse"):
        write_potential(path, replace(potential, active_set=0 * potential.active_set))
    with pytest.raises(
        ValueError, match="grade mode 'atom', expected one of configuration, neighb"
    ):
        write_potential(path, replace(potential, grade_mode="atom"))
    with pytest.raises(ValueError, match=r"ends in .mtp or .almtp"):
        write_potential(tmp_path / "a.pot", potential)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_of_a_file_from_elsewhere_the_tag_counts_and_else_the_order_of_elements(
    tmp_path, potential
):
    path = tmp_path / "a.mtp"
    write_potential(path, potential)
    assert read_potential_of(path, ["K", "Na"]).species == ("Na", "K")
    assert read_potential_of(path, ["K"]).species == ("Na", "K")
    with pytest.raises(ValueError, match="a.mtp: the potential is one of Na K and knows no Li"):
        read_potential_of(path, ["Li", "K"])
    path.write_text(path.read_text().replace("potential_tag = Na K", "potential_tag = "))
    assert read_potential_of(path, ["K", "Na"]).species == ("K", "Na")
    with pytest.raises(ValueError, match="has 2 species, but 1 are named: K"):
        read_potential_of(path, ["K"])
