"""A moment tensor potential and its files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from smallcell.basis import Basis
from smallcell.files import written_whole

SELECTION_MARK = b"#MVS_v1.1"
WEIGHT_NAMES = ("energy_weight", "force_weight", "stress_weight", "site_en_weight")
WEIGHTS_OF_GRADE_MODE = {
    "configuration": (1.0, 0.0, 0.0, 0.0),
    "neighbourhood": (0.0, 0.0, 0.0, 1.0),
}

INVERSE_TOLERANCE = 1e-3
"""Largest deviation of active set times inverse, on ones, from ones; as in the kernel.
Sets that MLIP-3 updated many times reach 1e-6, any mix-up exceeds 1."""


@dataclass(frozen=True)
class Potential:
    """A moment tensor potential.

    Attributes
    ----------
    species : tuple of str
        Chemical symbols in the order of the potential's types.
    basis : Basis
        Moments and products.
    closest : float
        Lower end of the radial basis, ``min_dist`` (A).
    cutoff : float
        Upper end of the radial basis, ``max_dist`` (A).
    radial : ndarray, shape (n_species, n_species, n_radial_functions, n_chebyshev)
        Radial coefficients (``scaling`` multiplied in, so that no scaling is left).
    shifts : ndarray, shape (n_species,)
        Energy of an atom without neighbours (eV): ``species_coeffs``.
    linear : ndarray, shape (n_scalars,)
        Coefficients of the scalar moments (eV): ``moment_coeffs``.
    active_set : ndarray, shape (n_parameters, n_parameters), or None
        Rows that span what the potential knows (see smallcell.selection); columns in the order
        radial, shifts, linear.
    grade_mode : {"configuration", "neighbourhood"}
        Whether a row of the active set is a configuration, divided by its number of atoms, or a
        neighbourhood.
    """

    species: tuple[str, ...]
    basis: Basis
    closest: float
    cutoff: float
    radial: np.ndarray
    shifts: np.ndarray
    linear: np.ndarray
    active_set: np.ndarray | None = None
    grade_mode: str = "configuration"

    @property
    def n_parameters(self) -> int:
        """Number of parameters: radial, shifts and linear."""
        return self.radial.size + self.shifts.size + self.linear.size


def read_potential(
    path: str | Path,
    species: tuple[str, ...] | None = None,
    untagged: tuple[str, ...] | None = None,
) -> Potential:
    """Read a trained potential from an ``.mtp`` or ``.almtp`` file of MLIP-2, MLIP-3 or ours.

    The file's ``scaling`` is multiplied into the radial coefficients, and the radial columns of the
    active set, which are derivatives with respect to those coefficients, are divided by it. Grades
    do not change by this.

    Parameters
    ----------
    path : str or Path
        The file; an active set is looked for in either kind.
    species : tuple of str, optional
        Chemical symbols of the types. Needed only if the file's ``potential_tag`` does not hold
        them, as in files that MLIP wrote.
    untagged : tuple of str, optional
        The same of a file that may be anybody's: a tag that holds others stands.

    Returns
    -------
    Potential
        With an active set if there is one in the file.

    Raises
    ------
    ValueError
        If the file is malformed, the potential untrained, its species unknown or others than
        expected, or its active set of a kind that grades here do not have.
    """
    content = Path(path).read_bytes()
    text, mark, selection = content.partition(b"\n" + SELECTION_MARK)
    try:
        fields = _Fields(path, text.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not the text of a moment tensor potential: {error}") from None
    scaling = fields.number("scaling") if "scaling" in fields.values else 1.0
    n_species = fields.count("species_count")
    radial = _read_radial(fields, n_species)
    basis = _read_basis(fields)
    if basis.n_radial_functions > radial.shape[2]:
        raise ValueError(
            f"{path}: radial_funcs_count is {radial.shape[2]}, but alpha_index_basic needs "
            f"{basis.n_radial_functions} radial functions."
        )
    closest, cutoff = fields.number("min_dist"), fields.number("max_dist")
    if not 0 <= closest < cutoff:
        raise ValueError(
            f"{path}: found min_dist = {closest} and max_dist = {cutoff}, "
            "expected 0 <= min_dist < max_dist."
        )
    shifts = fields.numbers("species_coeffs", n_species)
    linear = fields.numbers("moment_coeffs", len(basis.scalars))
    active_set, grade_mode = None, "configuration"
    if mark:
        active_set, grade_mode = _read_selection(
            path, selection, radial.size + shifts.size + linear.size
        )
        active_set[:, : radial.size] /= scaling
    return Potential(
        species=_read_species(fields, n_species, species, untagged),
        basis=basis,
        closest=closest,
        cutoff=cutoff,
        radial=scaling * radial,
        shifts=shifts,
        linear=linear,
        active_set=active_set,
        grade_mode=grade_mode,
    )


def read_potential_of(path: str | Path, elements: Sequence[str]) -> Potential:
    """Read a potential that anybody may have trained, for a campaign's elements.

    Parameters
    ----------
    path : str or Path
    elements : sequence of str
        Also the species of the types, in this order, if the file does not tell them.

    Raises
    ------
    ValueError
        If the file is no potential (see `read_potential`) or lacks one of the elements; it may have
        more.
    """
    potential = read_potential(path, untagged=tuple(elements))
    if missing := [symbol for symbol in elements if symbol not in potential.species]:
        raise ValueError(
            f"{path}: the potential is one of {' '.join(potential.species)} and knows no "
            f"{' and no '.join(missing)}"
        )
    return potential


def write_potential(path: str | Path, potential: Potential) -> None:
    """Write a potential so that MLIP-3 and LAMMPS's pair styles for MLIP's files can read it.

    ``scaling`` is 1, ``potential_tag`` holds the species, and numbers have one digit more than in
    MLIP-3's own files, so that reading gives back the same bits. An ``.almtp`` file holds the
    active set and its inverse as well. MLIP-3 writes the configurations behind these rows after
    them; here every row is marked, as MLIP-3 marks its placeholders, as one without a configuration
    (``-1 -1``), and the list is empty. Grades need the matrices only.

    Parameters
    ----------
    path : str or Path
        The file, whose name ends in ``.mtp`` or ``.almtp``.
    potential : Potential
        What to write; without an active set, an ``.almtp`` file is the same as an ``.mtp`` file.

    Raises
    ------
    ValueError
        If the name has another ending, the grade mode is unknown or the active set is singular.
    """
    path = Path(path)
    if path.suffix not in (".mtp", ".almtp"):
        raise ValueError(f"{path}: a potential's file name ends in .mtp or .almtp.")
    if potential.grade_mode not in WEIGHTS_OF_GRADE_MODE:
        raise ValueError(
            f"{path}: the potential has the grade mode {potential.grade_mode!r}, "
            f"expected one of {', '.join(WEIGHTS_OF_GRADE_MODE)}."
        )
    content = potential_text(potential).encode()
    if path.suffix == ".almtp" and potential.active_set is not None:
        try:
            content += _selection(potential.active_set, potential.grade_mode)
        except np.linalg.LinAlgError:
            raise ValueError(f"{path}: the active set to be written has no inverse.") from None
    with written_whole(path) as part:
        part.write_bytes(content)


class _Fields:
    """The ``key = value`` lines of a potential and its radial coefficients, with line numbers."""

    def __init__(self, path: str | Path, text: str) -> None:
        self.path = path
        self.values: dict[str, tuple[int, str]] = {}
        self.radial: dict[tuple[int, int], list[tuple[int, str]]] = {}
        lines = [line.strip() for line in text.splitlines()]
        if lines[:1] != ["MTP"]:
            raise self.error(1, lines[0][:40] if lines else "an empty file", "the line MTP")
        rows = None
        for number, line in enumerate(lines[1:], start=2):
            key, equals, value = line.partition("=")
            if equals:
                self.values[key.strip()] = (number, value.strip())
            elif pair := re.fullmatch(r"(\d+)-(\d+)", line):
                rows = self.radial.setdefault((int(pair[1]), int(pair[2])), [])
            elif line.startswith("{") and rows is not None:
                rows.append((number, line))
            elif line not in ("", "radial_coeffs"):
                raise self.error(number, repr(line[:40]), "a line 'key = value'")

    def error(self, line: int, found: str, wanted: str) -> ValueError:
        """Describe what is wrong in a line."""
        return ValueError(f"{self.path}, line {line}: found {found}, expected {wanted}.")

    def value(self, key: str) -> tuple[int, str]:
        """Return the line number and the text of a value."""
        if key not in self.values:
            raise ValueError(f"{self.path}: there is no line '{key} = ...' in this potential.")
        return self.values[key]

    def number(self, key: str) -> float:
        """Return the one number of a value."""
        return float(self.numbers(key, 1)[0])

    def count(self, key: str) -> int:
        """Return a value that is a number of things."""
        return int(self.integers(key, 1)[0])

    def numbers(self, key: str, size: int) -> np.ndarray:
        """Return the numbers of a value, of which there are to be ``size``."""
        line, text = self.value(key)
        return self.parsed(line, key, text, size, float)

    def integers(self, key: str, size: int) -> np.ndarray:
        """Return the integers of a value, none negative, of which there are to be ``size``."""
        line, text = self.value(key)
        integers = self.parsed(line, key, text, size, int)
        if (integers < 0).any():
            raise self.error(line, f"{integers.min()} in {key}", "no negative number")
        return integers

    def parsed(self, line: int, name: str, text: str, size: int, kind: type) -> np.ndarray:
        """Return the ``size`` finite numbers of a kind that a text in braces holds."""
        if text.count("{") != text.count("}"):
            raise self.error(line, f"{name} that does not end", "as many } as {")
        words = re.sub(r"[{},]", " ", text).split()
        try:
            array = np.array([kind(word) for word in words], dtype=kind)
        except ValueError as error:
            raise self.error(line, f"{name}: {error}", f"{size} numbers") from None
        if len(array) != size:
            raise self.error(line, f"{len(array)} numbers in {name}", f"{size}")
        if not np.isfinite(array).all():
            raise self.error(line, f"{name} with a number that is not finite", "finite numbers")
        return array


def _read_radial(fields: _Fields, n_species: int) -> np.ndarray:
    """Return the radial coefficients as they stand in the file."""
    line, kind = fields.value("radial_basis_type")
    if kind != "RBChebyshev":
        raise fields.error(line, f"radial_basis_type = {kind}", "RBChebyshev")
    n_functions = fields.count("radial_funcs_count")
    n_chebyshev = fields.count("radial_basis_size")
    radial = []
    for i, j in np.ndindex(n_species, n_species):
        rows = fields.radial.get((i, j), [])
        if len(rows) != n_functions:
            raise ValueError(
                f"{fields.path}: found {len(rows)} rows of radial coefficients of the pair "
                f"{i}-{j}, expected {n_functions} (radial_funcs_count); an untrained potential "
                "has none."
            )
        radial += [
            fields.parsed(line, "radial_coeffs", text, n_chebyshev, float) for line, text in rows
        ]
    return np.reshape(radial, (n_species, n_species, n_functions, n_chebyshev))


def _read_basis(fields: _Fields) -> Basis:
    """Return the tables of the basis; its level is the highest of its scalars."""
    n_moments = fields.count("alpha_moments_count")
    n_basic = fields.count("alpha_index_basic_count")
    n_products = fields.count("alpha_index_times_count")
    n_scalars = fields.count("alpha_scalar_moments")
    basic = fields.integers("alpha_index_basic", 4 * n_basic).reshape(-1, 4)
    products = fields.integers("alpha_index_times", 4 * n_products).reshape(-1, 4)
    scalars = fields.integers("alpha_moment_mapping", n_scalars)
    levels = dict(enumerate(2 + 4 * basic[:, 0] + basic[:, 1:].sum(axis=1)))
    for left, right, factor, target in products.tolist():
        if left not in levels or right not in levels or not n_basic <= target < n_moments:
            raise fields.error(
                fields.value("alpha_index_times")[0],
                f"the product {{{left}, {right}, {factor}, {target}}}",
                f"factors that stand before it and a target from {n_basic} to {n_moments - 1}",
            )
        levels[target] = levels[left] + levels[right]
    if len(levels) != n_moments:
        raise fields.error(
            fields.value("alpha_moments_count")[0],
            f"alpha_moments_count = {n_moments}",
            f"{len(levels)}, the number of basic moments and products",
        )
    if scalars.max() >= n_moments:
        raise fields.error(
            fields.value("alpha_moment_mapping")[0],
            f"the moment {scalars.max()}",
            f"moments from 0 to {n_moments - 1}",
        )
    return Basis(int(max(levels[scalar] for scalar in scalars)), basic, products, scalars)


def _read_species(
    fields: _Fields,
    n_species: int,
    expected: tuple[str, ...] | None,
    untagged: tuple[str, ...] | None,
) -> tuple[str, ...]:
    """Return the species of the tag, or those expected or assumed if the tag holds none."""
    tag = tuple(fields.values.get("potential_tag", (0, ""))[1].split())
    tagged = bool(tag) and set(tag) <= set(chemical_symbols[1:])
    if tagged and expected is not None and tag != tuple(expected):
        raise ValueError(
            f"{fields.path}: the potential is one of {' '.join(tag)} in this order, "
            f"expected {' '.join(expected)}."
        )
    species = tag if tagged else expected or untagged
    if species is None:
        raise ValueError(
            f"{fields.path}: potential_tag = {' '.join(tag)!r} does not tell the species; "
            f"name the {n_species} in the order of the types."
        )
    if len(species) != n_species:
        raise ValueError(
            f"{fields.path}: the potential has {n_species} species, "
            f"but {len(species)} are named: {' '.join(species)}."
        )
    return tuple(species)


def _read_selection(path: str | Path, content: bytes, n_parameters: int) -> tuple[np.ndarray, str]:
    """Return the active set and its grade mode from what follows the mark of the selection."""
    header, _, binary = content.partition(b"\n#")
    words = dict(line.partition(" ")[::2] for line in header.decode(errors="replace").splitlines())
    try:
        weights = tuple(float(words[name]) for name in WEIGHT_NAMES)
        scaling = int(words["weight_scaling"])
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: the weights of the selection cannot be read ({error}), "
            f"expected numbers for {', '.join(WEIGHT_NAMES)} and weight_scaling."
        ) from None
    modes = [mode for mode, known in WEIGHTS_OF_GRADE_MODE.items() if known == weights]
    if not modes or scaling != 2:
        raise ValueError(
            f"{path}: found an active set of {', '.join(WEIGHT_NAMES)} = {weights} and "
            f"weight_scaling = {scaling}, expected one weight of 1, that of the energy or of the "
            "site energies, and a scaling of 2."
        )
    size = 8 * n_parameters**2
    if binary[2 * size : 2 * size + 2] != b"\n#":
        raise ValueError(
            f"{path}: found {len(binary)} bytes after the weights of the selection, expected "
            f"{2 * size}, an active set of {n_parameters} parameters and its inverse, and a line # "
            "behind them."
        )
    active_set, transposed_inverse = np.frombuffer(binary[: 2 * size], dtype="<f8").reshape(
        2, n_parameters, n_parameters
    )
    # Overflows and what is no number end up here too.
    with np.errstate(all="ignore"):
        deviation = np.abs(active_set @ transposed_inverse.sum(axis=0) - 1).max()
    if not deviation < INVERSE_TOLERANCE:
        raise ValueError(
            f"{path}: the two matrices of the active set are not inverse to each other: it is "
            "damaged, or not the one of this potential."
        )
    return active_set.copy(), modes[0]


def potential_text(potential: Potential) -> str:
    """Return the text of a potential, line by line as MLIP-3 writes it."""
    basis = potential.basis
    n_species, _, n_functions, n_chebyshev = potential.radial.shape
    lines = [
        "MTP",
        "version = 1.1.0",
        "potential_name = MTP1m",
        f"scaling = {1:.16e}",
        f"species_count = {n_species}",
        f"potential_tag = {' '.join(potential.species)}",
        "radial_basis_type = RBChebyshev",
        f"\tmin_dist = {potential.closest:.16e}",
        f"\tmax_dist = {potential.cutoff:.16e}",
        f"\tradial_basis_size = {n_chebyshev}",
        f"\tradial_funcs_count = {n_functions}",
        "\tradial_coeffs",
    ]
    for i, j in np.ndindex(n_species, n_species):
        lines.append(f"\t\t{i}-{j}")
        lines += [f"\t\t\t{_braced(row)}" for row in potential.radial[i, j]]
    lines += [
        f"alpha_moments_count = {basis.n_moments}",
        f"alpha_index_basic_count = {len(basis.basic)}",
        f"alpha_index_basic = {_braced_rows(basis.basic)}",
        f"alpha_index_times_count = {len(basis.products)}",
        f"alpha_index_times = {_braced_rows(basis.products)}",
        f"alpha_scalar_moments = {len(basis.scalars)}",
        f"alpha_moment_mapping = {_braced(basis.scalars)}",
        f"species_coeffs = {_braced(potential.shifts)}",
        f"moment_coeffs = {_braced(potential.linear)}",
    ]
    return "\n".join(lines) + "\n"


def _braced(numbers: np.ndarray) -> str:
    """Return numbers in braces; 17 significant digits tell any two doubles apart."""
    form = "d" if np.issubdtype(numbers.dtype, np.integer) else ".16e"
    return "{" + ", ".join(format(number, form) for number in numbers) + "}"


def _braced_rows(table: np.ndarray) -> str:
    return "{" + ", ".join(map(_braced, table)) + "}"


def _selection(active_set: np.ndarray, grade_mode: str) -> bytes:
    """Return the selection part of an ``.almtp`` file: weights, active set, inverse, no rows."""
    weights = zip(WEIGHT_NAMES, WEIGHTS_OF_GRADE_MODE[grade_mode], strict=True)
    header = [
        SELECTION_MARK.decode(),
        *(f"{name} {weight:.16e}" for name, weight in weights),
        "weight_scaling 2",
        "#",
    ]
    # MLIP stores the inverse column by column.
    matrices = (active_set, np.linalg.inv(active_set).T)
    binary = b"".join(np.ascontiguousarray(matrix, dtype="<f8").tobytes() for matrix in matrices)
    rows = b"\n#\n" + b"-1 -1\n" * len(active_set) + b"#\n"
    return "\n".join(header).encode() + binary + rows
