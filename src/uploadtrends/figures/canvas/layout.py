"""Placing text and axes in inches, so that labels can be measured before they are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from uploadtrends.figures.canvas import fonts
from uploadtrends.figures.canvas.styling import say

LINE = 1.35  # line height, in units of the font size


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width in inches of one line of text at a font size in points.

    A little more than the sum of the letters, because hinting rounds them to whole pixels.
    """
    return 1.02 * size / 72 * _advance(text, fonts.main_font(weight))


def _advance(text: str, path: str, start: float = 0.0) -> float:
    return sum((fonts.advance(letter, path) for letter in text), start)


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Break text into lines no wider than `width` inches.

    Lines break at spaces, and between letters where the script is written without them; a word of
    another script that is too long stays whole.
    """
    path = fonts.main_font(weight)
    lines: list[str] = []
    current, reached = "", 0.0
    for word, apart in _pieces(text):
        longer = _advance(apart + word, path, reached) if current else 0.0
        if current and 1.02 * size / 72 * longer <= width:
            current, reached = f"{current}{apart}{word}", longer
        else:
            lines += [current] if current else []
            current, reached = word, _advance(word, path)
    return [*lines, current] if current else lines


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return what must stay together, each with what stands before it."""
    pieces = []
    for word in re.split(r"[ \t\r\n]+", text.strip()):  # not at a no-break space
        apart = " "
        run = ""
        for letter in word:
            if fonts.is_wide(letter):
                if run:
                    pieces.append((run, apart))
                    apart, run = "", ""
                pieces.append((letter, apart))
                apart = ""
            else:
                run += letter
        if run:
            pieces.append((run, apart))
    return pieces


def line_height(size: float) -> float:
    """Return the height in inches of a line of text."""
    return size * LINE / 72


def lanes(starts: Sequence[float], width: float) -> list[int]:
    """Put markers of equal width into the fewest lanes without overlap (first fit, left to right).

    `starts` are positions in inches in rising order; the answer gives the lane of each.
    """
    free: list[float] = []
    chosen = []
    for start in starts:
        for lane, until in enumerate(free):
            if start >= until - 1e-9:
                free[lane] = start + width
                chosen.append(lane)
                break
        else:
            free.append(start + width)
            chosen.append(len(free) - 1)
    return chosen


def place(
    figure: Figure, left: float, top: float, width: float, height: float, *, bare: bool = False
) -> Axes:
    """Add axes by their position in inches, measured from the top left corner of the figure.

    With `bare=True` the axes have no frame and their data units are inches, y growing downwards.
    """
    full_width, full_height = figure.get_size_inches()
    box = (
        left / full_width,
        1 - (top + height) / full_height,
        width / full_width,
        height / full_height,
    )
    axes = figure.add_axes(box)
    if bare:
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    return axes


def above(axes: Axes, height: float) -> Axes:
    """Return bare axes of a height in inches that stand on top of other axes."""
    figure: Any = axes.get_figure(root=True)
    full_width, full_height = figure.get_size_inches()
    box = axes.get_position()
    left, top = box.x0 * full_width, (1 - box.y1) * full_height
    return place(figure, left, top - height, box.width * full_width, height, bare=True)


def write(
    axes: Axes,
    text: str,
    left: float,
    top: float,
    width: float,
    size: float,
    *,
    colour: str | None = None,
    weight: str = "normal",
) -> float:
    """Write wrapped text on bare axes and return the height used, in inches."""
    rows = wrap(text, width, size, weight)
    step = line_height(size)
    for number, row in enumerate(rows):
        axes.text(
            left,
            top + number * step,
            row,
            fontsize=size,
            va="top",
            ha="left",
            fontweight=weight,
            color=colour or mpl.rcParams["text.color"],
        )
    return step * len(rows)


def label(
    figure: Figure,
    text: str,
    left: float,
    top: float,
    width: float,
    size: float,
    *,
    weight: str = "normal",
    colour: str | None = None,
) -> None:
    """Write wrapped text on the figure itself, at a place in inches from its top left corner."""
    full_width, full_height = figure.get_size_inches()
    step = line_height(size)
    for number, row in enumerate(wrap(text, width, size, weight)):
        figure.text(
            left / full_width,
            1 - (top + number * step) / full_height,
            row,
            fontsize=size,
            fontweight=weight,
            va="top",
            ha="left",
            color=colour or mpl.rcParams["text.color"],
        )


