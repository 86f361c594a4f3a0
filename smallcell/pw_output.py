"""What pw.x tells of its own run, read from what it printed."""

import re

from ase.units import Bohr, Rydberg

_NUMBER = r"([-+.\dEe]+)"


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


def _last(pattern: str, output: str) -> float | None:
    found = re.findall(pattern, output)
    return float(found[-1]) if found else None
