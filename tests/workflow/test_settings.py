"""The gate and `snakemake convergence` through Snakemake, on the smallest cells, with real pw.x."""

import shutil
import subprocess

import pandas as pd
import pytest
import yaml
from test_campaign import Campaign

TRIED = {
    "atoms": 1,
    "ecutwfc": [16, 18],
    "ecutrho": [80],
    "degauss": [0.1],
    "k_spacing": [0.6, 1.1],
    "energy": 20,
    "force": 10,
    "pressure": 1,
}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Campaign:
    """The miniature, nothing of it run."""
    return Campaign(tmp_path_factory.mktemp("settings"), convergence=TRIED)


def test_a_spacing_too_coarse_for_the_gate_ends_the_campaign_with_the_table(campaign):
    campaign.configure(gate={})
    assert campaign.jobs_due("results/miniature/seeds/train.extxyz")["gate"] == 1
    target = "results/miniature/gate.txt"
    run = subprocess.run(
        campaign.command("--", target),
        cwd=campaign.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "energy differs by" in run.stdout
    assert "gate.energy allows 0.2" in run.stdout
    table = pd.read_csv(campaign.results / "gate.csv")
    assert table["cell"].tolist() == ["seeds", "two-atoms"] * 2
    assert table["atoms"].tolist() == [1, 2, 1, 2]
    assert table["k-mesh"].tolist()[:2] == ["3x3x3", "2x2x2"]
    assert not (campaign.folder / target).exists()


def test_a_wider_gate_labels_nothing_again(campaign):
    campaign.configure(gate={"energy": 200, "pressure": 5})
    gate = "results/miniature/gate.txt"
    assert campaign.jobs_due(gate) == {"gate": 1}
    campaign.run("--", gate)
    assert "distorted K" in (campaign.folder / gate).read_text()


def test_a_campaign_without_a_gate_has_to_say_so(campaign):
    campaign.configure(gate=False)
    assert not {"gate", "gate_table", "gate_structures"} & set(campaign.jobs_due())


def test_a_campaign_is_not_changed_by_the_convergence_study(campaign):
    campaign.configure()
    assert not [rule for rule in campaign.jobs_due() if rule.startswith("convergence")]


BY_MLIP = {
    "engine": "mlip",
    "fit": {"weights": {"convention": "mlip"}, "members": 0},
    "selection": {"prefer": "largest grade"},
}


@pytest.mark.skipif(shutil.which("mlp") is not None, reason="mlp is on the PATH")
def test_a_campaign_by_mlip_without_mlp_ends_before_any_job_with_one_line(campaign):
    campaign.configure(**BY_MLIP)
    run = subprocess.run(
        campaign.command("--", "results/miniature/seeds/structures.extxyz"),
        cwd=campaign.folder,
        env=campaign.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    (line,) = [line for line in (run.stdout + run.stderr).splitlines() if "mlp:" in line]
    assert "mlp: not on the PATH, and engine: mlip" in line
    assert not (campaign.results / "seeds").exists()


def test_the_convergence_study_names_the_cheapest_settings_within_the_tolerances(campaign):
    campaign.configure()
    campaign.run("--", "convergence")
    folder = campaign.results / "convergence"
    table = pd.read_csv(folder / "table.csv").set_index("point")
    assert list(table.index) == [
        "reference",
        "ecutwfc-16",
        "k_spacing-1.1",
        "combined-0.6",
        "combined-1.1",
    ]
    errors = table.filter(like="error")
    assert (errors.loc["reference"] == 0).all()
    assert (errors.loc["k_spacing-1.1", "energy error meV/atom"]) > TRIED["energy"]
    assert errors.loc["ecutwfc-16", "pressure error GPa"] > 0
    chosen = yaml.safe_load((folder / "settings.yaml").read_text())["dft"]
    assert chosen["k_spacing"] == 0.6
    assert (folder / "figure.svg").read_text().count("<svg") == 1
    # A campaign takes the settings as they are.
    campaign.configure(dft=campaign.base["dft"] | chosen)
    assert campaign.jobs_due()