def stretch(figure: Figure, head: float, below: float = 0.0) -> None:
    """Add room (inches) above and below, and keep everything else in its place."""
    width, height = (float(side) for side in figure.get_size_inches())
    tall = height + head + below

    def moved(y: float) -> float:
        return (y * height + below) / tall

    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, below / tall, 1, height / tall))  # type: ignore[call-arg]
    for axes in figure.axes:
        box = axes.get_position(original=True)
        axes.set_position((box.x0, moved(box.y0), box.width, box.height * height / tall))
    for text in figure.texts:
        text.set_y(moved(text.get_position()[1]))
    for legend in figure.legends:
        anchor: Any = legend.get_bbox_to_anchor()
        (x0, y0), (x1, y1) = figure.transFigure.inverted().transform(anchor.get_points())
        legend.set_bbox_to_anchor(
            (x0, moved(y0), x1 - x0, (y1 - y0) * height / tall), transform=figure.transFigure
        )
    figure.set_size_inches(width, tall)


def legend_above(
    figure: Figure,
    handles: Sequence[Any],
    names: Sequence[str],
    *,
    left: float = 0.08,
    columns: int | None = None,
) -> None:
    """Make room above everything drawn so far and write a legend there, in columns that fit."""
    canvas: Any = figure.canvas
    width = float(figure.get_size_inches()[0])
    said = [say(name) for name in names]
    settings: Any = {"loc": "upper left", "borderaxespad": 0, "columnspacing": 1.2}
    tall = 0.0
    for count in range(columns or len(said), 0, -1):
        tried = figure.legend(handles, said, ncols=count, **settings)
        box = tried.get_window_extent(canvas.get_renderer())
        tried.remove()
        tall = box.height / figure.dpi
        if count == 1 or box.width / figure.dpi <= width - left - 0.08:
            settings["ncols"] = count
            break
    stretch(figure, tall + 0.12)
    corner = left / width, 1 - 0.04 / float(figure.get_size_inches()[1])
    figure.legend(handles, said, bbox_to_anchor=corner, **settings)


def height_of(text: str, width: float, size: float, weight: str = "normal") -> float:
    """Return the height in inches that `write` will need."""
    return line_height(size) * len(wrap(text, width, size, weight))


def overlaps(figure: Figure, *, tolerance: float = 0.5) -> list[tuple[str, str]]:
    """Return the pairs of visible texts whose bounding boxes overlap by more than `tolerance` px.

    Used by the tests: a figure with overlapping labels is a broken figure.
    """
    boxes = _boxes(figure)
    found = []
    for first, (name, one) in enumerate(boxes):
        for other, two in boxes[first + 1 :]:
            wide = min(one.x1, two.x1) - max(one.x0, two.x0)
            high = min(one.y1, two.y1) - max(one.y0, two.y0)
            if wide > tolerance and high > tolerance:
                found.append((name, other))
    return found


def outside(figure: Figure, *, tolerance: float = 1.0) -> list[str]:
    """Return the visible texts that reach more than `tolerance` px beyond the figure."""
    width, height = figure.canvas.get_width_height()
    return [
        name
        for name, box in _boxes(figure)
        if box.x0 < -tolerance
        or box.y0 < -tolerance
        or box.x1 > width + tolerance
        or box.y1 > height + tolerance
    ]


def _boxes(figure: Figure) -> list[tuple[str, Any]]:
    """Return every visible text with its bounding box in pixels."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    figure.draw(renderer)
    hidden = _hidden(figure)
    boxes = []
    for text in figure.findobj(Text):
        if not isinstance(text, Text) or id(text) in hidden or not text.get_visible():
            continue
        box = text.get_window_extent(renderer)
        if text.get_text().strip() and box.width > 0 and box.height > 0:
            boxes.append((text.get_text(), box))
    return boxes


def _hidden(figure: Figure) -> set[int]:
    """Return the ids of tick labels that are not drawn: outside the view, or on bare axes."""
    hidden = set()
    for axes in figure.axes:
        for number, axis in enumerate((axes.xaxis, axes.yaxis)):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                for label in (tick.label1, tick.label2):
                    where = label.get_position()[number]
                    inside = low - 1e-9 * abs(low) <= where <= high + 1e-9 * abs(high)
                    if not axes.axison or not inside:
                        hidden.add(id(label))
            if not axes.axison:
                hidden |= {id(axis.label), id(axis.offsetText)}
    return hidden
