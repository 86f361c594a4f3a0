"""A label job: look the structure up in the store, else run pw.x and store the result."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ase import Atoms

from smallcell.claims import claimed
from smallcell.labels import OUTPUT, SUCCESSES, Calculation, Fate, too_close
from smallcell.ladder import climb
from smallcell.programs import Program
from smallcell.pseudopotentials import check_seal
from smallcell.pw_output import version
from smallcell.store import find_label, label_key, read_label, write_label


def label_once(
    atoms: Atoms,
    calculation: Calculation,
    program: Program,
    settings: Mapping,
    upf: Sequence[str],
) -> tuple[dict, Atoms | None]:
    """Label a structure unless the store has it already; wait if somebody else is labelling it.

    Parameters
    ----------
    atoms : Atoms
        In its canonical form (see `smallcell.canonical`).
    calculation : Calculation
    program : Program
        That labels are to come from; of whatever version the store has, if it names none.
    settings : Mapping
        ``dft`` with ``command``, ``cores`` and ``time_limit`` (s), ``labels`` with ``store`` and
        ``closest``. Where the command is None, the store is all there is.
    upf : sequence of str
        Paths of pseudopotentials, all in one folder; not needed without a command.

    Returns
    -------
    report : dict
        ``key``, ``fate``, ``message``, ``retries``, ``core_seconds`` of this job and
        ``label_core_seconds`` that the label cost when it was computed.
    labelled : Atoms or None
        What the store has under the key, None if there is no label.

    Raises
    ------
    RuntimeError
        If the command starts another release of the program.
    ValueError
        If a UPF file is not as it was made, or the store has a label in another format.
    OSError
        If the store cannot be written, or the disk is full.
    """
    store, command = Path(settings["labels"]["store"]), settings["dft"]["command"]
    key = label_key(atoms, calculation, program)
    if found := find_label(store, key):
        return _report(found.key, Fate.FROM_STORE, "", 0.0, found.core_seconds), found.atoms
    if pair := too_close(atoms, settings["labels"]["closest"]):
        return _report(key, Fate.TOO_CLOSE, pair, 0.0, 0.0), None
    if command is None:
        message = f"dft.command is null, and label store {store} has no label of this crystal"
        return _report(key, Fate.NOT_IN_STORE, message, 0.0, 0.0), None
    for path in upf:
        check_seal(Path(path))
    with claimed(store, key):
        if found := find_label(store, key):
            return _report(found.key, Fate.FROM_STORE, "", 0.0, found.core_seconds), found.atoms
        return _compute(atoms, calculation, program, settings, upf, key)


def _compute(
    atoms: Atoms,
    calculation: Calculation,
    program: Program,
    settings: Mapping,
    upf: Sequence[str],
    key: str,
) -> tuple[dict, Atoms | None]:
    """Run pw.x and store what comes of it under a key."""
    store, command = Path(settings["labels"]["store"]), settings["dft"]["command"]
    with tempfile.TemporaryDirectory(prefix="pw.x-") as scratch:
        began = time.monotonic()
        outcome = climb(atoms, calculation, settings["dft"], Path(upf[0]).parent, Path(scratch))
        seconds, core_seconds = time.monotonic() - began, outcome.core_seconds
        if outcome.atoms is None:
            return _report(
                key, outcome.fate, outcome.message, core_seconds, 0.0, outcome.retries
            ), None
        output = (Path(scratch) / OUTPUT).read_text()
    written = write_label(store, outcome.atoms, calculation, output, seconds, core_seconds)
    if written != key:
        raise RuntimeError(
            f"{command!r} is version {version(output)} of pw.x now, but this campaign began with "
            f"{program.version}: delete program.json in its results to go on with the new one"
        )
    # The store rounds what it writes: every campaign reads the same numbers, the first one too.
    found = read_label(store, key)
    return _report(key, Fate.LABELLED, "", core_seconds, core_seconds, outcome.retries), found.atoms


def stored_label(report: Mapping, store: Path) -> Atoms:
    """Label that a job has reported.

    Raises
    ------
    ValueError
        If it failed, or the store has it no longer.
    """
    if report["fate"] not in SUCCESSES:
        raise ValueError(
            f"{report['batch']}: the label of {report['formula']} with {report['atoms']} atoms has "
            f"failed: {report['fate']}, {report['message']}"
        )
    found = read_label(store, report["key"])
    if found is None:
        raise ValueError(
            f"label {report['key']} of {report['batch']} has gone from the store or is damaged; "
            f"delete {report['batch']}/labels in the results to have it made again"
        )
    return found.atoms


def _report(
    key: str,
    fate: Fate,
    message: str,
    core_seconds: float,
    label_core_seconds: float,
    retries: Sequence[str] = (),
) -> dict:
    return {
        "key": key,
        "fate": str(fate),
        "message": message,
        "retries": list(retries),
        "core_seconds": core_seconds,
        "label_core_seconds": label_core_seconds,
    }
