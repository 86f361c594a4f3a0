"""The environment that pw.x, ld1.x and LAMMPS are run in.

A job of ours is a world of its own. In a step of SLURM the variables of the launcher say otherwise:
an MPI program that finds them takes itself for a part of that step, looks for its other parts, and
ends before it began (Open MPI: "MPI_INIT ... on a NULL communicator").
"""

import os
from collections.abc import Mapping

LAUNCHER_PREFIXES = ("SLURM_", "PMI_", "PMIX_", "PALS_", "OMPI_", "PRTE_")


def without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for one program, or one mpirun, on one thread a process.

    Jobs run side by side, one a core: threads would only get in each other's way.

    Parameters
    ----------
    environment : mapping
        Usually ``os.environ``.
    """
    kept = {
        name: value for name, value in environment.items() if not name.startswith(LAUNCHER_PREFIXES)
    }
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def leave_launcher() -> None:
    """Make this process's own environment such, for programs that a library starts from it."""
    alone = without_launcher(os.environ)
    os.environ.clear()
    os.environ.update(alone)
