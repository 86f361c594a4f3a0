"""Try a campaign's protocol with a potential in place of pw.x: minutes instead of hours.

Walks, selection, fits and verdicts are the campaign's own; only labels come from another, better
potential, the oracle, and count what pw.x would take for them by `smallcell.cost`; so do those of
`imports`. Rounds of the same configuration by other seeds tell luck from merit.

    python benchmarks/protocol.py CONFIG.yaml ORACLE.almtp SET.cfg [SECONDS [SEED ...]]

SECONDS is what a label of two atoms without symmetry takes. The table has the errors of each
round's potential on a set that the campaign has not seen, energies without their mean.
"""

import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from snakemake.common.configfile import load_configfile
from snakemake.utils import validate

from benchmarks.cost import errors_by_size
from smallcell.approach import wall
from smallcell.candidates import gather
from smallcell.canonical import canonical_form
from smallcell.cells import starts
from smallcell.choice import Choice, Outcome, choose, within_budget
from smallcell.composition import tenths_of
from smallcell.cost import expected_cost
from smallcell.coverage import coverage_table
from smallcell.draws import Walker, draw_conditions
from smallcell.engine import Engine, rows
from smallcell.ensemble import disagreement, members
from smallcell.errors import differences, errors, in_report_units, summary
from smallcell.formats import read_labelled
from smallcell.held_out import intolerable, of_stage, taken_in
from smallcell.imports import read_import
from smallcell.labels import crystal_calculation
from smallcell.learning import extending, learn
from smallcell.leverage import least_known, least_known_walkers
from smallcell.loss import Weights, emphasised
from smallcell.potential import Potential, read_potential, write_potential
from smallcell.presets import with_preset
from smallcell.sampling import Walk, provide, walk, write_walk
from smallcell.seeds import seeds


class Campaign:
    """A campaign whose labels are an oracle's."""

    def __init__(self, config: Mapping, oracle: Potential, seconds: float) -> None:
        self.config, self.oracle = config, oracle
        self.species = tuple(element["symbol"] for element in config["elements"])
        self.training: list[Atoms] = []
        self.held_out: list[Atoms] = []
        self.hours = 0.0
        self.formulas: dict[str, list[str]] = {}
        self.unit = 1.0
        self.unit = seconds / self.expected(_low_symmetry(config["elements"][0]))
        first = seeds(config["elements"], config["seeds"])
        seen = {canonical_form(atoms) for atoms in first}
        for entry in config["imports"]:
            first += read_import(entry, self.species, seen).structures
        self.learn(first, "seeds", None)

    def expected(self, atoms: Atoms) -> float:
        """Core-seconds of a label."""
        calculation = crystal_calculation(
            atoms, self.config["dft"], dict.fromkeys(self.species, "")
        )
        return self.unit * expected_cost(atoms, calculation)

    def label(self, atoms: Atoms, batch: str) -> Atoms:
        """Label a structure, and pay for it."""
        ((energies, forces, virial),) = Engine(self.oracle, [atoms]).values(self.oracle)
        self.hours += self.expected(atoms) / 3600
        labelled = atoms.copy()
        labelled.info["batch"] = batch
        labelled.calc = SinglePointCalculator(
            labelled, energy=energies.sum(), forces=forces, stress=virial / atoms.cell.volume
        )
        return labelled

    def learn(self, structures: Sequence[Atoms], batch: str, before: Potential | None) -> None:
        """Label structures, add them to the training set or hold them out, and fit."""
        settings = self.config["fit"]
        labelled = [self.label(atoms, batch) for atoms in structures]
        learnt, self.held_out = taken_in(self.held_out, labelled, self.config["verdict"]["rounds"])
        self.training += learnt
        found = learn(self.training, before, self.species, self.config, self.config["seed"], 2)
        self.potential = found.potential
        self.members = members(
            emphasised(self.training, settings["energy_scale"]),
            found.potential,
            Weights(**settings["weights"]),
            found.ridge,
            settings["members"],
            np.random.default_rng(self.config["seed"]),
            2,
        )

    def walks(self, stage: Mapping, number: int) -> list[Walk]:
        """Have the walkers of a round walk, two at a time."""
        sampling = {key: stage.get(key, value) for key, value in self.config["sampling"].items()}
        sizes = {
            len(cell) for element in self.config["elements"] for cell in starts(element, stage)
        }
        chosen = least_known_walkers(sampling)
        known = least_known(self.training, rows(self.potential, self.training), sizes, len(chosen))
        with tempfile.TemporaryDirectory() as name:
            write_potential(Path(name) / "potential.almtp", self.potential)
            barrier = wall(self.potential, self.training)

            def one(place: int) -> Walk:
                walker = Walker(self.config["seed"], stage["name"], number, place)
                start = (
                    known[chosen.index(place) % len(known)] if known and place in chosen else None
                )
                folder = Path(name) / str(place)
                folder.mkdir()
                provide(folder, Path(name) / "potential.almtp")
                drawn = draw_conditions(walker, self.config["elements"], stage, sampling, start)
                formula = drawn.start.get_chemical_formula()
                self.formulas.setdefault(stage["name"], []).append(formula)
                write_walk(folder, drawn, sampling, self.species, barrier)
                found = walk(folder, self.species, sampling["pair_style"])
                for frame in [*found.frames, *found.samples]:
                    frame.info["walker"] = place
                return found

            with ThreadPoolExecutor(2) as pool:
                return list(pool.map(one, range(sampling["walkers"])))

    def choice(self, stage: Mapping, number: int, found: Sequence[Walk]) -> Choice:
        """Choose what a round labels."""
        frames = gather(
            self.potential, [one.frames for one in found], self.config["selection"]["tolerance"]
        )
        samples = gather(self.potential, [one.samples for one in found], 0)
        own = of_stage(self.held_out, stage["name"])
        return choose(
            self.potential,
            frames,
            samples,
            extending(
                self.config["engine"],
                self.potential,
                self.training,
                frames,
                {
                    "threshold": self.config["sampling"]["save_above"],
                    "at_most": self.config["selection"]["at_most"],
                },
                np.array(list(map(self.expected, frames.structures)))
                if self.config["selection"]["prefer"] == "cheapest"
                else None,
            ),
            {
                "held_out": self.config["verdict"]["held_out"],
                "at_most": self.config["selection"]["at_most"],
            },
            intolerable(in_report_units(errors(self.potential, own)), self.config["verdict"]),
            disagreement(self.members, samples.structures).force,
            np.random.default_rng([zlib.crc32(stage["name"].encode()), number]),
        )

    def affordable(self, choice: Choice) -> Choice:
        """What of a choice is within the budget."""
        left = (self.config["budget"]["core_hours"] or np.inf) - self.hours
        return within_budget(
            choice, np.cumsum(list(map(self.expected, choice.structures))) / 3600, left
        )


