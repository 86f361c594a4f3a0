"""Lists what a lock file brings, with licences, as CycloneDX: ``make dependencies``.

    python benchmarks/dependencies.py LOCK PAGE

Versions are those of the lock, licences what the installed packages say of themselves.
"""

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from smallcell.files import written_whole

PROGRAMS = (
    ("quantum-espresso", "GPL-2.0-or-later"),
    ("openmpi", "BSD-3-Clause"),
    ("openblas", "BSD-3-Clause"),
)
"""What comes from Debian or conda, in the version that is there."""


def locked(lock: str) -> dict[str, str]:
    """Return names and versions of a lock file."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))


def component(name: str, version: str) -> dict:
    """Describe a package in CycloneDX's words."""
    described = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
    }
    try:
        licence = licence_of(distribution(name))
    except PackageNotFoundError:
        # Of another platform or version of Python.
        licence = {"license": {"name": "not installed here"}}
    return described | {"licenses": [licence]}


def licence_of(package: Distribution) -> dict:
    """Return the licence as an expression of SPDX where there is one, else in its own words."""
    if expression := package.metadata.get("License-Expression"):
        return {"expression": expression}
    classifiers = [
        entry.rpartition(" :: ")[2]
        for entry in package.metadata.get_all("Classifier", [])
        if entry.startswith("License :: ") and not entry.endswith("OSI Approved")
    ]
    words = package.metadata.get("License") or first_line_of_licence(package)
    words = words.strip().splitlines()[0]
    return {"license": {"name": ", ".join(classifiers) or words}}


def first_line_of_licence(package: Distribution) -> str:
    """Return how the file with the licence begins, for a package that says it nowhere else."""
    for file in package.files or []:
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            return file.read_text().strip()
    return "not said"


def bill(lock: str) -> dict:
    """Return the list of a lock file, and of the programs beside it."""
    programs = [
        {"type": "application", "name": name, "licenses": [{"expression": licence}]}
        for name, licence in PROGRAMS
    ]
    libraries = [component(name, version) for name, version in sorted(locked(lock).items())]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": programs + libraries,
    }


if __name__ == "__main__":
    with written_whole(sys.argv[2]) as part:
        part.write_text(json.dumps(bill(Path(sys.argv[1]).read_text()), indent=1) + "\n")
