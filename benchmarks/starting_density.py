"""Does it pay to start pw.x from the density of a similar structure?

A disordered cell of two K atoms, at the preset `quick`: iterations and seconds from the
superposition of atomic densities, and from the density of the same cell before its atoms moved by
0.1 A each.

    python benchmarks/starting_density.py
"""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.build import bulk
from ase.io.espresso import write_espresso_in

from smallcell.labels import crystal_calculation
from smallcell.presets import with_preset
from smallcell.programs import leave_launcher
from smallcell.pseudopotentials import provide_upf

STEP = 0.1
"""How far each atom moves, A."""

SAMPLES = 3


def run(atoms: Atoms, settings: dict, folder: Path, start: str) -> tuple[int, float]:
    """Iterations and seconds of a self-consistent field; the density stays in the folder."""
    calculation = crystal_calculation(atoms, settings, {"K": ""})
    with open(folder / "in", "w") as file:
        write_espresso_in(
            file,
            atoms,
            {
                "control": {"pseudo_dir": str(folder), "outdir": str(folder / "out")},
                "system": dict(calculation.system),
                "electrons": dict(calculation.electrons) | {"startingpot": start},
            },
            pseudopotentials={"K": "K.UPF"},
            kpts=calculation.k_mesh,
        )
    began = time.perf_counter()
    output = subprocess.run(
        ["pw.x", "-in", "in"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    seconds = time.perf_counter() - began
    return int(re.search(r"achieved in\s+(\d+) iterations", output)[1]), seconds


def main() -> None:
    """Print a line a sample."""
    leave_launcher()
    presets = yaml.safe_load(Path("config/presets.yaml").read_text())
    filled = with_preset({"elements": [{"symbol": "K"}], "dft": {"preset": "quick"}}, presets)
    settings = {"conv_thr": 1e-8} | filled["dft"]
    rng = np.random.default_rng(1)
    for _ in range(SAMPLES):
        atoms = bulk("K", "bcc", a=5.3, cubic=True)
        atoms.positions += rng.normal(0, 0.3, (2, 3))
        steps = rng.normal(size=(2, 3))
        moved = atoms.copy()
        moved.positions += STEP * steps / np.linalg.norm(steps, axis=1)[:, None]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            provide_upf(filled["elements"][0]["pseudopotential"], None, folder / "K.UPF")
            run(atoms, settings, folder, "atomic")
            from_density = run(moved, settings, folder, "file")
            shutil.rmtree(folder / "out")
            from_atoms = run(moved, settings, folder, "atomic")
        print(
            f"from atoms {from_atoms[0]} iterations, {from_atoms[1]:.0f} s; "
            f"from the density {from_density[0]} iterations, {from_density[1]:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
