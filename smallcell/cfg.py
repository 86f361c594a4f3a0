"""Labelled structures in MLIP's text format, ``.cfg``."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.files import written_whole

POSITIONS = ("cartes_x", "cartes_y", "cartes_z")
FRACTIONS = ("direct_x", "direct_y", "direct_z")
FORCES = ("fx", "fy", "fz")
STRESSES = ("xx", "yy", "zz", "yz", "xz", "xy")


def read_cfg(path: str | Path, species: Sequence[str]) -> list[Atoms]:
    """Read all structures of a ``.cfg`` file.

    Parameters
    ----------
    path : str or Path
        The file.
    species : sequence of str
        Chemical symbols of the types 0, 1, ...

    Returns
    -------
    list of Atoms
        With the labels that the file has in a SinglePointCalculator (energy in eV, forces in eV/A,
        stress in eV/A^3, which is -1/volume of the file's PlusStress), or no calculator if it has
        none. Features are in ``info``, further columns of the atoms in ``arrays``. Without a
        Supercell a structure is not periodic.

    Raises
    ------
    ValueError
        If the file is malformed or cut off, or a type has no species.
    """
    lines = _Lines(path)
    return [_read_structure(lines, tuple(species)) for _ in lines.configurations()]


def write_cfg(path: str | Path, structures: Iterable[Atoms], species: Sequence[str]) -> None:
    """Write structures with their labels to a ``.cfg`` file.

    Numbers are the shortest plain decimals that read back as the same doubles (the stress, for the
    volume in it, up to rounding): not every reader of the format knows scientific notation.

    Parameters
    ----------
    path : str or Path
        The file.
    structures : iterable of Atoms
        Periodic in all directions or in none. Energy, forces and stress are written as far as
        the calculator has them for the structure as it is; of ``info``, what is a number or one
        line of text becomes a feature.
    species : sequence of str
        Chemical symbols of the types 0, 1, ...

    Raises
    ------
    ValueError
        If a structure has another element, or is periodic in some directions only.
    """
    blocks = []
    for number, atoms in enumerate(structures):
        try:
            blocks.append(_block(atoms, tuple(species)))
        except ValueError as error:
            raise ValueError(f"{path}: structure {number}: {error}") from None
    with written_whole(path) as part:
        part.write_text("".join(blocks))


class _Lines:
    """The lines of a file that are not empty, with their numbers for messages."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        try:
            text = Path(path).read_text()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not the text of a .cfg file: {error}") from None
        numbered = enumerate(text.splitlines(), start=1)
        self.lines = iter([(number, line.strip()) for number, line in numbered if line.strip()])
        self.number = 0
        self.begin = 0

    def configurations(self) -> Iterator[None]:
        """Stop behind each BEGIN_CFG in turn."""
        for number, line in self.lines:
            self.number = self.begin = number
            if line != "BEGIN_CFG":
                raise self.error(repr(line[:40]), "BEGIN_CFG")
            yield

    def next(self) -> str:
        """Return the next line of a configuration, which has to have one."""
        self.number, line = next(self.lines, (self.number, "BEGIN_CFG"))
        if line != "BEGIN_CFG":
            return line
        raise self.error(
            f"no END_CFG to the BEGIN_CFG of line {self.begin}", "a file that is not cut off"
        )

    def numbers(self, size: int) -> list[float]:
        """Return the ``size`` finite numbers of the next line."""
        line = self.next()
        try:
            numbers = [float(word) for word in line.split()]
        except ValueError:
            numbers = []
        if len(numbers) != size or not np.isfinite(numbers).all():
            raise self.error(repr(line[:80]), f"{size} finite numbers")
        return numbers

    def error(self, found: str, wanted: str) -> ValueError:
        """Describe what is wrong in the line read last."""
        return ValueError(f"{self.path}, line {self.number}: found {found}, expected {wanted}.")


def _read_structure(lines: _Lines, species: tuple[str, ...]) -> Atoms:
    """Read one structure, up to its END_CFG."""
    size, cell, energy, stresses, features = None, None, None, None, {}
    columns: dict[str, np.ndarray] = {}
    while (line := lines.next()) != "END_CFG":
        key, *words = line.split()
        if key == "Size":
            size = _read_size(lines)
        elif key in ("Supercell", "SuperCell"):
            cell = [lines.numbers(3) for _ in range(3)]
        elif key == "AtomData:":
            if size is None:
                raise lines.error("AtomData", "Size before it")
            rows = np.array([_read_atom(lines, words, species) for _ in range(size)])
            columns = dict(zip(words, rows.T, strict=True))
        elif key == "Energy":
            energy = lines.numbers(1)[0]
        elif key == "PlusStress:":
            if sorted(words) != sorted(STRESSES):
                raise lines.error(repr(line), f"the components {' '.join(STRESSES)}")
            values = dict(zip(words, lines.numbers(len(STRESSES)), strict=True))
            stresses = np.array([values[name] for name in STRESSES])
        elif key == "Feature" and words:
            features[words[0]] = _feature(line.split(maxsplit=2)[2] if words[1:] else "")
        else:
            raise lines.error(
                repr(line[:40]),
                "Size, Supercell, AtomData:, Energy, PlusStress:, Feature or END_CFG",
            )
    coordinates = _stacked(columns, POSITIONS)
    fractions = _stacked(columns, FRACTIONS)
    if coordinates is None and (fractions is None or cell is None):
        raise lines.error(
            f"a configuration with the atom columns {' '.join(columns) or '(none)'}",
            f"{' '.join(POSITIONS)}, or {' '.join(FRACTIONS)} and a Supercell",
        )
    if stresses is not None and cell is None:
        raise lines.error("a PlusStress without a Supercell", "both or neither")
    atoms = Atoms(
        symbols=[species[int(index)] for index in columns.pop("type")],
        positions=coordinates,
        scaled_positions=fractions if coordinates is None else None,
        cell=cell,
        pbc=cell is not None,
        info=features,
    )
    labels = {
        "energy": energy,
        "forces": _stacked(columns, FORCES),
        "stress": None if stresses is None else -stresses / atoms.get_volume(),
    }
    if any(label is not None for label in labels.values()):
        atoms.calc = SinglePointCalculator(atoms, **labels)
    for name, column in columns.items():
        if name not in ("id", *POSITIONS, *FRACTIONS, *FORCES):
            atoms.set_array(name, column)
    return atoms


def _read_size(lines: _Lines) -> int:
    line = lines.next()
    if not line.isdecimal() or int(line) == 0:
        raise lines.error(repr(line[:40]), "the number of atoms")
    return int(line)


def _read_atom(lines: _Lines, columns: list[str], species: tuple[str, ...]) -> list[float]:
    """Read the line of an atom and check its type."""
    if "type" not in columns:
        raise lines.error(f"the atom columns {' '.join(columns)}", "a column 'type' among them")
    atom = lines.numbers(len(columns))
    kind = atom[columns.index("type")]
    if kind not in range(len(species)):
        raise lines.error(
            f"an atom of type {kind:g}", f"a type from 0 to {len(species) - 1}: {' '.join(species)}"
        )
    return atom


def _stacked(columns: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    """Return three columns as an array of vectors, or None if they are not there."""
    if not set(names) <= set(columns):
        return None
    return np.stack([columns[name] for name in names], axis=1)


def _feature(text: str) -> int | float | str:
    """Return the value of a feature as what it looks like."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _block(atoms: Atoms, species: tuple[str, ...]) -> str:
    """Return the text of one structure."""
    unknown = sorted(set(atoms.symbols) - set(species))
    if unknown:
        raise ValueError(f"found {' '.join(unknown)}, expected only {' '.join(species)}.")
    if atoms.pbc.any() != atoms.pbc.all():
        raise ValueError(f"found pbc = {atoms.pbc.tolist()}, expected all or none.")
    energy, forces, stress = (_label(atoms, name) for name in ("energy", "forces", "stress"))
    lines = ["BEGIN_CFG", " Size", f"    {len(atoms)}"]
    if atoms.pbc.all():
        lines += [" Supercell", *(f"    {_decimals(vector)}" for vector in atoms.cell)]
    names = ("id", "type", *POSITIONS) if forces is None else ("id", "type", *POSITIONS, *FORCES)
    lines.append(f" AtomData:  {' '.join(names)}")
    vectors = atoms.positions if forces is None else np.hstack([atoms.positions, forces])
    for number, (symbol, row) in enumerate(zip(atoms.symbols, vectors, strict=True), start=1):
        lines.append(f"    {number} {species.index(symbol)} {_decimals(row)}")
    if energy is not None:
        lines += [" Energy", f"    {_decimals([energy])}"]
    if stress is not None:
        lines += [
            f" PlusStress:  {' '.join(STRESSES)}",
            f"    {_decimals(-atoms.get_volume() * stress)}",
        ]
    for name, value in atoms.info.items():
        text = _decimals([value]) if isinstance(value, float) else str(value)
        if isinstance(value, Real | str) and len(text.splitlines()) == 1:
            lines.append(f" Feature   {name}\t{text}")
    return "\n".join([*lines, "END_CFG", "", ""])


def _label(atoms: Atoms, name: str) -> float | np.ndarray | None:
    """Return a label if the calculator has it without calculating."""
    if atoms.calc is None:
        return None
    return atoms.calc.get_property(name, atoms, allow_calculation=False)


def _decimals(numbers: Iterable[float]) -> str:
    return "  ".join(np.format_float_positional(number, trim="0") for number in numbers)