def _low_symmetry(element: Mapping) -> Atoms:
    """Two atoms without symmetry, of which the price of a label is known."""
    atoms = bulk(element["symbol"], "bcc", a=element["lattice_constant"], cubic=True)
    atoms.set_cell(atoms.cell.array @ [[1, 0.02, 0.01], [0, 1.01, 0.03], [0, 0, 0.98]], True)
    atoms.rattle(0.1, seed=1)
    return atoms


def row(campaign: Campaign, name: str, words: str, unseen: Sequence[Atoms]) -> str:
    """One line on a round: cost, errors on the set and by size, labels by atoms."""
    whole, *parts = errors_by_size(campaign.potential, unseen)
    by_size = ", ".join(f"{1e3 * part.force:.1f}" for part in parts if part.configurations)
    sizes = Counter(len(atoms) for atoms in campaign.training + campaign.held_out)
    labels = ", ".join(f"{number} of {atoms}" for atoms, number in sorted(sizes.items()))
    return (
        f"{name:<20} {campaign.hours:5.2f} h  {1e3 * whole.force:8.2f} meV/A "
        f"{1e3 * whole.energy:7.2f} meV/atom  by size {by_size}  {labels}  {words}"
    )


def coverage(campaign: Campaign, unseen: Sequence[Atoms]) -> str:
    """Walks, labels and errors by composition, of an alloy, and labels with symmetry by stage."""
    labelled = campaign.training + campaign.held_out
    table = coverage_table(labelled, campaign.formulas, campaign.species)
    by_composition: dict[tuple[int, ...], list] = {}
    found = differences(campaign.potential, unseen, up_to_constants=True)
    for one, atoms in zip(found, unseen, strict=True):
        by_composition.setdefault(tenths_of(atoms, campaign.species), []).append(one)
    lines = [table.to_string(index=False, float_format="%.0f")]
    for tenths, part in sorted(by_composition.items()):
        of_range = summary(part)
        lines.append(
            f"tenths {', '.join(map(str, tenths))}: {of_range.configurations} structures, "
            f"{1e3 * of_range.force:.2f} meV/A, {1e3 * of_range.energy:.2f} meV/atom"
        )
    return "\n".join(lines)


def run(config: Mapping, oracle: Potential, unseen: Sequence[Atoms], seconds: float) -> None:
    """Run a campaign; print a line a round and, of an alloy, errors by composition."""
    campaign = Campaign(config, oracle, seconds)
    print(row(campaign, "seeds", "", unseen), flush=True)
    for stage in config["stages"]:
        if not walked(campaign, stage, unseen):
            print("the budget is spent")
            break
    if len(campaign.species) > 1:
        print(coverage(campaign, unseen))


def walked(campaign: Campaign, stage: Mapping, unseen: Sequence[Atoms]) -> bool:
    """Go through a stage, printing a line a round; say whether the budget has lasted."""
    for number in range(stage["rounds"]):
        name = f"{stage['name']}/{number:03d}"
        found = campaign.walks(stage, number)
        fates = Counter(str(one.fate) for one in found)
        words = ", ".join(f"{times} {fate}" for fate, times in fates.items())
        chosen = campaign.choice(stage, number, found)
        if not chosen.structures:
            print(f"{name:<20} nothing to label; {words}", flush=True)
            break
        chosen = campaign.affordable(chosen)
        if chosen.outcome == Outcome.BUDGET:
            return False
        campaign.learn(chosen.structures, name, campaign.potential)
        print(row(campaign, name, f"{chosen.outcome}; {words}", unseen), flush=True)
    return True


def read_configuration(path: str) -> dict:
    """Read a campaign's configuration, with its preset and the schema's defaults filled in."""
    config = with_preset(load_configfile(path), load_configfile("config/presets.yaml"))
    validate(config, schema=str(Path("config/schemas/config.schema.yaml").resolve()))
    return config


def main(path: str, oracle: str, labelled: str, seconds: str = "70", *numbers: str) -> None:
    """Run the campaign once for each seed."""
    config = read_configuration(path)
    species = tuple(element["symbol"] for element in config["elements"])
    unseen = read_labelled(labelled, species)
    for seed in map(int, numbers or [config["seed"]]):
        print(f"{path}, seed {seed}, labels by {Path(oracle).name}")
        run(dict(config) | {"seed": seed}, read_potential(oracle, species), unseen, float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
