"""Molecular dynamics in LAMMPS from which properties are measured.

Each property writes the commands of its own run. What all of them share is here: the atoms, what
acts between them, what ends a run that goes astray, what is recorded, and what is said of a run
that did not come to its end. Such a run has a message, and no numbers are taken from it.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.units import GPa, bar

from smallcell.potential import read_potential
from smallcell.progress import telling
from smallcell.sampling import (
    BAROSTAT_TIME,
    LOG,
    POTENTIAL,
    THERMOSTAT_TIME,
    complaint,
    guard,
    in_a_box,
    provide,
    run_lammps,
    thermo_rows,
    unwrapped_frames,
    write_start,
)
from smallcell.validation import TIMESTEP
from smallcell.wall import Wall, lammps_lines

LONGEST = 24 * 3600
"""Wall time of a run after which it is taken to hang (s)."""

RECORD_EVERY = 50
"""Time steps between two records of temperature, volume and energy."""

TELL_EVERY = 60
"""Seconds between two lines that say how far a run is."""

STRESS_EVERY = 5
"""Time steps between two records of the stress, which forgets itself within a picosecond."""

STRESS_FILE = "stress.txt"


@dataclass(frozen=True)
class Matter:
    """Atoms, and what acts between them.

    Attributes
    ----------
    species : tuple of str
        In the order of LAMMPS's atom types.
    interaction : tuple of str
        LAMMPS commands for the pair style.
    potential : Path or None
        An .almtp file that these name, as `sampling.POTENTIAL`; then grades are recorded.
    """

    species: tuple[str, ...]
    interaction: tuple[str, ...]
    potential: Path | None = None


def matter_of(potential: Path, barrier: Wall) -> Matter:
    """Atoms between which a potential with its wall acts.

    Parameters
    ----------
    potential : Path
        An .almtp file.
    barrier : Wall
    """
    species = read_potential(potential).species
    lines = lammps_lines("mtp/extrapolation", POTENTIAL, len(species), barrier)
    return Matter(species, tuple(lines), potential)


@dataclass(frozen=True)
class Simulation:
    """What a run has recorded.

    Attributes
    ----------
    message : str
        Why it did not come to its end; empty if it did.
    records : DataFrame
        ``step``, ``temperature K``, ``energy eV`` and ``volume A^3`` of all atoms together,
        ``pressure GPa``, and ``grade`` if there is one; as far as the run came.
    frames : list of Atoms
        Atoms where they have gone, out of the box too. None of a run without an end.
    stress : ndarray, shape (n, 6)
        xx, yy, zz, xy, xz, yz of the pressure, positive when compressed (GPa), every
        `STRESS_EVERY` steps from `stresses` on.
    seconds : float
        Wall time.
    """

    message: str
    records: pd.DataFrame
    frames: list[Atoms]
    stress: np.ndarray
    seconds: float

    def since(self, step: int) -> pd.DataFrame:
        """Return the records from a step on."""
        return self.records[self.records["step"] >= step]

    @property
    def highest_grade(self) -> float | None:
        """Highest extrapolation grade of the run, None if nothing grades it."""
        return float(self.records["grade"].max()) if "grade" in self.records else None

    @property
    def account(self) -> dict:
        """What a report tells of the run itself: its highest grade and seconds."""
        return {"grade": self.highest_grade, "seconds": self.seconds}


def simulate(matter: Matter, start: Atoms, commands: Sequence[str]) -> Simulation:
    """Run LAMMPS on commands of `steps`, `velocities`, `isobaric` and the like.

    Parameters
    ----------
    matter : Matter
    start : Atoms
    commands : sequence of str
        All that follows once the atoms are there and their records are asked for.

    Raises
    ------
    RuntimeError
        If LAMMPS does not come to its first step: that is no run.
    """
    columns = {"step": 1, "temp": 1, "etotal": 1, "vol": 1, "press": bar / GPa}
    names = ["step", "temperature K", "energy eV", "volume A^3", "pressure GPa"]
    grade = []
    if matter.potential:
        grade = ["compute grade all pair mtp/extrapolation"]
        columns["c_grade[1]"] = 1
        names.append("grade")
    lines = [
        *in_a_box(matter.interaction),
        f"timestep {TIMESTEP:g}",
        *guard(start.get_volume()),
        *grade,
        f"thermo_style custom {' '.join(columns)}",
        "thermo_modify lost error format float %.10g",
        f"thermo {RECORD_EVERY}",
        *commands,
    ]
    with tempfile.TemporaryDirectory(prefix="dynamics-") as name:
        folder = Path(name)
        if matter.potential:
            provide(folder, matter.potential)
        write_start(folder / "start.data", start, matter.species)
        (folder / "in.dynamics").write_text("\n".join(lines) + "\n")
        began = time.perf_counter()
        how_far = partial(_how_far, folder / LOG, len(columns), start, commands)
        with telling(how_far, TELL_EVERY):
            status, log = run_lammps(folder, "in.dynamics", LONGEST)
        seconds = time.perf_counter() - began
        rows = thermo_rows(log, len(columns))
        if not len(rows):
            raise RuntimeError(f"LAMMPS did not start: {complaint(status, log)}")
        records = pd.DataFrame(rows * list(columns.values()), columns=names)
        records = records.astype({"step": int}).drop_duplicates("step", keep="last")
        message = complaint(status, log) if status != 0 else ""
        dump, stress = folder / "frames.dump", folder / STRESS_FILE
        return Simulation(
            message,
            records.reset_index(drop=True),
            unwrapped_frames(dump, matter.species) if dump.exists() and not message else [],
            np.loadtxt(stress)[:, 1:] * bar / GPa
            if stress.exists() and not message
            else np.empty((0, 6)),
            seconds,
        )


def _how_far(log: Path, columns: int, atoms: Atoms, commands: Sequence[str]) -> str:
    """Picoseconds of a run that LAMMPS has written to its log, beside those it is asked for."""
    rows = thermo_rows(log.read_text() if log.exists() else "", columns)
    if not len(rows):
        return ""
    asked = sum(int(line.removeprefix("run ")) for line in commands if line.startswith("run "))
    done, whole = rows[-1, 0] * TIMESTEP, asked * TIMESTEP
    return f"{atoms.get_chemical_formula()}: {done:.0f} of {whole:.0f} ps"


def steps(duration: float) -> int:
    """Time steps of a duration (ps)."""
    return round(duration / TIMESTEP)


def velocities(temperature: float, seed: int, group: str = "all") -> str:
    """LAMMPS command for new velocities of a temperature (K), without a momentum of the whole."""
    return f"velocity {group} create {temperature:g} {seed} mom yes dist gaussian"


def isochoric(
    begin: float, end: float, damping: float = THERMOSTAT_TIME, group: str = "all"
) -> str:
    """LAMMPS command for a thermostat that goes from one temperature (K) to another."""
    return f"fix dynamics {group} nvt temp {begin:g} {end:g} {damping:g}"


def isobaric(begin: float, end: float, pressure: float, shape: str) -> str:
    """LAMMPS command for a thermostat, as above, and a barostat.

    Parameters
    ----------
    begin, end : float
        Temperatures (K).
    pressure : float
        GPa.
    shape : {"iso", "aniso", "aniso couple xy"}
        How the box may change, in LAMMPS's words: as a whole, each edge by itself, or the third
        edge by itself.
    """
    return f"fix dynamics all npt temp {begin:g} {end:g} {THERMOSTAT_TIME} " + _barostat(
        pressure, shape
    )


def isenthalpic(pressure: float, shape: str) -> str:
    """LAMMPS command for a barostat alone: the enthalpy stays what it is."""
    return "fix dynamics all nph " + _barostat(pressure, shape)


def _barostat(pressure: float, shape: str) -> str:
    how, *couple = shape.split(maxsplit=1)
    asked = f"{pressure * GPa / bar:g}"
    return " ".join([how, asked, asked, f"{BAROSTAT_TIME}", *couple])


def part(ensemble: str, duration: float) -> list[str]:
    """LAMMPS commands for a part of a run, in an ensemble of the above, of a duration (ps)."""
    return [ensemble, f"run {steps(duration)}", "unfix dynamics"]


def frames_every(interval: int) -> list[str]:
    """LAMMPS commands that record a frame every so many steps from here on, this one included."""
    return [
        f"dump frames all custom {interval} frames.dump id type xsu ysu zsu",
        "dump_modify frames sort id format float %.12g first yes",
    ]


def frame_now() -> str:
    """LAMMPS command that records one frame."""
    return (
        "write_dump all custom frames.dump id type xsu ysu zsu "
        "modify append yes sort id format float %.12g"
    )


def stresses() -> str:
    """LAMMPS command that records the stress from here on."""
    tensor = " ".join(f"c_thermo_press[{number}]" for number in range(1, 7))
    return f"fix stress all ave/time {STRESS_EVERY} 1 {STRESS_EVERY} {tensor} file {STRESS_FILE}"


def lammps_seed(*numbers: int) -> int:
    """Seed for LAMMPS from the campaign's and what tells runs apart; one more is a seed too."""
    return int(np.random.default_rng(numbers).integers(1, 2**31 - 1))
