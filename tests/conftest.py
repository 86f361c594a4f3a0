"""What tests share: the folder of the repository, pseudopotentials by ld1.x, labels by pw.x, and
a small disk to fill."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.calculators.singlepoint import SinglePointCalculator

from smallcell.approach import wall
from smallcell.basis import generate_basis
from smallcell.canonical import canonical_form
from smallcell.engine import rows
from smallcell.files import read_reports, write_report
from smallcell.fitting import fit, random_starts
from smallcell.jobs import label_once
from smallcell.labels import atom_calculation, crystal_calculation, isolated_atom
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.programs import ask_pw
from smallcell.pseudopotentials import provide_upf
from smallcell.selection import active_set
from smallcell.wall import Wall, lammps_lines, read_wall

REPOSITORY = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the campaigns: of tests side by side, what takes longest must not come last."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of this run of the tests, the same for all processes that share the work."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def making(path: Path) -> Iterator[bool]:
    """Tell whether something is missing; who is told so makes it, and the others wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not path.exists()


@pytest.fixture(scope="session")
def soft_potassium(tmp_path_factory) -> Path:
    """The UPF that ld1.x makes of the quickstart's deck."""
    upf = shared(tmp_path_factory) / "pseudopotentials/K.UPF"
    with making(upf) as missing:
        if missing:
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
    folder = shared(tmp_path_factory) / "store/labels"
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
    with making(folder.parent / "atom.json") as missing:
        if missing:
            for name, atoms, calculation in (
                ("crystal", crystal, store.crystal_calculation(crystal)),
                ("atom", atom, store.atom_calculation()),
            ):
                report, _ = label_once(atoms, calculation, program, settings, upf)
                write_report(folder.parent / f"{name}.json", report)
    for name in ("crystal", "atom"):
        (store.reports[name],) = read_reports([folder.parent / f"{name}.json"])
    return store


@dataclass(frozen=True)
class SoundPotential:
    """A potential that holds potassium together, its file with an active set, its wall."""

    potential: Potential
    file: Path
    wall: Wall


@pytest.fixture(scope="session")
def sound_potential(tmp_path_factory) -> SoundPotential:
    """Fitted to crystals of a pair potential."""
    file = shared(tmp_path_factory) / "sound/potential.almtp"
    fit = file.with_name("fit.json")
    with making(fit) as missing:
        if missing:
            potential, crystals = fitted_to_pairs()
            write_potential(file, potential)
            write_report(fit, {"wall": asdict(wall(potential, crystals))})
    return SoundPotential(read_potential(file), file, read_wall(fit))


@pytest.fixture
def left_potential(sound_potential, tmp_path) -> Path:
    """A potential as a campaign leaves it, with its wall."""
    file = tmp_path / "potential.almtp"
    shutil.copy(sound_potential.file, file)
    lines = lammps_lines("mtp", str(file), 1, sound_potential.wall)
    file.with_suffix(".lammps").write_text("\n".join(lines) + "\n")
    return file


def run_module(*arguments: str) -> subprocess.CompletedProcess:
    """Run a module of the library as a command, on one thread."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def fitted_to_pairs() -> tuple[Potential, list[Atoms]]:
    """Return a potential with an active set, and the crystals with labels that it was fitted to."""
    rng = np.random.default_rng(1)
    crystals = []
    for constant in rng.uniform(4.9, 5.9, 40):
        atoms = bulk("K", "bcc", a=constant, cubic=True) * (1, 1, 2)
        atoms.rattle(0.2, rng=rng)
        atoms.calc = MorsePotential(epsilon=0.08, r0=4.9, rho0=4.0, rcut1=6.0, rcut2=7.0)
        label = {n: atoms.calc.get_property(n, atoms) for n in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **label)
        crystals.append(atoms)
    starts = random_starts(crystals, ("K",), generate_basis(8), 7.0, 8, rng)
    potential = fit(crystals, starts, ridges=[1e-6]).potential
    return replace(potential, active_set=active_set(rows(potential, crystals))), crystals


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
