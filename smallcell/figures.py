"""Figures: whole or not there, and the same bits from the same input."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from smallcell.files import written_whole


def write_figure(path: str | Path, figure: Figure, dots: int | None = None) -> None:
    """Write a figure as SVG, without the date, names in it made from what it shows.

    Parameters
    ----------
    path : str or Path
    figure : Figure
    dots : int, optional
        Per inch, of what is rasterized in it.
    """
    # Without a salt of ours names within the file are random.
    with written_whole(path) as part, matplotlib.rc_context({"svg.hashsalt": Path(path).name}):
        figure.savefig(part, format="svg", metadata={"Date": None}, dpi=dots or "figure")
