"""Programs start alone, also from within a step of a batch system."""

import os
import shutil

import pytest

from smallcell.programs import leave_launcher, without_launcher
from smallcell.pseudopotentials import generate_upf

STEP = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOBID": "7",
    "SLURM_NODELIST": "node",
    "SLURM_STEP_ID": "0",
    "SLURM_STEPID": "0",
    "SLURM_PROCID": "0",
    "PMI_RANK": "0",
    "PMIX_NAMESPACE": "slurm.pmix.7.0",
    "PMIX_RANK": "0",
}
"""What Open MPI looks at to find out that SLURM started it."""


def test_nothing_of_the_launcher_is_left():
    found = without_launcher(STEP | {"PATH": "/usr/bin", "SLURMISH": "1", "OMP_NUM_THREADS": "8"})
    assert found == {
        "PATH": "/usr/bin",
        "SLURMISH": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def test_this_process_can_leave_too(monkeypatch):
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    try:
        leave_launcher()
        assert not STEP.keys() & os.environ.keys()
        assert os.environ["PATH"] == before["PATH"]
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.skipif(not shutil.which("ld1.x"), reason="ld1.x is not installed")
def test_an_mpi_program_runs_in_a_step_of_slurm(monkeypatch):
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)
    with open("config/pseudopotentials/K.soft.ld1") as deck:
        assert "<UPF" in generate_upf(deck.read())
