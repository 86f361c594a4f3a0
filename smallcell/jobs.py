"""A label job: look the structure up in the store, else run pw.x and store the result."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ase import Atoms

from smallcell.labels import OUTPUT, Calculation, Fate, run_pw, too_close
from smallcell.store import label_key, read_label, write_label


def label_once(
    atoms: Atoms, calculation: Calculation, settings: Mapping, upf: str
) -> tuple[dict, Atoms | None]:
    """Label a structure unless the store has it already.

    Parameters
    ----------
    atoms : Atoms
    calculation : Calculation
    settings : Mapping
        ``dft`` with ``command`` and ``time_limit`` (s), ``labels`` with ``store`` and ``closest``.
    upf : str
        Path of one of the campaign's pseudopotentials; the others are beside it.

    Returns
    -------
    report : dict
        ``key``, ``fate``, ``message``, ``core_seconds`` of this job and ``label_core_seconds``
        that the label cost when it was computed.
    labelled : Atoms or None
        What the store has under the key, None if the label failed.
    """
    store, key = Path(settings["labels"]["store"]), label_key(atoms, calculation)
    if found := read_label(store, key):
        return _report(key, Fate.FROM_STORE, "", 0.0, found[1]), found[0]
    if pair := too_close(atoms, settings["labels"]["closest"]):
        return _report(key, Fate.TOO_CLOSE, pair, 0.0, 0.0), None
    with tempfile.TemporaryDirectory(prefix="pw.x-") as scratch:
        outcome = run_pw(
            atoms,
            calculation,
            settings["dft"]["command"],
            Path(upf).parent,
            settings["dft"]["time_limit"],
            Path(scratch),
        )
        seconds = outcome.core_seconds
        if outcome.atoms is None:
            return _report(key, outcome.fate, outcome.message, seconds, 0.0), None
        output = (Path(scratch) / OUTPUT).read_text()
        write_label(store, outcome.atoms, calculation, seconds, output)
    # The store rounds what it writes: every campaign reads the same numbers, the first one too.
    return _report(key, Fate.LABELLED, "", seconds, seconds), read_label(store, key)[0]


def _report(
    key: str, fate: Fate, message: str, core_seconds: float, label_core_seconds: float
) -> dict:
    return {
        "key": key,
        "fate": str(fate),
        "message": message,
        "core_seconds": core_seconds,
        "label_core_seconds": label_core_seconds,
    }
