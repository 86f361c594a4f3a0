"""Claims: who is computing a label just now, so that nobody computes it beside them.

A claim is a file ``<store>/.claims/<key>.<number>`` that says which process made it, and whose time
of modification that process renews every `BEAT` seconds for as long as it lives. Who wants the same
label waits while the claim is renewed. A claim that is not renewed for `PATIENCE` seconds, by the
watcher's own clock, is void, whatever became of its maker: a lost node, a kill, a full disk. If
its maker has ended on the watcher's own machine, that is found out at once. No two clocks are ever
compared, so that one that is wrong, or set back, does no harm.

To take a void claim's place is to make the file of the next number, which only one process can do.
Should two compute one label all the same, because one of them was suspended for minutes, work is
lost and nothing else: of two entries of one key the store keeps the first.
"""

import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from smallcell.store import CLAIMS, explained

BEAT = 15.0
"""Seconds between two renewals of a claim."""

PATIENCE = 120.0
"""Seconds without a renewal after which a claim is void; file servers may be late by a minute."""

GLANCE = 1.0
"""Seconds between two looks at somebody else's claim."""


@dataclass(frozen=True)
class Maker:
    """The process that made a claim.

    Attributes
    ----------
    machine : str
        Which boot of which machine, and which name space of processes on it.
    process : int
    began : str
        When the process was started, in its machine's clock ticks: numbers are given out again.
    name : str
        The same for people: host, process, job of SLURM.
    """

    machine: str
    process: int
    began: str
    name: str

    @classmethod
    def myself(cls) -> "Maker":
        """Describe this process."""
        job = os.environ.get("SLURM_JOB_ID")
        name = f"{socket.gethostname()}, process {os.getpid()}" + (job and f", job {job}" or "")
        return cls(_machine(), os.getpid(), _began(os.getpid()) or "", name)

    def has_ended(self) -> bool:
        """Whether it is certain that the process is no more; of other machines nothing is."""
        return self.machine == _machine() and self.began != _began(self.process)


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"


def _began(process: int) -> str | None:
    """Return when a process of this machine was started, None if there is none of that number."""
    try:
        # The name, in parentheses, may have spaces and parentheses in it.
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Of a process that has ended and that nobody has asked for its end, the entry stays.
    return None if state in "ZX" else numbers[18]


@contextmanager
def claimed(
    store: Path, key: str, beat: float = BEAT, patience: float = PATIENCE
) -> Iterator[None]:
    """Hold the claim of a label; wait first while somebody else holds it.

    Whoever has waited should ask the store again: most likely the label is there.

    Parameters
    ----------
    store : Path
        The label store; it is made if need be.
    key : str
        Of the label.
    beat, patience : float
        As `BEAT` and `PATIENCE` (s).

    Raises
    ------
    OSError
        If the store cannot be written.
    """
    with explained(store):
        mine = _take(store / CLAIMS, key, patience)
    released = threading.Event()
    renewal = threading.Thread(target=_renew, args=(mine, released, beat), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        released.set()
        renewal.join()
        mine.unlink(missing_ok=True)


def _take(folder: Path, key: str, patience: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        last = max(_numbers(folder, key), default=-1)
        if last < 0 or _is_void(folder / f"{key}.{last}", patience):
            mine = folder / f"{key}.{last + 1}"
            with suppress(FileExistsError):
                with open(mine, "x") as file:
                    json.dump(asdict(Maker.myself()), file)
                if _has_precedence(mine, key):
                    return mine
                mine.unlink(missing_ok=True)
        # A file server's clients may list a folder as it was a moment ago.
        time.sleep(GLANCE)


def _has_precedence(mine: Path, key: str) -> bool:
    """Whether a claim is the last one; if so, those whose place it has taken are removed."""
    folder, own = mine.parent, int(mine.name.removeprefix(f"{key}."))
    others = [number for number in _numbers(folder, key) if number != own]
    if any(number > own for number in others):
        return False
    for number in others:
        (folder / f"{key}.{number}").unlink(missing_ok=True)
    return True


def _numbers(folder: Path, key: str) -> list[int]:
    name = re.compile(rf"{re.escape(key)}\.(\d+)")
    return [int(found[1]) for found in map(name.fullmatch, os.listdir(folder)) if found]


def _is_void(claim: Path, patience: float) -> bool:
    """Wait until a claim is void (True) or gone (False)."""
    seen, since, told = None, time.monotonic(), False
    while True:
        try:
            # A file server's clients look at a file anew when they open it.
            with open(claim) as file:
                renewed, content = os.fstat(file.fileno()).st_mtime_ns, file.read()
        except FileNotFoundError:
            return False
        if renewed != seen:
            seen, since = renewed, time.monotonic()
        maker = _maker(content)
        if (maker and maker.has_ended()) or time.monotonic() - since > patience:
            return True
        if not told:
            who = maker.name if maker else "somebody"
            print(f"{claim.stem}: {who} computes it; waiting", file=sys.stderr, flush=True)
            told = True
        time.sleep(GLANCE)


def _maker(content: str) -> Maker | None:
    """Read who made a claim, None while that is still being written."""
    try:
        return Maker(**json.loads(content))
    except (ValueError, TypeError):
        return None


def _renew(claim: Path, released: threading.Event, beat: float) -> None:
    """Renew a claim until it is released, or until somebody else has taken its place."""
    while not released.wait(beat):
        try:
            os.utime(claim)
        except FileNotFoundError:
            return
        except OSError as error:
            print(f"{claim}: not renewed ({error.strerror})", file=sys.stderr, flush=True)
