"""Programs start alone, also from within a step of a batch system."""

import os
import shutil
import subprocess

import pytest
from processes import wait_until, working_in

from smallcell.programs import (
    ALONE,
    Program,
    ask_pw,
    k_points_at_most,
    leave_launcher,
    mpirun,
    parallel,
    pools,
    without_launcher,
)
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
    assert found == {"PATH": "/usr/bin", "SLURMISH": "1"} | ALONE
    assert found["OMP_NUM_THREADS"] == "1"


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


def test_a_program_alone_has_no_daemon_at_its_side(tmp_path):
    environment = without_launcher(os.environ)
    options = {"cwd": tmp_path, "env": environment, "stdout": subprocess.DEVNULL}
    pw = subprocess.Popen("pw.x", stdin=subprocess.PIPE, **options)
    try:
        # It reads its input after MPI has begun, and goes on waiting for the end of it.
        pw.stdin.write(b" ")
        pw.stdin.flush()
        wait_until(lambda: (tmp_path / "input_tmp.in").exists() or pw.poll() is not None, 30)
        assert pw.poll() is None
        assert list(working_in(tmp_path)) == [pw.pid]
    finally:
        pw.kill()
        pw.wait()


@pytest.mark.parametrize("command", ["pw.x", "env OMP_NUM_THREADS=1 pw.x"])
def test_pw_tells_its_version(command):
    program = ask_pw(command)
    assert program.name == "pw.x"
    assert program.version[0].isdecimal()
    assert program.release == f"pw.x-{program.version.split('.')[0]}"


@pytest.mark.parametrize("command", ["pw-of-nobody.x", "echo JOB DONE"])
def test_what_is_not_pw_is_named(command):
    with pytest.raises(ValueError, match=f"dft.command: '{command}' does not start pw.x"):
        ask_pw(command)


def test_releases_are_told_apart_by_the_major_version():
    versions = ("6.7MaX", "6.8", "7.3.1", "10.0")
    assert [Program("pw.x", version).release for version in versions] == [
        "pw.x-6",
        "pw.x-6",
        "pw.x-7",
        "pw.x-10",
    ]
    assert Program("pw.x", None).release == "pw.x"


def test_pools_are_a_divisor_of_the_cores_that_the_k_points_reach():
    assert pools(1, (4, 4, 4)) == 1
    assert pools(8, (4, 4, 4)) == 8
    assert pools(6, (2, 2, 1)) == 3
    assert pools(4, (3, 1, 1)) == 2
    assert pools(8, (1, 1, 1)) == 1


def test_k_points_are_counted_as_pw_counts_them():
    # Without symmetry pw.x has 8 points for a mesh of 2x2x2 and 14 for one of 3x3x3.
    assert k_points_at_most((2, 2, 2)) == 8
    assert k_points_at_most((3, 3, 3)) == 14
    assert k_points_at_most((4, 4, 2)) == 20
    assert k_points_at_most((1, 1, 1)) == 1


def test_pw_is_started_by_the_mpirun_beside_it(tmp_path, monkeypatch):
    for name in ("its own/pw.x", "its own/mpirun", "another/mpirun", "alone/pw.x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'another'}{os.pathsep}{tmp_path / 'its own'}")
    assert parallel("pw.x", 1, (2, 2, 2)) == "pw.x"
    beside = f"'{tmp_path / 'its own/mpirun'}' -np 2 pw.x -nk 2"
    assert parallel("pw.x", 2, (2, 2, 2)) == beside
    alone = str(tmp_path / "alone/pw.x")
    assert parallel(alone, 2, (1, 1, 1)) == f"{tmp_path / 'another/mpirun'} -np 2 {alone} -nk 1"
    monkeypatch.setenv("PATH", str(tmp_path / "alone"))
    assert mpirun("pw.x") is None
