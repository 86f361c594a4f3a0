"""What a selection takes and what thinning saves, on frames of real walks.

Walks of 4, 8 and 16 atoms in LAMMPS by a potential whose active set is that of its training set
save what they do not know; they are thinned with several tolerances and selected from. Then the
frames are displaced by chance, over and over, until there are up to 100 000, in walks of 1000, and
selected from at levels 8 and 16; the least of `REPEATS` processor times counts.

    python benchmarks/selection.py results/quickstart/train.extxyz potential.mtp docs/benchmarks.md
"""

import datetime
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.md import processor, table
from benchmarks.pages import write_part
from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.candidates import gather
from smallcell.cost import expected_cost
from smallcell.draws import Walker, draw_conditions
from smallcell.engine import with_active_set
from smallcell.fitting import starting_potential
from smallcell.labels import crystal_calculation
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.sampling import provide, walk, write_walk
from smallcell.selection import active_set, grades, select
from smallcell.training import read_structures

THRESHOLD = 2.1
WALKERS = 12
SAMPLING = {
    "temperature": [100, 800],
    "pressure": [0, 0.5],
    "strain": [0.95, 1.05],
    "displacement": 0.1,
    "cell_change": "triclinic",
    "duration": 20,
    "timestep": 2,
    "grade_every": 10,
    "save_above": THRESHOLD,
    "stop_above": 10,
    "walkers": WALKERS,
    "draws": "independent",
    "hottest": 0,
    "ramp": False,
    "velocities": True,
    "swap_every": 0,
    "pair_style": "mtp",
    "samples": 0,
}
POTASSIUM = {"symbol": "K", "lattice": "bcc", "lattice_constant": 5.3}
CELLS = (1, 1, 2), (1, 2, 2), (2, 2, 2)
TOLERANCES = (0.0, 0.2, 0.5, 1.05)
MODES = ("configuration", "neighbourhood")
SETTINGS = {
    "ecutwfc": 30,
    "ecutrho": 180,
    "smearing": "marzari-vanderbilt",
    "degauss": 0.04,
    "conv_thr": 1e-8,
    "k_spacing": 0.33,
}
"""Of pw.x, for the costs of labels: the quickstart's."""

LEVELS = (8, 16)
NUMBERS = (1000, 10_000, 100_000)
LENGTH = 1000
AT_MOST = 20
MOST = 800_000
"""Frames times level beyond which their neighbourhoods would take gigabytes."""

TOLERANCE = 0.5
REPEATS = 2

EFFECTS = ["mode, tolerance, preferred", "kept", "selected", "their cost", "gain", "grade left"]
TIMES = ["level", "mode", "frames", "kept", "rows", "rows, s", "costs, s", "MaxVol, s", "selected"]
PAGE = f"""# Selection

`make bench-selection` on {{where}}.
How it is measured: `benchmarks/selection.py`. Frames of {WALKERS} walks of 4, 8 and 16 atoms by
{{potential}}, with the active set of {{training}}.
The unit of costs is the label of the median frame; the gain is that of the logarithm of the
determinant; the grade left is the highest of all frames, thinned out or not, after the selection.

{{effects}}
The unit is the median of what is kept, so costs compare within a tolerance, not across.

Seconds to evaluate and thin frames with a tolerance of {TOLERANCE}, to foresee what the labels of
those kept cost, and to select at most {AT_MOST}; frames of the walks, displaced anew by 0.02 A.

{{times}}"""


def walks(potential: Potential, training: Sequence[Atoms]) -> list[list[Atoms]]:
    """Frames that walkers save, each walker's in their order."""
    found = []
    barrier = wall(potential, training)
    for number in range(WALKERS):
        stage = {"cell": CELLS[number % len(CELLS)], "unit": "conventional"}
        walker = Walker(1, "selection", 0, number)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_potential(folder / "made.almtp", potential)
            provide(folder, folder / "made.almtp")
            conditions = draw_conditions(walker, [POTASSIUM], stage, SAMPLING)
            write_walk(folder, conditions, SAMPLING, potential.species, barrier)
            found.append(walk(folder, potential.species).frames)
    return found


