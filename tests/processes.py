"""Processes of this machine, by the folder that they work in."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def working_in(folder: Path) -> dict[int, str]:
    """Processes whose working folder is in a folder, with their command lines; no zombies."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        # What ends while it is looked at is not there; of a zombie no folder is known.
        with suppress(OSError):
            if Path(os.readlink(place / "cwd")).is_relative_to(folder.resolve()):
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(place.name)] = command.decode(errors="replace").strip()
    return found


def program(folder: Path, name: str) -> int | None:
    """Process in a folder that is the program itself, not what has started it."""
    for process, command in working_in(folder).items():
        if os.path.basename(command.split()[0] if command else "") == name:
            return process
    return None


def wait_until(condition: Callable, seconds: float = 60) -> object:
    """Wait for something to come true and return it; what comes not in time is returned too."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found
