"""What a running campaign tells: a line a step to the terminal, everything else to logs."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType


def log_to(path: str | Path) -> None:
    """Send the standard error of this process and of its children to a log file.

    Standard output stays with the terminal, for the one line that a step says of itself; and for
    what the machine is short of, since on a full disk a log stays empty.
    """
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(log, 2)
    os.close(log)
    sys.excepthook = _last_words


def _last_words(kind: type, error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, OSError):
        tell(str(error))
    sys.__excepthook__(kind, error, trace)


def tell(text: str) -> None:
    """Print a line of progress at once."""
    print(text, flush=True)


@contextmanager
def telling(news: Callable[[], str], every: float) -> Iterator[None]:
    """Print what there is to say again and again, as long as something runs.

    Parameters
    ----------
    news : callable
        Returns a line; called in a thread of its own. Of an empty one nothing is printed.
    every : float
        Seconds between two lines, and before the first.
    """
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(every):
            if line := news():
                tell(line)

    teller = threading.Thread(target=go_on, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def errors_in_words(errors: Mapping) -> str:
    """``1.2 meV/atom, 8 meV/A, 0.03 GPa`` for the errors of a ``fit.json``."""
    return (
        f"{errors['energy']:.2f} meV/atom, {errors['force']:.1f} meV/A, {errors['stress']:.3f} GPa"
    )
