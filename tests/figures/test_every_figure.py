"""What holds for every figure: labels inside and apart, nothing raw, nothing by colour alone."""

from __future__ import annotations

import re
from typing import Any

import kinds
import pytest
from matplotlib.text import Text

from uploadtrends.figures.canvas import layout


@pytest.mark.slow  # the first to need the results
@pytest.mark.parametrize("width", [3.5, 7.0])
def test_labels_stay_inside_and_apart(width: float) -> None:
    for name, figure in kinds.english(width):
        assert layout.outside(figure) == [], name
        crowded = name == "EventSet"  # its markers stand in lanes, numbers of three digits close by
        assert crowded or layout.overlaps(figure) == [], name


def test_legends_stay_inside_and_off_the_panels() -> None:
    for name, figure in kinds.english(3.5):
        figure.draw_without_rendering()
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert box.x1 <= figure.bbox.x1 + 1, name
            for axes in figure.axes:
                assert not axes.axison or axes.get_window_extent().y1 <= box.y0 + 1, name


def test_no_raw_id_stands_in_a_figure() -> None:
    for name, figure in kinds.english(7.0):
        said = [text.get_text() for text in figure.findobj(Text)]
        assert not [
            text for text in said if re.search(r"[0-9a-f]{12}|[a-z]_[a-z]|mathdefault", text)
        ], name


def test_lines_of_one_panel_differ_without_colour() -> None:
    for name, figure in kinds.english(7.0):
        for axes in figure.axes:
            looks: dict[Any, str] = {}
            for line in axes.get_lines():
                label = str(line.get_label())
                if label.startswith("_"):
                    continue
                look = line.get_linestyle(), line.get_marker(), line.get_linewidth()
                look += (line.get_markerfacecolor() == "none", line.get_markersize())
                assert looks.setdefault(look, label) == label, (name, looks, label)
