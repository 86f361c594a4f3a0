"""Where the time of the pair style goes, function by function, by Linux's perf.

python benchmarks/profile_md.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.md import Case, potential_of, prepare

CASES = (
    Case(8, 10),
    Case(16, 10),
    Case(16, 10, "configuration"),
    Case(16, 10, "neighbourhood"),
    Case(16, 1),
)


def profile(case: Case) -> str:
    """Percentages of time of the functions that take more than one of them."""
    with tempfile.TemporaryDirectory() as folder:
        command = prepare(Path(folder), case, potential_of(case.level, case.n_species), seconds=3)
        record = ["perf", "record", "--quiet", "--output", "perf.data", *command]
        run = subprocess.run(record, cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"profile-md: perf failed: {run.stderr[-500:]}")
        report = ["perf", "report", "--stdio", "--input", "perf.data", "--percent-limit", "1"]
        found = subprocess.run(
            [*report, "--sort", "symbol"], cwd=folder, capture_output=True, text=True, check=True
        ).stdout
    lines = (line.rstrip() for line in found.splitlines())
    return "\n".join(line[:110] for line in lines if line and not line.startswith("#"))


if __name__ == "__main__":
    if shutil.which("perf") is None:
        sys.exit("profile-md: perf is not on the PATH (Debian: apt-get install linux-perf)")
    for one in CASES:
        print(f"\n{one}\n{profile(one)}", flush=True)