def cost(atoms: Atoms) -> float:
    """What the label of a frame is expected to cost, relative to others."""
    return expected_cost(atoms, crystal_calculation(atoms, SETTINGS, {"K": ""}))


def thinned(potential: Potential, frames: list[list[Atoms]]) -> list[list[str]]:
    """Rows of a table: what is kept and selected for each tolerance, and what is lost by it."""
    everything = gather(potential, frames, 0.0)
    lines = []
    for tolerance in TOLERANCES:
        candidates = gather(potential, frames, tolerance)
        costs = np.array([cost(atoms) for atoms in candidates.structures])
        for preferred, prices in (("largest grade", None), ("cheapest", costs)):
            chosen = select(
                potential.active_set, candidates.rows, THRESHOLD, None, candidates.owners, prices
            )
            taken = candidates.rows[np.isin(candidates.owners, chosen)]
            known = active_set(np.vstack([potential.active_set, taken]))
            gain = np.linalg.slogdet(known)[1] - np.linalg.slogdet(potential.active_set)[1]
            left = grades(everything.rows, known, everything.owners).max()
            lines.append(
                [
                    f"{potential.grade_mode}, {tolerance:g}, {preferred}",
                    str(len(candidates.structures)),
                    str(len(chosen)),
                    f"{costs[chosen].sum() / np.median(costs):.1f}",
                    f"{gain:.2f}",
                    f"{left:.2f}",
                ]
            )
    return lines


def many(frames: list[list[Atoms]], number: int) -> Iterator[list[Atoms]]:
    """Frames in walks of `LENGTH`, the given ones over and over, displaced by 0.02 A."""
    rng = np.random.default_rng(number)
    endless = itertools.cycle(itertools.chain.from_iterable(frames))
    for _ in range(number // LENGTH):
        part = [atoms.copy() for atoms in itertools.islice(endless, LENGTH)]
        for atoms in part:
            atoms.positions += rng.normal(0, 0.02, atoms.positions.shape)
        yield part


def seconds(potential: Potential, frames: list[list[Atoms]], number: int) -> list[str]:
    """Row of a table: processor time of each step, and what came of it."""
    began = time.process_time()
    for _ in many(frames, number):
        pass
    generated = time.process_time() - began
    best = np.full(2, np.inf)
    for _ in range(REPEATS):
        began = time.process_time()
        candidates = gather(potential, many(frames, number), TOLERANCE)
        gathered = time.process_time() - began - generated
        prices = np.ones(len(candidates.structures))
        began = time.process_time()
        chosen = select(
            potential.active_set, candidates.rows, THRESHOLD, AT_MOST, candidates.owners, prices
        )
        best = np.minimum(best, [gathered, time.process_time() - began])
    few = candidates.structures[:200]
    began = time.process_time()
    for atoms in few:
        cost(atoms)
    costs = (time.process_time() - began) / len(few) * len(candidates.structures)
    return [
        str(potential.basis.level),
        potential.grade_mode,
        str(number),
        str(len(candidates.structures)),
        str(len(candidates.rows)),
        f"{best[0]:.1f}",
        f"{costs:.1f}",
        f"{best[1]:.2f}",
        str(len(chosen)),
    ]


def main(training_set: str, potential_file: str, page: str) -> None:
    training = read_structures(training_set)
    fitted = read_potential(potential_file)
    effects, frames = [], []
    for mode in MODES:
        potential = with_active_set(fitted, training, mode)
        frames = walks(potential, training)
        effects += thinned(potential, frames)
        print(mode, [len(part) for part in frames], flush=True)
    lines = []
    for level, mode in itertools.product(LEVELS, MODES):
        start = starting_potential(
            fitted.species,
            generate_basis(level),
            fitted.cutoff,
            fitted.closest,
            8,
            np.random.default_rng(1),
        )
        potential = with_active_set(start, training, mode)
        for number in NUMBERS:
            if mode == "configuration" or number * level <= MOST:
                lines.append(seconds(potential, frames, number))
                print(*lines[-1], sep="\t", flush=True)
    where = f"{datetime.date.today()}: {processor()}, one core"
    write_part(
        page,
        PAGE.format(
            where=where,
            training=training_set,
            potential=potential_file,
            effects=table(EFFECTS, effects),
            times=table(TIMES, lines),
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
