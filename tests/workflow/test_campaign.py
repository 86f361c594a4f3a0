"""A miniature campaign through Snakemake, with real pw.x and LAMMPS.

The campaign starts from an empty store and is killed 21 times on its way; a second one, from the
store that the first has filled and on a machine without pw.x or network, runs through. Both must
end with the same potential.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from ase.units import GPa
from cluster import OPTIONS, Head, cluster, watched_pw
from conftest import REPOSITORY
from kills import KINDS, strike
from random_potentials import labelled, random_structures

from smallcell.budget import spent
from smallcell.engine import MTPCalculator
from smallcell.files import read_reports
from smallcell.met import read_met
from smallcell.potential import read_potential
from smallcell.store import read_label
from smallcell.training import read_structures, write_structures
from smallcell.verification import verify

PARTS = (
    "Snakefile",
    "rules",
    "scripts",
    "smallcell",
    "config",
    "docs",
    "envs",
    "profiles",
    "report",
)
MINIATURE = Path(__file__).with_name("miniature.yaml")
LABELLED = ("labelled", "from store")
DFT = yaml.safe_load(MINIATURE.read_text())["dft"]
UNSHARE = ["unshare", "--net"]
NO_NETWORK = [] if subprocess.run([*UNSHARE, "true"], check=False).returncode else UNSHARE
"""What starts a program without a network, where one may do so."""


class Campaign:
    """A copy of the workflow in a folder of its own, and its runs there."""

    def __init__(self, folder: Path, path: str = os.environ["PATH"], **changes) -> None:
        # Where pw.x and LAMMPS run has to be in this folder, too, for their ends to be seen.
        self.folder = folder = folder.resolve()
        self.environment = os.environ | {"PATH": path, "TMPDIR": str(folder / "scratch")}
        self.within: list[str] = []
        self.results = folder / "results/miniature"
        for part in PARTS:
            source, target = REPOSITORY / part, folder / part
            folder.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        (folder / "scratch").mkdir()
        self.base = yaml.safe_load(MINIATURE.read_text()) | changes
        self.configure()

    def configure(self, **changes) -> None:
        """Write the campaign's configuration, with other top-level entries if need be."""
        config = self.base | changes
        (self.folder / "miniature.yaml").write_text(yaml.safe_dump(config))

    def command(self, *options: str) -> list[str]:
        """Command of a run."""
        snakemake = ["snakemake", "--cores", "2", "--configfile", "miniature.yaml", *options]
        return [*self.within, *snakemake]

    def run(self, *options: str) -> str:
        """Run to the end and return what was printed."""
        run = subprocess.run(
            self.command(*options),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout + run.stderr

    def start(self, *options: str) -> subprocess.Popen:
        """Start a run in a session of its own, to be killed."""
        return subprocess.Popen(
            self.command(*options),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_when(self, pattern: str) -> None:
        """Start a run and kill it and its jobs, SIGKILL, as soon as a file is there."""
        process = self.start()
        while process.poll() is None and not list(self.folder.glob(pattern)):
            time.sleep(0.1)
        assert process.poll() is None, f"the run ended before there was a {pattern}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.run("--unlock")

    def jobs_due(self, *targets: str) -> dict[str, int]:
        """Jobs that a dry run sees, with their numbers."""
        table = self.run("-n", "--quiet", "rules", "--", *targets).split("Job stats:")
        if len(table) == 1:
            return {}
        rows = [line.split() for line in table[1].split("total")[0].splitlines()]
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    def potential(self) -> bytes:
        """The potential with its active set, as bytes."""
        return (self.results / "potential.almtp").read_bytes()


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Campaign:
    """A campaign that was killed while labelling seeds, while walking and in its second stage.

    Before each of these it is killed at six random moments, soon after its start, so that they cost
    little time: Snakemake alone, a job alone, all at once, and again.
    """
    campaign = Campaign(tmp_path_factory.mktemp("killed") / "it's a Ördner")
    rng = np.random.default_rng(1)
    for pattern in (
        "logs/seeds/labels/*.log",
        "one-atom/000/walkers/*.json",
        "two-atoms/000/labels/*.json",
    ):
        for kind in 2 * KINDS:
            strike(campaign, kind, rng.uniform(2, 7), rng)
        campaign.kill_when(f"results/miniature/{pattern}")
    campaign.run()
    return campaign


def last_batch(campaign: Campaign) -> Path:
    """Folder of the last batch that was fitted to."""
    return max(campaign.results.glob("**/fit.json"), key=lambda path: path.stat().st_mtime).parent


def energy_of(atoms) -> float:
    """Tell labelled structures apart, of which no two have the same energy."""
    return round(atoms.get_potential_energy(), 6)


def path_without(programs: set[str], folder: Path) -> str:
    """A PATH on which everything is as before, but for some programs."""
    places = []
    for number, place in enumerate(os.environ["PATH"].split(os.pathsep)):
        found = {name for name in programs if shutil.which(name, path=place)}
        if found:
            links = folder / str(number)
            links.mkdir()
            for program in set(os.listdir(place)) - found:
                (links / program).symlink_to(Path(place) / program)
            place = str(links)
        places.append(place)
    return os.pathsep.join(places)


@pytest.fixture(scope="module")
def replayed(killed, tmp_path_factory) -> Campaign:
    """The same campaign from the labels of the other, on an odd machine.

    Without pw.x and network, in a plain C locale, and what it makes is for nobody else to see.
    """
    path = path_without({"pw.x", "ld1.x"}, tmp_path_factory.mktemp("path"))
    assert not shutil.which("pw.x", path=path)
    campaign = Campaign(
        tmp_path_factory.mktemp("replayed") / "in another Ördner",
        path,
        dft=DFT | {"command": None},
        labels={"store": str(killed.folder / "labels")},
    )
    campaign.environment["LC_ALL"] = "C"
    campaign.within = [*NO_NETWORK, "sh", "-c", 'umask 077 && exec "$@"', "sh"]
    campaign.run()
    return campaign


def test_a_campaign_learns_in_two_stages(killed):
    rounds = pd.read_csv(killed.results / "rounds.csv")
    learnt = rounds[~rounds["stage"].isin(["seeds", "audit"]) & (rounds["selected"] > 0)]
    assert learnt["stage"].nunique() == 2
    assert len(learnt) >= 2
    potential = read_potential(killed.results / "potential.almtp")
    assert potential.species == ("K",)
    assert potential.active_set.shape == (potential.n_parameters,) * 2
    fates = pd.read_csv(killed.results / "fates.csv")
    structures = read_structures(killed.results / "train.extxyz")
    held_out = read_structures(last_batch(killed) / "held_out.extxyz")
    assert len(structures) == rounds["training set"].max()
    assert len(structures) + len(held_out) == fates["fate"].isin(LABELLED).sum()
    for name in ("potential.mtp", "train.cfg", "rounds.svg", "summary.txt", "report.html"):
        assert (killed.results / name).stat().st_size > 0


def test_no_potential_is_fitted_to_what_it_is_judged_by(killed):
    batches = sorted(path.parent for path in killed.results.glob("*/[0-9]*/held_out.extxyz"))
    judged_by = set()
    for batch in batches:
        seen = {energy_of(atoms) for atoms in read_structures(batch / "train.extxyz")}
        unseen = {energy_of(atoms) for atoms in read_structures(batch / "held_out.extxyz")}
        assert not seen & unseen
        judged_by |= unseen
    assert judged_by
    verdicts = [json.loads((batch / "verdict.json").read_text()) for batch in batches]
    assert verdicts[-1]["decision"] == "stage ends"
    assert max(verdict["held_out"]["configurations"] for verdict in verdicts) > 0


def test_grades_and_disagreements_of_walks_are_recorded(killed):
    reports = read_reports([*killed.results.glob("*/[0-9]*/selection.json")])
    table = pd.concat([pd.DataFrame(report["samples"]) for report in reports])
    assert len(table) > 0
    assert (table["disagreement eV/A"] >= 0).all()
    assert (table["grade"] > 0).all()
    conclusion = json.loads((killed.results / "diagnosis/calibration.json").read_text())
    assert "too few" in conclusion["conclusion"]
    assert (killed.results / "diagnosis/force_bias.svg").stat().st_size > 0


def test_costs_add_up_from_batch_to_batch(killed):
    rounds = pd.read_csv(killed.results / "rounds.csv")
    costs = json.loads((last_batch(killed) / "costs.json").read_text())
    assert costs["walks"] == pytest.approx(rounds["walk seconds"].sum(), rel=1e-4)
    assert costs["fits"] > rounds["fit seconds"].sum()
    # Of the gate's labels one is a seed, of which all are paid for once.
    assert costs["labels"] > rounds["label core-seconds in all"].sum() * (1 - 1e-4)
    assert costs["references"] > 0
    assert json.loads((killed.results / "costs.json").read_text()) == costs


def test_the_learning_curve_has_all_batches_on_the_same_structures(killed):
    curve = pd.read_csv(killed.results / "diagnosis/learning_curve.csv")
    rounds = pd.read_csv(killed.results / "rounds.csv").dropna(subset="loss")
    assert curve["training set"].tolist() == rounds["training set"].tolist()
    assert curve["core-hours"].is_monotonic_increasing
    parity = pd.read_csv(killed.results / "diagnosis/parity.csv").set_index(["set", "quantity"])
    last = curve.iloc[-1]
    assert last["held out force meV/A"] == pytest.approx(parity.loc[("held out", "force"), "RMSE"])


def test_walkers_tell_where_they_started_and_keep_samples(killed):
    reports = sorted(killed.results.glob("*/*/walkers/*.json"))
    kinds = set()
    for path in reports:
        report = json.loads(path.read_text())
        kinds.add(report["start"]["kind"])
        met = read_met(path.with_suffix(".extxyz"))
        samples = met.samples
        assert (len(met.frames), len(samples)) == (report["frames"], report["samples"])
        if report["fate"] == "finished":
            assert [atoms.info["step"] for atoms in samples] == [500, 1000, 1500, 2000]
        assert all(atoms.info["walker"] == int(path.stem) for atoms in samples)
    assert kinds == {"crystal", "least known"}


def test_what_the_audit_cut_out_is_compared_and_learnt(killed):
    table = pd.read_csv(killed.results / "audit.csv")
    assert len(table) == 1
    assert table["fate"].isin(LABELLED).all()
    learnt = read_structures(killed.results / "train.extxyz")
    (cut_out,) = [atoms for atoms in learnt if atoms.info["batch"] == "audit"]
    assert len(cut_out) == table["atoms"][0] <= 3
    # The potential before the audit, by itself, on the label as it is in the training set.
    before = sorted(killed.results.glob("*/[0-9][0-9][0-9]/potential.almtp"))[-1]
    potential = read_potential(before)
    calculator = MTPCalculator(potential)
    energy = calculator.get_property("energy", cut_out) - cut_out.get_potential_energy()
    force = calculator.get_property("forces", cut_out) - cut_out.get_forces()
    found = table[["energy error meV/atom", "largest force error meV/A"]].iloc[0]
    assert found.tolist() == pytest.approx(
        [1000 * energy / len(cut_out), 1000 * abs(force).max()], rel=1e-4
    )
    assert (killed.results / "audit/again/run.json").exists()
    summary = (killed.results / "summary.txt").read_text()
    assert "audit       54 atoms, 100 to 300 K and back" in summary
    assert "with them in the training set" in summary


def test_static_properties_stand_beside_those_that_pw_was_asked_for(killed):
    table = pd.read_csv(killed.results / "validation/static.csv")
    # The potential is too poor to have a minimum for certain: then its value is empty, no error.
    asked = table["property"].isin(["equation_of_state", "elastic"])
    assert table["property"].nunique() == 8
    assert table.loc[asked, "pw.x"].notna().all()
    assert table.loc[~asked, "pw.x"].isna().all()
    reports = [
        json.loads((killed.results / f"validation/elastic/labels/{number}.json").read_text())
        for number in range(3)
    ]
    stretched, compressed, _ = (
        read_label(killed.folder / "labels", report["key"]).atoms for report in reports
    )
    reference = json.loads((killed.results / "references/K.json").read_text())
    # Half the difference between the pressures of two crystals, wherever their axes are, with what
    # a finite basis leaves out of them.
    pressures = [
        (atoms.get_stress()[:3].mean() + reference["missing_virial"] / atoms.get_volume()) / GPa
        for atoms in (stretched, compressed)
    ]
    modulus = table.loc[(table["property"] == "elastic") & (table["quantity"] == "B"), "pw.x"]
    assert modulus.tolist() == pytest.approx([(pressures[0] - pressures[1]) / 0.02], rel=1e-4)
    assert modulus.item() > 0
    assert "elastic: 5 of 5 beside pw.x" in (killed.results / "summary.txt").read_text()
    assert (killed.results / "validation/dispersion.svg").stat().st_size > 0


def test_a_dynamic_property_has_a_value_with_an_error_or_a_reason(killed):
    table = pd.read_csv(killed.results / "validation/dynamic.csv")
    density, expansion = (row for _, row in table.iterrows() if "solid" in row["quantity"])
    assert density["quantity"] == "solid, 50 K"
    # The potential is too poor to hold a crystal for certain.
    assert pd.isna(density["potential"]) == pd.isna(density["uncertainty"])
    assert pd.isna(density["potential"]) == pd.notna(density["why empty"])
    assert pd.isna(expansion["potential"])
    assert "dynamics    density: " in (killed.results / "summary.txt").read_text()


def test_the_page_shows_all_that_the_campaign_has(killed):
    page = (killed.results / "report.html").read_text()
    missing = re.findall(r">([^<>]+) is missing", page)
    not_asked = ("hull", "structure", "diffusion", "mixing", "melting")
    figures = [f"validation/{name}.svg" for name in not_asked]
    assert missing == [*figures, "validation/compare.csv", "imports.csv"]
    assert page.count("data:image/svg+xml") == page.count("<figure>") == 12
    assert "include results/miniature/potential.lammps" in page


def test_nothing_finished_was_labelled_twice(killed):
    fates = pd.read_csv(killed.results / "fates.csv")
    kept = fates["fate"].isin(LABELLED)
    entries = [entry.name for entry in (killed.folder / "labels").glob("??/*")]
    # More than the structures: the isolated atom in three boxes, the crystal at two other cut-offs,
    # three crystals of the gate, of which a fourth is a seed, and three strained ones of the
    # elastic constants.
    assert len(entries) == len(set(entries)) == fates.loc[kept, "key"].nunique() + 3 + 2 + 3 + 3
    assert all(read_label(killed.folder / "labels", key) for key in entries)


def test_killed_and_resumed_or_not_the_potential_is_the_same_to_the_bit(killed, replayed):
    assert replayed.potential() == killed.potential()
    train = "results/miniature/train.extxyz"
    assert (replayed.folder / train).read_text() == (killed.folder / train).read_text()


@dataclass(frozen=True)
class ThroughSlurm:
    """A campaign, what its second head printed, the label store, what pw.x came to its end with."""

    campaign: Campaign
    said: str
    store: Path
    done: list[str]


@pytest.fixture(scope="module")
def through_slurm(killed, tmp_path_factory) -> ThroughSlurm:
    """The first round and the audit through SLURM, from a store that lacks the round's labels.

    A job of walks is cancelled on the way, and Snakemake is killed while the round is labelled.
    """
    place = tmp_path_factory.mktemp("through-slurm")
    store, (command, done) = place / "labels", watched_pw(place, delay="2")
    shutil.copytree(killed.folder / "labels", store)
    for report in read_reports(killed.results.glob("one-atom/000/labels/*.json")):
        shutil.rmtree(store / report["key"][:2] / report["key"])
    campaign = Campaign(
        place / "campaign",
        dft=DFT | {"command": command},
        labels={"store": str(store)},
        stages=[yaml.safe_load(MINIATURE.read_text())["stages"][0] | {"rounds": 1}],
        gate=False,
    )
    options = (*OPTIONS, "--", "results/miniature/potential.almtp")
    with cluster(tmp_path_factory.mktemp("slurm")) as slurm:
        head = Head(campaign.command(*options), campaign.folder)
        walks = campaign.results / "logs/one-atom/000/walkers"
        head.until(lambda: any(walks.glob("*.log")), "walking", 300)
        (job,) = slurm.running("walkers")
        slurm.cancel(job)
        head.until(lambda: any(store.glob(".claims/*")), "labelling", 300)
        head.kill()
        assert slurm.running("labels")
        campaign.run("--unlock")
        said = campaign.run(*options)
        assert slurm.jobs() == {}
    assert re.search(rf"JOB {job} ON node\d CANCELLED", head.log.read_text())
    return ThroughSlurm(campaign, said, store, done.read_text().splitlines())


def test_through_slurm_the_potential_is_the_same_to_the_bit(killed, through_slurm):
    first = "one-atom/000/potential.almtp"
    same = (killed.results / first).read_bytes()
    assert (through_slurm.campaign.results / first).read_bytes() == same


def test_through_slurm_what_the_audit_cut_out_is_learnt(through_slurm):
    results = through_slurm.campaign.results
    assert through_slurm.campaign.potential() == (results / "audit/potential.almtp").read_bytes()
    assert read_structures(results / "train.extxyz")[-1].info["batch"] == "audit"


def test_what_a_killed_head_has_left_in_the_queue_is_ended(through_slurm):
    assert re.search(r"jobs of an earlier run: \d+ ended \(\d+", through_slurm.said)


def test_through_slurm_no_label_was_finished_twice(through_slurm):
    assert len(through_slurm.done) == len(set(through_slurm.done)) > 0
    assert not any((through_slurm.store / ".claims").iterdir())


def test_a_replay_labels_nothing_and_needs_no_pw(replayed):
    fates = pd.read_csv(replayed.results / "fates.csv")
    assert set(fates["fate"]) == {"from store"}
    assert not (replayed.results / "pseudopotentials").exists()


def test_the_store_is_in_order(killed):
    findings = verify(killed.folder / "labels")
    assert findings.faults == []
    assert len(findings.descriptions) == len(list((killed.folder / "labels").glob("??/*")))


def test_what_a_store_lacks_ends_a_replay_with_that_fate(killed, tmp_path):
    campaign = Campaign(
        tmp_path,
        dft=DFT | {"command": None},
        labels={"store": str(killed.folder / "labels")},
        seeds={"strain": [0.9, 1.1], "number": 3, "unit": "primitive"},
    )
    run = subprocess.run(
        campaign.command(), cwd=campaign.folder, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "not in store, dft.command is null, and label store" in run.stdout + run.stderr
    assert "2 of 3 labels failed" in run.stdout + run.stderr


def test_a_second_run_does_nothing(replayed):
    assert "Nothing to be done" in replayed.run()


def test_files_of_tomorrow_repeat_nothing(replayed):
    """As where the clock was set back half-way: what came later is older than what it is of."""
    tomorrow = time.time() + 86_400
    written = {path: path.stat().st_mtime_ns for path in replayed.results.rglob("*")}
    early = sorted(written, key=written.get)[: len(written) // 2]
    for path in early:
        os.utime(path, (tomorrow, tomorrow))
    assert replayed.jobs_due() == {}
    for path in early:
        os.utime(path, ns=(written[path], written[path]))


def cut_off(content: bytes) -> bytes:
    """The first half."""
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """With another bit in the middle, of which there is no text."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x80]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut_off, flipped])
def test_damaged_notes_of_snakemake_repeat_nothing(replayed, damage):
    place = replayed.folder / ".snakemake/metadata"
    notes = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert notes
    for path, content in notes.items():
        path.write_bytes(damage(content))
    assert replayed.jobs_due() == {}
    for path, content in notes.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_the_mark_of_a_job_that_was_killed_once_it_was_through_repeats_nothing(replayed):
    """Snakemake would repeat a round's job where it knows of the round from the start."""
    file = "results/miniature/one-atom/000/fit.json"
    mark = replayed.folder / ".snakemake/incomplete" / base64.b64encode(file.encode()).decode()
    mark.write_text('{"external_jobid": null}')
    assert replayed.jobs_due() == {}
    mark.unlink()


def test_a_digit_that_changes_by_itself_ends_a_campaign_before_any_job(replayed):
    """Of the training set, say, by a disk, which leaves the time of writing as it was."""
    train = replayed.results / "train.extxyz"
    content, times = train.read_bytes(), train.stat()
    place = content.rindex(b"energy=") + 11
    digit = b"1" if content[place : place + 1] != b"1" else b"2"
    train.write_bytes(content[:place] + digit + content[place + 1 :])
    os.utime(train, ns=(times.st_atime_ns, times.st_mtime_ns))
    run = subprocess.run(
        replayed.command(),
        cwd=replayed.folder,
        env=replayed.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    train.write_bytes(content)
    os.utime(train, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run.returncode != 0
    assert "results/miniature/train.extxyz: damaged, it is not what was written" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_changed_validation_repeats_the_validation_alone(replayed):
    replayed.configure(validation={"cell": [2, 2, 2], "duration": 1.5, "dft": ["elastic"]})
    assert set(replayed.jobs_due()) == {"large_cell", "summary", "page", "all"}
    replayed.configure()


def test_each_run_of_a_dynamic_property_is_a_job_of_its_own(replayed):
    validation = yaml.safe_load(MINIATURE.read_text())["validation"]
    dynamics = {"solid": [50], "liquid": [400, 600], "melting": {"runs": 3}}
    names = ["density", "structure", "diffusion", "melting"]
    replayed.configure(validation=validation | {"dynamic": names, "dynamics": dynamics})
    expected = {"thermal": 3, "liquid": 2, "coexistence_search": 1, "coexistence": 3, "fusion": 2}
    due = replayed.jobs_due("results/miniature/validation/dynamic.csv")
    assert due == expected | dict.fromkeys([*names, "dynamic_properties"], 1)
    replayed.configure()


# A dry run that has not yet seen how the rounds end lists all that the audit labels and adds. Where
# what is due is looked at, there is none.


def test_a_change_of_the_second_stage_leaves_the_first_alone(replayed):
    first, second = yaml.safe_load(MINIATURE.read_text())["stages"]
    replayed.configure(stages=[first, second | {"temperature": [200, 400]}], audit=False)
    due = replayed.jobs_due()
    assert due["sample"] == 3
    assert due["select"] == 1
    assert not {"label", "train", "fit", "seeds", "reference"} & set(due)
    replayed.configure()


def test_a_changed_fit_repeats_what_follows_and_labels_nothing_again(killed):
    store = killed.folder / "labels"
    before = {entry.name: entry.stat().st_mtime for entry in store.glob("??/*")}
    first = yaml.safe_load(MINIATURE.read_text())["stages"][0]
    killed.configure(
        fit={"iterations": 50, "weights": {"force": 0.02}},
        stages=[first | {"rounds": 1}],
        validation={"cell": [2, 2, 2], "duration": 1, "properties": ["elastic"]},
        audit=False,
    )
    assert not {"label", "reference", "pseudopotential", "seeds"} & set(killed.jobs_due())
    old, began = killed.potential(), time.time()
    killed.run()
    assert killed.potential() != old
    reports = [
        report
        for path in killed.results.glob("**/labels/*.json")
        if path.stat().st_mtime > began
        for report in read_reports([path])
    ]
    assert reports
    assert not {report["key"] for report in reports if report["fate"] == "labelled"} & set(before)
    after = {entry.name: entry.stat().st_mtime for entry in store.glob("??/*")}
    assert before.items() <= after.items()


def test_bad_input_ends_before_any_job_with_one_line(replayed, tmp_path):
    campaign = Campaign(tmp_path, dft={"ecutwfc": 20, "ecutrho": 120, "k_spacing": 0})
    run = subprocess.run(
        campaign.command(), cwd=campaign.folder, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert said.count("dft.k_spacing: 0 is less than or equal to the minimum of 0") == 1
    assert "Traceback" not in said
    assert not (campaign.folder / "results").exists()


def test_no_pw_on_the_path_ends_before_any_job(replayed, tmp_path):
    campaign = Campaign(tmp_path / "campaign", dft={"command": "pw-of-nobody.x", **DFT})
    run = subprocess.run(
        campaign.command(), cwd=campaign.folder, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "pw-of-nobody.x: not on the PATH" in run.stdout + run.stderr
    assert not (campaign.folder / "results").exists()


def test_without_imports_there_is_no_job_for_them(tmp_path):
    assert not {"read_imports", "imports"} & set(Campaign(tmp_path).jobs_due())


@pytest.fixture(scope="module")
def importing(killed, tmp_path_factory) -> Campaign:
    """A campaign that begins with the training set of the first, seeds among it, and one stage."""
    campaign = Campaign(
        tmp_path_factory.mktemp("importing"),
        labels={"store": str(killed.folder / "labels")},
        imports=[{"file": "old.extxyz", "energies": "relative"}],
        stages=[yaml.safe_load(MINIATURE.read_text())["stages"][0] | {"rounds": 1}],
        audit=False,
        validation={
            "cell": [2, 2, 2],
            "duration": 1,
            "properties": ["elastic"],
            "compare": ["first/potential.mtp"],
            "test": {"file": "test.extxyz", "energies": "relative"},
        },
    )
    shutil.copy(killed.results / "train.extxyz", campaign.folder / "old.extxyz")
    (campaign.folder / "first").mkdir()
    for name in ("potential.mtp", "costs.json"):
        shutil.copy(killed.results / name, campaign.folder / "first")
    # What labels a test set does not matter here.
    potential = read_potential(killed.results / "potential.mtp")
    test = labelled(random_structures(("K",), 6, seed=9), potential)
    write_structures(campaign.folder / "test.extxyz", test)
    campaign.run()
    return campaign


def test_imported_structures_join_the_training_set_at_the_seeds(importing, killed):
    old = read_structures(killed.results / "train.extxyz")
    seeds = [atoms for atoms in old if atoms.info["batch"] == "seeds"]
    (row,) = pd.read_csv(importing.results / "imports.csv").to_dict("records")
    assert (row["configurations"], row["duplicates"]) == (len(old), len(seeds))
    assert row["kept"] == len(old) - len(seeds) > 0
    begun = read_structures(importing.results / "seeds/train.extxyz")
    assert [atoms.info["batch"] for atoms in begun] == ["import"] * row["kept"] + ["seeds"] * len(
        seeds
    )
    assert begun[0].info["source"] == "old.extxyz"
    assert pd.read_csv(importing.results / "rounds.csv")["training set"][0] == len(old)
    summary = (importing.results / "summary.txt").read_text()
    assert f"imported    {row['kept']} of {len(old)} structures, {len(seeds)} duplicates" in summary
    assert "Nothing to be done" in importing.run()


def test_a_test_set_is_compared_and_not_learnt(importing):
    test = read_structures(importing.folder / "test.extxyz")
    learnt = read_structures(importing.results / "train.extxyz")
    assert not {*map(energy_of, test)} & {*map(energy_of, learnt)}
    table = pd.read_csv(importing.results / "diagnosis/parity.csv").set_index("set")
    assert set(table.loc["test", "structures"]) == {len(test)}
    assert set(table.loc["training", "structures"]) == {len(learnt)}
    assert "force error, test" in (importing.results / "report.html").read_text()


def test_another_potential_stands_beside_the_campaigns_own(importing, killed):
    other = "first/potential.mtp"
    table = pd.read_csv(importing.results / "validation/compare.csv")
    rows = table.set_index(["property", "quantity"])
    own = pd.read_csv(killed.results / "validation/static.csv").set_index(["property", "quantity"])
    # Of the same crystals, the same potential has the same properties in either campaign.
    expected = own.loc[["equation_of_state", "elastic"], "potential"]
    pd.testing.assert_series_equal(
        rows.loc[expected.index, other], expected, check_names=False, rtol=1e-4
    )
    errors = rows.loc[("test", "force error"), [other, "miniature"]]
    assert errors[other] < 1e-3 < errors["miniature"]
    assert rows.loc[("cost", "molecular dynamics"), ["miniature", other]].min() > 0
    costs = json.loads((importing.folder / "first/costs.json").read_text())
    assert rows.loc[("cost", "campaign"), other] == pytest.approx(spent(costs), rel=1e-4)
    assert other in (importing.results / "report.html").read_text()


def test_what_is_known_from_an_import_is_not_labelled_again(importing, killed):
    """The seeds are as they were; of what the first campaign labelled nothing is selected."""
    old = set(pd.read_csv(killed.results / "fates.csv")["key"])
    fates = pd.read_csv(importing.results / "fates.csv")
    assert set(fates.loc[fates["stage"] == "seeds", "fate"]) == {"from store"}
    assert not set(fates.loc[fates["stage"] != "seeds", "key"]) & old


def test_the_crystals_of_the_equation_of_state_are_the_seeds(importing, killed):
    states = [
        json.loads((campaign.results / "validation/equation_of_state.json").read_text())["K"]
        for campaign in (importing, killed)
    ]
    assert states[0]["bulk_modulus_dft"] == states[1]["bulk_modulus_dft"]


def test_a_changed_import_repeats_what_follows_and_labels_no_seed_again(importing):
    file = importing.folder / "old.extxyz"
    structures = read_structures(file)
    write_structures(file, structures[:-1])
    due = importing.jobs_due()
    assert {"read_imports", "imports", "train", "fit"} <= set(due)
    assert not {"label", "seeds", "reference"} & set(due)


def test_an_import_in_other_units_ends_the_campaign_with_one_line(importing):
    file = importing.folder / "old.extxyz"
    wrong = read_structures(file)
    for atoms in wrong:
        atoms.calc.results["stress"] = atoms.get_stress() / GPa
    write_structures(file, wrong)
    run = subprocess.run(
        importing.command(), cwd=importing.folder, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    (line,) = [one for one in (run.stdout + run.stderr).splitlines() if one.startswith("imports: ")]
    assert "old.extxyz: stresses are" in line
    assert "they must be in eV/A^3, not in GPa" in line
