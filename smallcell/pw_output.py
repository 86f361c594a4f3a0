"""What pw.x tells of its own run, read from what it printed."""

import re

import numpy as np
from ase.units import Bohr, Rydberg

_NUMBER = r"([-+.\dEe]+)"

LAST_DIGIT = 1e-8
"""What the last decimal of a printed force stands for (Ry/bohr)."""

SETTLED = 1e-3
"""Correction to the forces that is small enough in any case (Ry/bohr; 26 meV/A)."""


def version(output: str) -> str | None:
    """Version in the first line of pw.x, such as ``6.7MaX``; None if there is no such line."""
    found = re.search(r"Program PWSCF v\.(\S+) starts", output)
    return found and found.group(1)


def magnetic_moment(output: str) -> float | None:
    """Magnetic moment of the cell (Bohr magnetons), None without spin."""
    return _last(rf"total magnetization\s+=\s*{_NUMBER}", output)


def cores(output: str) -> int:
    """Return how many processes pw.x ran on."""
    return int(_last(r"running on\s+(\d+) processor", output) or 1)


def convergence(output: str) -> dict[str, float | int | None]:
    """Tell how the calculation converged.

    Returns
    -------
    dict
        ``iterations`` of the self-consistent field, its ``scf_accuracy`` as pw.x estimates it (eV),
        ``total_force`` (norm of all forces, eV/A), numbers of inequivalent ``k_points`` and of
        ``symmetries`` of the crystal. None stands for what pw.x did not print.
    """
    accuracy = _last(rf"estimated scf accuracy\s+<\s*{_NUMBER} Ry", output)
    force = _last(rf"Total force =\s*{_NUMBER}", output)
    counts = {
        "iterations": _last(r"convergence has been achieved in\s+(\d+) iterations", output),
        "k_points": _last(r"number of k points=\s*(\d+)", output),
        "symmetries": 1 if "No symmetry found" in output else _last(r"(\d+) Sym\. ?Ops\.", output),
    }
    return {
        "scf_accuracy": None if accuracy is None else accuracy * Rydberg,
        "total_force": None if force is None else force * Rydberg / Bohr,
    } | {name: None if count is None else int(count) for name, count in counts.items()}


def oddity(output: str) -> str:
    """Say what is wrong with energy, forces or stress as they are printed; nothing if all is well.

    pw.x takes the mean off the forces before it prints them, so that they sum to zero but for the
    rounding of each to eight decimals.
    """
    energy = re.findall(r"!\s+total energy\s+=(.*)Ry", output)
    forces = re.findall(r"atom\s+\d+ type\s+\d+\s+force =(.*)", _block(output, "Forces acting"))
    stress = _block(output, "total   stress").splitlines()[1:4]
    if not energy:
        return "pw.x printed no energy"
    if bool(forces) != bool(stress):
        return "pw.x printed " + ("forces but no stress" if forces else "a stress but no forces")
    printed = (("energy", energy[-1:], 1), ("forces", forces, 3), ("stress", stress, 6))
    for name, rows, width in printed:
        for row in rows:
            if not _finite(row, width):
                return f"pw.x printed {row.strip()!r} among its numbers of the {name}"
    total = np.abs(np.sum([[float(word) for word in row.split()] for row in forces], axis=0))
    if forces and total.max() > len(forces) * LAST_DIGIT:
        return f"the forces sum to {total.max():.1e} Ry/bohr instead of zero"
    return ""


def unsettled_forces(output: str) -> str:
    """Say how far the forces are from those of a converged density; nothing if they are settled.

    pw.x adds a correction to the forces for what is missing to self-consistency; the error that is
    left is seldom larger. It may be a tenth of the total force, where pw.x itself begins to warn,
    or `SETTLED`. One atom alone feels no force, whatever is corrected.
    """
    if re.search(r"number of atoms/cell\s+=\s+1\s", output):
        return ""
    total = _last(rf"Total force =\s*{_NUMBER}", output)
    correction = _last(rf"Total SCF correction =\s*{_NUMBER}", output)
    if total is None or correction is None or correction <= max(SETTLED, 0.1 * total):
        return ""
    return (
        f"the density is not converged well enough for forces: of {total:.6f} Ry/bohr "
        f"{correction:.6f} are a correction"
    )


def _block(output: str, title: str) -> str:
    """Return what follows a title, where it occurs last."""
    _, found, text = output.rpartition(title)
    return text if found else ""


def _finite(row: str, width: int) -> bool:
    try:
        numbers = [float(word) for word in row.split()]
    except ValueError:
        return False
    return len(numbers) == width and bool(np.all(np.isfinite(numbers)))


def _last(pattern: str, output: str) -> float | None:
    found = re.findall(pattern, output)
    return float(found[-1]) if found else None
