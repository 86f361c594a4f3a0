"""Verification finds whatever is wrong with a store, and nothing in one that is right."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from smallcell.store import DESCRIPTION, OUTPUT, STRUCTURE, file_hash
from smallcell.verification import summary, verify


@pytest.fixture
def store(labelled_store, tmp_path) -> Path:
    """A copy of the store that pw.x has filled, to be damaged."""
    return shutil.copytree(labelled_store.folder, tmp_path / "labels")


@pytest.fixture
def entry(store, labelled_store) -> Path:
    """The crystal's entry."""
    key = labelled_store.reports["crystal"]["key"]
    return store / key[:2] / key


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def sign(entry: Path, **changes) -> None:
    """Write checksums anew, and other parts of the description, as a forger would."""
    description = json.loads((entry / DESCRIPTION).read_text()) | changes
    description["sha256"] = {name: file_hash(entry / name) for name in (STRUCTURE, OUTPUT)}
    (entry / DESCRIPTION).write_text(json.dumps(description))


def command(store: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "smallcell.verification", str(store)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_store_in_order_passes(store):
    findings = verify(store)
    assert (findings.faults, findings.leftovers) == ([], [])
    assert len(findings.descriptions) == 2
    run = command(store)
    assert run.returncode == 0
    assert "labels      2 in order, 0 faults" in run.stdout


def test_what_killed_jobs_left_is_listed_and_no_fault(store):
    (store / ".part-0123").mkdir()
    findings = verify(store)
    assert (findings.faults, findings.leftovers) == ([], [store / ".part-0123"])
    assert f"{store}/.part-0123" in summary(store, findings)


@pytest.mark.parametrize("name", [STRUCTURE, OUTPUT])
def test_a_changed_file_is_found(store, entry, name):
    content = bytearray((entry / name).read_bytes())
    content[len(content) // 2] ^= 1
    (entry / name).write_bytes(content)
    (fault,) = verify(store).faults
    assert fault.startswith(f"{entry}: {name} not as written")


@pytest.mark.parametrize("name", [STRUCTURE, OUTPUT, DESCRIPTION])
def test_a_lost_file_is_found(store, entry, name):
    (entry / name).unlink()
    (fault,) = verify(store).faults
    assert fault.startswith(f"{entry}: cannot be read")
    assert name in fault


def test_a_number_that_pw_did_not_print_is_found_in_spite_of_checksums(store, entry):
    edit(entry / STRUCTURE, "energy=-", "energy=-1")
    sign(entry)
    (fault,) = verify(store).faults
    assert "energy in label.extxyz and pw.out.gz differ by" in fault


def test_another_magnetic_moment_is_found(store, labelled_store):
    key = labelled_store.reports["atom"]["key"]
    atom = store / key[:2] / key
    edit(atom / STRUCTURE, "magmom=1.0", "magmom=0.0")
    sign(atom)
    (fault,) = verify(store).faults
    assert fault == f"{atom}: label.extxyz has another magnetic moment than pw.out.gz"


def test_forces_that_do_not_sum_to_zero_are_found(store, entry):
    lines = (entry / STRUCTURE).read_text().splitlines()
    *kept, force = lines[2].split()
    lines[2] = " ".join([*kept, str(float(force) + 0.01)])
    (entry / STRUCTURE).write_text("\n".join(lines) + "\n")
    sign(entry)
    faults = verify(store).faults
    assert any("forces do not sum to zero, but to 0.01 eV/A" in fault for fault in faults)
    assert any("forces in label.extxyz and pw.out.gz differ by 0.01" in fault for fault in faults)


def test_settings_that_the_key_is_not_of_are_found(store, entry):
    calculation = json.loads((entry / DESCRIPTION).read_text())["calculation"]
    calculation["system"]["ecutwfc"] = 21
    sign(entry, calculation=calculation)
    (fault,) = verify(store).faults
    assert f"{entry}: its content has the key" in fault


def test_an_output_of_another_run_is_found(store, entry, labelled_store):
    key = labelled_store.reports["atom"]["key"]
    shutil.copy(store / key[:2] / key / OUTPUT, entry / OUTPUT)
    sign(entry)
    assert any("of another structure" in fault for fault in verify(store).faults)


def test_an_output_of_another_release_is_found(store, entry):
    output = gzip.decompress((entry / OUTPUT).read_bytes()).decode()
    (entry / OUTPUT).write_bytes(gzip.compress(output.replace("PWSCF v.", "PWSCF v.9").encode()))
    sign(entry)
    faults = verify(store).faults
    assert any("its content has the key" in fault for fault in faults)
    assert any("tells program, convergence or cores otherwise" in fault for fault in faults)


def test_what_lies_in_a_wrong_place_is_found(store, entry):
    entry.rename(store / "zz")
    (store / "notes.txt").touch()
    (store / f".damaged-{entry.name}").mkdir()
    faults = verify(store).faults
    assert any("notes.txt: no part of a label store" in fault for fault in faults)
    assert any("damaged, and was set aside" in fault for fault in faults)
    assert any(f"{store}/zz" in fault for fault in faults)


def test_an_entry_of_another_format_is_named(store, entry):
    sign(entry, format=1)
    run = command(store)
    assert run.returncode == 1
    assert "labels      1 in order, 1 faults" in run.stdout
    assert f"{entry}: {DESCRIPTION} is of format 1, not 2" in run.stdout


def test_no_store_is_said_in_one_line(tmp_path):
    run = command(tmp_path / "none")
    assert run.returncode == 1
    assert (
        run.stderr
        == f"{tmp_path}/none: there is no such folder; name the label store as STORE=...\n"
    )
