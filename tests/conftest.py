"""What tests share: the folder of the repository, pseudopotentials by ld1.x, labels by pw.x, and
a small disk to fill."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from smallcell.canonical import canonical_form
from smallcell.jobs import label_once
from smallcell.labels import atom_calculation, crystal_calculation, isolated_atom
from smallcell.programs import ask_pw
from smallcell.pseudopotentials import provide_upf

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def soft_potassium(tmp_path_factory) -> Path:
    """The UPF that ld1.x makes of the quickstart's deck."""
    upf = tmp_path_factory.mktemp("pseudopotentials") / "K.UPF"
    provide_upf(str(REPOSITORY / "config/pseudopotentials/K.soft.ld1"), None, upf)
    return upf


@dataclass(frozen=True)
class LabelledStore:
    """A store that pw.x has filled, with what its two labels were asked for."""

    folder: Path
    settings: dict
    upf: Path
    crystal: Atoms
    atom: Atoms
    reports: dict[str, dict]

    def crystal_calculation(self, atoms: Atoms):
        """The calculation of a crystal at the store's settings."""
        return crystal_calculation(atoms, self.settings["dft"], {"K": "of the deck"})

    def atom_calculation(self):
        """The calculation of the isolated atom at the store's settings."""
        return atom_calculation("K", self.settings["dft"], {"K": "of the deck"})


@pytest.fixture(scope="session")
def labelled_store(soft_potassium, tmp_path_factory) -> LabelledStore:
    """Labels of a cell of two atoms without symmetry and of an isolated atom."""
    folder = tmp_path_factory.mktemp("store") / "labels"
    dft = {
        "command": "pw.x",
        "cores": 1,
        "time_limit": 300,
        "ecutwfc": 20,
        # So fine a grid that energies do not depend on where on it the atoms are.
        "ecutrho": 240,
        "smearing": "marzari-vanderbilt",
        "degauss": 0.05,
        "conv_thr": 1e-9,
        "k_spacing": 0.9,
    }
    settings = {"dft": dft, "labels": {"store": str(folder), "closest": 0.4}}
    crystal = Atoms("K2", [[0, 0, 0], [2.6, 2.4, 2.1]], cell=4.6 * np.eye(3), pbc=True)
    crystal = canonical_form(crystal).atoms()
    atom = canonical_form(isolated_atom("K", 4.5)).atoms()
    store = LabelledStore(folder, settings, soft_potassium, crystal, atom, {})
    program, upf = ask_pw("pw.x"), [str(soft_potassium)]
    for name, atoms, calculation in (
        ("crystal", crystal, store.crystal_calculation(crystal)),
        ("atom", atom, store.atom_calculation()),
    ):
        store.reports[name], _ = label_once(atoms, calculation, program, settings, upf)
    return store


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)
