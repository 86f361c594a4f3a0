"""The failure ladder: what is tried when pw.x fails, before a structure is given up.

Each rung is an answer to one kind of failure, and changes how pw.x gets to its result, never what
the result is: how densities are mixed, how bands are found, where the search starts, how far it
goes. A label from any rung is that of the first try, to the accuracy of either (a test holds each
rung to it). Cut-offs, smearing and k-points stay as they are, whatever fails. The reasons for each
rung are in docs/label-fates.md.
"""

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ase import Atoms

from smallcell.labels import (
    ERRORS,
    OUTPUT,
    SCRATCH,
    Calculation,
    Fate,
    Outcome,
    run_pw,
)
from smallcell.memory import MEGABYTE, free_memory, pw_memory
from smallcell.programs import parallel

LONGEST = 2
"""Times the time limit of a try that all tries of a structure may take together."""


@dataclass(frozen=True)
class Rung:
    """A change of numerics.

    Attributes
    ----------
    name : str
    electrons : Mapping
        Entries of pw.x's namelist electrons that differ.
    conv_thr_factor : float
        By which the convergence threshold is multiplied; never above 1.
    resumes : bool
        Whether to start from the density that the try before has left.
    """

    name: str
    electrons: Mapping = field(default_factory=dict)
    conv_thr_factor: float = 1.0
    resumes: bool = False

    def change(self, calculation: Calculation) -> Calculation:
        """Return the calculation by the route of this rung."""
        electrons = dict(calculation.electrons) | dict(self.electrons)
        if self.conv_thr_factor != 1.0:
            electrons["conv_thr"] = self.conv_thr_factor * calculation.electrons["conv_thr"]
        return replace(calculation, electrons=electrons)


LADDER: Mapping[Fate, tuple[Rung, ...]] = {
    Fate.NOT_CONVERGED: (
        Rung("gentle mixing", {"mixing_beta": 0.2, "electron_maxstep": 200}),
        Rung(
            "local-TF mixing",
            {"mixing_mode": "local-TF", "mixing_beta": 0.2, "electron_maxstep": 300},
        ),
    ),
    Fate.DIAGONALISATION_FAILED: (
        Rung("conjugate gradients", {"diagonalization": "cg", "diago_cg_maxiter": 100}),
        Rung("parallel orbitals", {"diagonalization": "paro", "startingwfc": "random"}),
    ),
    Fate.FORCES_UNSETTLED: (Rung("tighter", conv_thr_factor=0.01),),
    Fate.TIMED_OUT: (Rung("resumed", {"startingpot": "file"}, resumes=True),),
    Fate.OUT_OF_MEMORY: (Rung("less memory", {"diago_david_ndim": 2, "mixing_ndim": 4}),),
}
"""Rungs for each fate, the first to be tried first."""


def climb(
    atoms: Atoms,
    calculation: Calculation,
    settings: Mapping,
    pseudopotential_folder: Path,
    folder: Path,
) -> Outcome:
    """Label a structure with pw.x, by the ladder where the first try fails.

    Each rung is tried once at most, and all tries together take at most `LONGEST` times the time
    limit of one. What pw.x printed in tries that failed goes to standard error, which is the log
    of a job.

    Parameters
    ----------
    atoms : Atoms
    calculation : Calculation
        As it is tried first.
    settings : Mapping
        The configuration's ``dft``: ``command``, ``cores``, ``time_limit`` (s).
    pseudopotential_folder : Path
        Where ``<element>.UPF`` are.
    folder : Path
        Scratch folder; input and output of the last try stay there.

    Returns
    -------
    Outcome
        Of the last try, with the core-seconds of all. TOO_LARGE, without a try, where the memory
        would not do.
    """
    if short := _short_of_memory(atoms, calculation, settings, pseudopotential_folder):
        return Outcome(Fate.TOO_LARGE, short, None, 0.0)
    command = parallel(settings["command"], settings["cores"], calculation.k_mesh)
    limit, began = settings["time_limit"], time.monotonic()
    route, rung = calculation, None
    core_seconds, retries = 0.0, []
    while True:
        attempt = rung.change(route) if rung else route
        if rung is None or not rung.resumes:
            # What a rung changes holds for those after it; a density is gone on from only once.
            route = attempt
            shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        left = LONGEST * limit - (time.monotonic() - began)
        outcome = run_pw(atoms, attempt, command, pseudopotential_folder, min(limit, left), folder)
        core_seconds += outcome.core_seconds
        outcome = replace(outcome, core_seconds=core_seconds, retries=tuple(retries))
        if outcome.fate == Fate.LABELLED:
            return outcome
        _log_failure(outcome, folder)
        rung = _next_rung(outcome.fate, retries, folder)
        if rung is None or time.monotonic() - began >= LONGEST * limit:
            return outcome
        retries.append(rung.name)


def _short_of_memory(
    atoms: Atoms, calculation: Calculation, settings: Mapping, pseudopotential_folder: Path
) -> str:
    """Say what is missing for a calculation, nothing if memory does."""
    need = pw_memory(atoms, calculation, pseudopotential_folder, settings["cores"])
    there = free_memory(os.environ)
    if need <= there:
        return ""
    return (
        f"pw.x would take {need / MEGABYTE:.0f} MB of memory for {len(atoms)} atoms on "
        f"{settings['cores']} cores, and {there / MEGABYTE:.0f} MB are free"
    )


def _next_rung(fate: Fate, tried: list[str], folder: Path) -> Rung | None:
    for rung in LADDER.get(fate, ()):
        if rung.name not in tried and (not rung.resumes or _has_density(folder)):
            return rung
    return None


def _has_density(folder: Path) -> bool:
    return any((folder / SCRATCH).glob("*.save/charge-density.*"))


def _log_failure(outcome: Outcome, folder: Path) -> None:
    """Keep what pw.x printed in a try that failed."""
    how = f"after retries: {', '.join(outcome.retries)}" if outcome.retries else "first try"
    print(f"----- pw.x, {how}: {outcome.fate}, {outcome.message}", file=sys.stderr)
    for name in (OUTPUT, ERRORS):
        if (folder / name).exists():
            print((folder / name).read_text(errors="replace"), file=sys.stderr, flush=True)
