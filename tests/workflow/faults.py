"""What may befall a campaign on a cluster, on a real SLURM: ``make test-slurm``.

Lost nodes, jobs and controller, a wall time that is too short, a head that is killed: the miniature
campaign ends with the potential that it has on this machine alone, and nothing that was finished is
computed again. It takes ten minutes, and is not among the tests that `make test` runs.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cluster import OPTIONS, Head, cluster, wait_until, watched_pw
from test_campaign import DFT, Campaign

from smallcell.files import read_reports

ATOM = "results/miniature/references/K.json"
"""What comes of a job that does nothing but compute labels: an atom in three boxes, a crystal
twice."""


@pytest.fixture(scope="module")
def at_home(tmp_path_factory) -> Campaign:
    """The campaign on this machine alone."""
    campaign = Campaign(tmp_path_factory.mktemp("at-home"))
    campaign.run()
    return campaign


@pytest.fixture
def slurm(tmp_path):
    """A cluster for one test."""
    with cluster(tmp_path / "slurm") as found:
        yield found


def labels_of(campaign: Campaign, batches: tuple[str, ...]) -> set[str]:
    """Keys of the labels of some batches."""
    paths = [path for name in batches for path in campaign.results.glob(f"{name}/labels/*.json")]
    return {report["key"] for report in read_reports(paths)}


def claims(store: Path) -> list[Path]:
    """Claims of labels that are being computed, or were."""
    return list(store.glob(".claims/*"))


def test_a_campaign_that_loses_node_jobs_controller_and_head_ends_with_the_same_potential(
    at_home, slurm, tmp_path
):
    store, (command, done) = tmp_path / "labels", watched_pw(tmp_path, delay="3")
    shutil.copytree(at_home.folder / "labels", store)
    lacking = labels_of(at_home, ("seeds", "one-atom/*", "two-atoms/*"))
    for key in lacking:
        shutil.rmtree(store / key[:2] / key)
    campaign = Campaign(
        tmp_path / "campaign", dft=DFT | {"command": command}, labels={"store": str(store)}
    )
    began = time.monotonic()
    head = Head(campaign.command(*OPTIONS), campaign.folder)

    # The gate's labels, in a group of their own, come before.
    head.until(lambda: claims(store) and slurm.running("labels"), "labelling seeds", 300)
    seeds = slurm.running("labels")[0]
    node = slurm.node_of(seeds)
    slurm.lose(node)
    # It is some time before SLURM takes the node for lost and starts the job on the other.
    head.until(lambda: slurm.node_of(seeds) not in ("", node), "starting the job again", 400)
    slurm.bring_back(node)
    print(f"{node} lost while labelling seeds, {time.monotonic() - began:.0f} s")

    head.until(lambda: (campaign.results / "seeds/potential.almtp").exists(), "learning", 300)
    head.until(lambda: list(campaign.results.glob("logs/*/*/walkers/*.log")), "walking")
    (walks,) = slurm.running("walkers")
    slurm.cancel(walks)
    print(f"scancel of walks, {time.monotonic() - began:.0f} s")

    head.until(lambda: claims(store), "labelling a round")
    (labels,) = slurm.running("labels")
    slurm.cancel(labels)
    print(f"scancel of labels, {time.monotonic() - began:.0f} s")

    head.until(lambda: list(campaign.results.glob("*/000/fit.json")), "learning", 300)
    slurm.lose_controller()
    time.sleep(10)
    slurm.bring_back("controller")
    print(f"controller lost and started again, {time.monotonic() - began:.0f} s")

    head.until(lambda: list(campaign.results.glob("logs/two-atoms/000/labels/*.log")), "it", 600)
    head.until(lambda: claims(store), "labelling the second stage")
    head.kill()
    assert slurm.running("labels")
    campaign.run("--unlock")
    said = campaign.run(*OPTIONS)
    assert "jobs of an earlier run: " in said
    assert slurm.jobs() == {}
    print(f"head killed and started again; the end, {time.monotonic() - began:.0f} s")

    failed = head.log.read_text()
    for job in (walks, labels):
        assert re.search(rf"JOB {job} ON node\d CANCELLED", failed)
    assert campaign.potential() == at_home.potential()
    finished = done.read_text().splitlines()
    assert len(finished) == len(set(finished)) == len(lacking)


def new_campaign(place: Path, delay: str) -> tuple[Campaign, Path]:
    """A campaign with an empty store, and the list of what pw.x is done with."""
    command, done = watched_pw(place, delay)
    return Campaign(place / "campaign", dft=DFT | {"command": command}), done


def test_a_label_that_outlives_its_head_is_waited_for(slurm, tmp_path):
    campaign, done = new_campaign(tmp_path, delay="15")
    head = Head(campaign.command(*OPTIONS, "--", ATOM), campaign.folder)
    head.until(lambda: claims(campaign.folder / "labels"), "labelling")
    (job,) = slurm.running("reference_")
    head.kill()
    campaign.run("--unlock")
    said = campaign.run(*OPTIONS, "--", ATOM)
    assert f"1 computing labels, which are waited for ({job})" in said
    assert len(set(done.read_text().splitlines())) == len(done.read_text().splitlines()) == 5
    assert slurm.jobs() == {}
    assert not claims(campaign.folder / "labels")


def test_a_label_over_its_wall_time_is_tried_again_with_more(slurm, tmp_path):
    # The first time it sleeps for longer than the minute that it is given here.
    slow = f"$(mkdir {tmp_path}/slept 2>/dev/null && echo 600 || echo 0)"
    campaign, done = new_campaign(tmp_path, delay=slow)
    minutes = "reference:runtime=1 if attempt == 1 else 10"
    said = campaign.run(*OPTIONS, "--set-resources", minutes, "--", ATOM)
    assert "SLURM status is: 'TIMEOUT'" in said
    assert len(set(done.read_text().splitlines())) == len(done.read_text().splitlines()) == 5
    assert not claims(campaign.folder / "labels")


def test_a_label_over_its_memory_is_tried_again_with_more(slurm, tmp_path):
    # Python alone takes more than it is given here at first.
    campaign, done = new_campaign(tmp_path, delay="5")
    megabytes = "reference:mem_mb=20 if attempt == 1 else 2000"
    said = campaign.run(*OPTIONS, "--set-resources", megabytes, "--", ATOM)
    assert re.search(r"SLURM status is: '(OUT_OF_MEMORY|FAILED|CANCELLED)'", said)
    assert len(set(done.read_text().splitlines())) == len(done.read_text().splitlines()) == 5
    assert not claims(campaign.folder / "labels")


def test_nothing_of_a_cluster_outlives_it(tmp_path):
    with cluster(tmp_path / "slurm"):
        # Away from its job's session, and its parent ends at once.
        left = "setsid sh -c 'echo $$ >left; exec sleep 1000' & sleep 1"
        subprocess.run(
            ["sbatch", "--wait", "--output=/dev/null", f"--chdir={tmp_path}", f"--wrap={left}"],
            check=True,
        )
        process = Path("/proc", (tmp_path / "left").read_text().strip())
        assert process.exists()
    # Killed, it has still to be buried.
    wait_until(lambda: not process.exists(), 20, "gone")
