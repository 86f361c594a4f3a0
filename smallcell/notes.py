"""Snakemake's notes on jobs that it has run, ``.snakemake/metadata``."""

from pathlib import Path


def drop_damaged(notes: Path) -> None:
    """Delete notes that Snakemake would end with a traceback over.

    It passes over a note that is cut off, but none with bytes of no text: its notes are ASCII. What
    has no note is not run again for that.
    """
    for path in notes.rglob("*"):
        if path.is_file() and not path.read_bytes().isascii():
            path.unlink()
