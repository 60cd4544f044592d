"""Time axes and grids of panels, shared by every figure that shows a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

from uploadtrends.figures import layout, style

MARGIN = 0.78  # inches left of a time axis that has category names beside it
RIGHT = 0.12
TICKS = 0.42  # inches left of a small panel, for its tick labels

Float = np.ndarray[Any, np.dtype[np.float64]]


def time_limits(indexes: Sequence[pd.DatetimeIndex]) -> tuple[float, float]:
    """Return the span of several period indexes in matplotlib days, each period whole."""
    first = min(index[0] for index in indexes)
    last = max(_ends(index)[-1] for index in indexes)
    return float(date2num(first)), float(date2num(last))


def _ends(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    if index.freq is None:
        index = pd.DatetimeIndex(index, freq=pd.infer_freq(index) or "D")
    return index + index.freq


def middle(index: pd.DatetimeIndex) -> Float:
    """Return the middle of each period in matplotlib days: a count belongs to its whole period."""
    ends = date2num(_ends(index).to_pydatetime())
    half: Float = (date2num(index.to_pydatetime()) + ends) / 2
    return half


def edges(index: pd.DatetimeIndex) -> Float:
    """Return the n + 1 borders of n periods in matplotlib days."""
    return np.append(date2num(index.to_pydatetime()), date2num(_ends(index)[-1]))


def dates(axes: Axes, limits: tuple[float, float], *, labels: bool = True, ticks: int = 8) -> None:
    """Give axes a time scale with short labels."""
    axes.set_xlim(*limits)
    locator = AutoDateLocator(minticks=3, maxticks=ticks)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.tick_params(axis="x", labelbottom=labels)


def columns_for(count: int, width: float) -> int:
    """Return how many panels stand side by side: as many as stay readable."""
    return 1 if width < 5 or count == 1 else 2


def grid(
    width: float,
    titles: Sequence[str],
    notes: Sequence[str],
    *,
    columns: int,
    tall: float,
    top: float = 0.1,
    bottom: float = 0.0,
    size: float = 6.2,
) -> tuple[style.Drawing, list[Axes]]:
    """Return a figure of panels, each with a title above and a wrapped note below.

    Parameters
    ----------
    width, tall : float
        Width of the figure and height of one panel's axes, in inches.
    titles, notes : sequence of str
        One a panel; an empty note takes no room.
    columns : int
        Panels side by side.
    top, bottom : float
        Room kept free above and below, in inches.
    """
    gap = 0.16
    room = (width - 0.08 - RIGHT - gap * (columns - 1)) / columns
    rows = [
        range(start, min(start + columns, len(titles))) for start in range(0, len(titles), columns)
    ]
    notes_high = [max(layout.height_of(notes[i], room - 0.05, size) for i in row) for row in rows]
    heads = [max(layout.height_of(titles[i], room, 7.5, "bold") for i in row) for row in rows]
    figure = style.Drawing(
        width,
        top
        + bottom
        + sum(
            head + tall + 0.28 + note + 0.1 for head, note in zip(heads, notes_high, strict=True)
        ),
    )
    panels: list[Axes] = []
    high = top
    for row, note_high, head in zip(rows, notes_high, heads, strict=True):
        for column, i in enumerate(row):
            left = 0.08 + column * (room + gap)
            above = layout.place(figure, left, high, room, head, bare=True)
            layout.write(above, titles[i], 0, 0, room, 7.5, weight="bold")
            panels.append(
                layout.place(figure, left + TICKS, high + head + 0.05, room - TICKS, tall)
            )
            if notes[i]:
                below = layout.place(
                    figure, left, high + head + tall + 0.28, room, note_high, bare=True
                )
                layout.write(below, notes[i], 0, 0, room - 0.05, size, colour=style.INK)
        high += head + tall + 0.28 + note_high + 0.1
    return figure, panels
