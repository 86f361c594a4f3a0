"""Figures are the same bits from the same input."""

import matplotlib
import pytest

from smallcell.figures import write_figure

matplotlib.use("svg")
import matplotlib.pyplot as plt


def draw(path, height: float) -> bytes:
    figure, axis = plt.subplots()
    axis.plot([0, 1], [0, height], "o-", label="clipped, with markers")
    axis.fill_between([0, 1], [0, height], hatch="/")
    axis.imshow([[0, 1]])
    axis.legend()
    write_figure(path, figure)
    plt.close(figure)
    return path.read_bytes()


def test_the_same_figure_is_the_same_file_and_another_is_not(tmp_path):
    first = draw(tmp_path / "one" / "a.svg", 1.0)
    assert draw(tmp_path / "two" / "a.svg", 1.0) == first
    assert draw(tmp_path / "two" / "a.svg", 1.1) != first
    assert b"<dc:date>" not in first


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    figure, axis = plt.subplots()
    axis.set_title("$\\frac$")
    with pytest.raises(ValueError, match="frac"):
        write_figure(tmp_path / "a.svg", figure)
    plt.close(figure)
    assert list(tmp_path.iterdir()) == []
