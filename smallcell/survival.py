"""The command that tells whether a potential holds atoms together: `make survive POTENTIAL=...`.

    python -m smallcell.survival results/quickstart/potential.almtp

lets a crystal of 250 atoms walk from twenty seeds, each at a temperature and pressure of its own,
and prints a table. Runs that are done are kept beside the potential and are not repeated.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from ase.data import atomic_numbers, reference_states

from smallcell.cells import LATTICES
from smallcell.kept import kept
from smallcell.potential import read_potential
from smallcell.progress import tell
from smallcell.sampling import provide
from smallcell.store import file_hash
from smallcell.validation import (
    Ramp,
    large_crystal,
    run_large_cell,
    write_large_cell_run,
)
from smallcell.wall import wall_of


def known_crystal(symbol: str) -> dict:
    """Lattice and lattice constant (A) of an element, as ASE has them, for a start.

    Raises
    ------
    ValueError
        If it is none of `cells.LATTICES`.
    """
    found = reference_states[atomic_numbers[symbol]] or {}
    if found.get("symmetry") not in LATTICES:
        raise ValueError(
            f"the crystal of {symbol} is not built here: give --lattice and --lattice-constant"
        )
    return {"symbol": symbol, "lattice": found["symmetry"], "lattice_constant": found["a"]}


def survive(potential: Path, elements: Sequence[Mapping], conditions: Mapping, seed: int) -> dict:
    """Let a crystal walk at a temperature and pressure that the seed draws.

    Parameters
    ----------
    potential : Path
        An .almtp file; beside it the .lammps file with its wall.
    elements : sequence of Mapping
        ``symbol``, ``lattice``, ``lattice_constant`` (A), in the order of the potential's types.
    conditions : Mapping
        ``temperature`` (K) and ``pressure`` (GPa), lowest and highest; ``duration`` (ps);
        ``atoms``, at least.
    seed : int

    Returns
    -------
    dict
        ``seed``, ``temperature``, ``pressure`` and `validation.LargeCellRun`.
    """
    rng = np.random.default_rng(seed)
    temperature = float(rng.uniform(*conditions["temperature"]))
    pressure = float(rng.uniform(*conditions["pressure"]))
    start, _ = large_crystal(elements, conditions["atoms"], rng)
    ramps = [Ramp(temperature, temperature, conditions["duration"])]
    with tempfile.TemporaryDirectory(prefix="survival-") as name:
        folder = Path(name)
        provide(folder, potential)
        species = [element["symbol"] for element in elements]
        velocities = int(rng.integers(1, 2**31))
        barrier = wall_of(potential.with_suffix(".lammps"))
        write_large_cell_run(folder, start, species, ramps, barrier, velocities, pressure)
        outcome, _ = run_large_cell(folder, start, ramps)
    return {"seed": seed, "temperature": temperature, "pressure": pressure} | asdict(outcome)


def survive_once(
    potential: Path, elements: Sequence[Mapping], conditions: Mapping, folder: Path, seed: int
) -> dict:
    """`survive`, unless the folder has its report for the same potential and conditions."""
    asked = {
        "potential": file_hash(potential),
        "elements": list(elements),
        "conditions": dict(conditions),
    }

    def run() -> dict:
        found = survive(potential, elements, conditions, seed)
        tell(_line(found))
        return found

    return kept(folder / f"{seed:03d}.json", asked, run)


def _line(run: Mapping) -> str:
    outcome = "survived" if run["survived"] else run["message"]
    return f"seed {run['seed']}: {run['temperature']:.0f} K, {run['pressure']:.3f} GPa: {outcome}"


def in_words(runs: Sequence[Mapping], conditions: Mapping) -> str:
    """Tell of all runs in a table and a sentence."""
    table = pd.DataFrame(
        {
            "seed": run["seed"],
            "T / K": run["temperature"],
            "P / GPa": run["pressure"],
            "survived": "yes" if run["survived"] else run["message"],
            "V / A^3/atom": run["mean_volume"],
            "grade": run["highest_grade"],
        }
        for run in runs
    )
    alive = sum(run["survived"] for run in runs)
    low, high = conditions["temperature"]
    least, most = conditions["pressure"]
    return (
        table.to_string(index=False, float_format="%.3f", na_rep="")
        + f"\n{alive} of {len(runs)} walks of {runs[0]['atoms']} atoms, "
        f"{conditions['duration']:g} ps at {low:g} to {high:g} K and {least:g} to {most:g} GPa, "
        "held together"
    )


def main() -> None:
    """Run what is not done yet; end with status 1 if a walk did not survive."""
    parser = argparse.ArgumentParser(description="Does a potential hold atoms together?")
    parser.add_argument("potential", type=Path, help=".almtp, with its .lammps file beside it")
    parser.add_argument("--walks", type=int, default=20)
    parser.add_argument("--atoms", type=int, default=250, help="at least")
    parser.add_argument("--temperature", type=float, nargs=2, default=(100.0, 800.0), help="K")
    parser.add_argument("--pressure", type=float, nargs=2, default=(0.0, 0.5), help="GPa")
    parser.add_argument("--duration", type=float, default=100.0, help="ps")
    parser.add_argument("--lattice", choices=LATTICES, help="if not the element's own")
    parser.add_argument("--lattice-constant", type=float, help="A")
    parser.add_argument("--threads", type=int, default=1, help="walks at a time")
    options = parser.parse_args()
    conditions = {
        name: getattr(options, name) for name in ("temperature", "pressure", "duration", "atoms")
    }
    conditions |= {name: list(conditions[name]) for name in ("temperature", "pressure")}
    try:
        elements = [
            {"symbol": s, "lattice": options.lattice, "lattice_constant": options.lattice_constant}
            if options.lattice and options.lattice_constant
            else known_crystal(s)
            for s in read_potential(options.potential).species
        ]
        folder = options.potential.with_name(f"{options.potential.stem}-survival")
        run = partial(survive_once, options.potential, elements, conditions, folder)
        with ThreadPoolExecutor(options.threads) as pool:
            runs = list(pool.map(run, range(options.walks)))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"survive: {error}")
    tell(in_words(runs, conditions))
    sys.exit(0 if all(one["survived"] for one in runs) else 1)


if __name__ == "__main__":
    main()
