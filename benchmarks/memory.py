"""What pw.x takes of memory, what it says that it will take, and what we estimate beforehand.

Runs pw.x on structures of 1 to 16 atoms, to a loose convergence, as the memory does not depend on
it. Prints a table for docs/label-fates.md.
"""

import multiprocessing
import re
import resource
import tempfile
from pathlib import Path

from ase import Atoms
from ase.build import bulk

from smallcell.labels import OUTPUT, crystal_calculation, run_pw
from smallcell.memory import MEGABYTE, pw_memory
from smallcell.pseudopotentials import provide_upf

DECKS = Path("config/pseudopotentials")
SOFT = {"ecutwfc": 30, "ecutrho": 180, "k_spacing": 0.33}
HARD = {"ecutwfc": 90, "ecutrho": 450, "k_spacing": 0.33}
COMMON = {"smearing": "marzari-vanderbilt", "degauss": 0.02, "conv_thr": 10.0}
CASES = [
    ("K.soft.ld1", (1, 1, 1), "primitive", SOFT | {"k_spacing": 3.0}),
    ("K.soft.ld1", (1, 1, 1), "primitive", SOFT),
    ("K.soft.ld1", (1, 1, 1), "cubic", SOFT),
    ("K.soft.ld1", (1, 1, 1), "cubic", SOFT | {"k_spacing": 0.2}),
    ("K.soft.ld1", (1, 1, 2), "cubic", SOFT),
    ("K.soft.ld1", (1, 2, 2), "cubic", SOFT),
    ("K.soft.ld1", (2, 2, 2), "cubic", SOFT),
    ("K.pslibrary.ld1", (1, 1, 1), "cubic", HARD | {"k_spacing": 0.6}),
    ("Na.pslibrary.ld1", (1, 1, 1), "cubic", HARD),
]


def crystal(symbol: str, repeats: tuple[int, int, int], cell: str) -> Atoms:
    """A crystal without symmetry."""
    constant = {"K": 5.3, "Na": 4.2}[symbol]
    atoms = bulk(symbol, "bcc", a=constant, cubic=cell == "cubic") * repeats
    atoms.set_cell(atoms.cell @ [[1, 0.02, 0.01], [0, 1.01, 0.03], [0, 0, 0.98]], scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def measure(case: tuple) -> str:
    """Run one case; a row of the table."""
    deck, repeats, cell, settings = case
    symbol = deck.split(".")[0]
    atoms = crystal(symbol, repeats, cell)
    calculation = crystal_calculation(atoms, settings | COMMON, {symbol: deck})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        provide_upf(str(DECKS / deck), None, folder / f"{symbol}.UPF")
        outcome = run_pw(atoms, calculation, "pw.x", folder, 3000, folder / "run")
        output = (folder / "run" / OUTPUT).read_text()
        estimate = pw_memory(atoms, calculation, folder, 1) / MEGABYTE
    said = re.search(r"Estimated max dynamical RAM per process >\s+([\d.]+ \w+)", output)
    taken = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MEGABYTE
    mesh = "x".join(map(str, calculation.k_mesh))
    return (
        f"| {deck} | {len(atoms)} | {settings['ecutwfc']}/{settings['ecutrho']} | {mesh} "
        f"| {said and said.group(1)} | {taken:.0f} | {estimate:.0f} | {outcome.fate} |"
    )


if __name__ == "__main__":
    columns = "pseudopotential, atoms, Ry, k-mesh, pw.x says, it took MB, estimate MB, fate"
    print("| " + columns.replace(", ", " | ") + " |\n" + "|---" * 8 + "|")
    # Each in a process of its own, since the peak of a process's children never comes down.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for row in pool.imap(measure, CASES, chunksize=1):
            print(row, flush=True)
