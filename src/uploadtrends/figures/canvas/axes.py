"""Time axes and grids of panels, shared by every figure that shows a series."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures.canvas import layout
from uploadtrends.figures.canvas.drawing import Drawing
from uploadtrends.figures.canvas.styling import say

MARGIN = 0.78  # inches left of a time axis that has category names beside it
RIGHT = 0.12
GAP = 0.16  # inches between panels side by side
TICKS = 0.42  # inches left of a small panel, for its tick labels

Float = np.ndarray[Any, np.dtype[np.float64]]


def days(when: Any) -> Any:
    """Return dates as matplotlib days."""
    convert: Any = mdates.date2num
    return convert(when)


def time_limits(indexes: Sequence[Any]) -> tuple[float, float]:
    """Return the span of several period indexes in matplotlib days, each period whole."""
    first = min(index[0] for index in indexes)
    last = max(_ends(index)[-1] for index in indexes)
    return float(days(first)), float(days(last))


def _ends(index: Any) -> Any:
    if index.freq is None:
        index = pd.DatetimeIndex(index, freq="infer")
    return index + (index.freq or pd.offsets.Day())


def middle(index: Any) -> Float:
    """Return the middle of each period in matplotlib days: a count belongs to its whole period."""
    half: Float = (days(index.to_pydatetime()) + days(_ends(index).to_pydatetime())) / 2
    return half


def edges(index: Any) -> Float:
    """Return the n + 1 borders of n periods in matplotlib days."""
    return np.append(days(index.to_pydatetime()), days(_ends(index)[-1]))


def dates(axes: Axes, limits: tuple[float, float], *, labels: bool = True, ticks: int = 8) -> None:
    """Give axes a time scale: a tick a year, half-year, quarter or month, whichever fits."""
    places, step = _places(*limits, ticks)
    if step is None:
        names = [f"{place:%d} {month_name(place)}" for place in places]
    else:
        names = [f"{place:%Y}" if place.month == 1 else month_name(place) for place in places]
        if names and not any(name.isdigit() for name in names):
            names[0] = f"{month_name(places[0])} {places[0]:%Y}"
    axes.set_xticks(days(places), names if labels else [""] * len(names))
    axes.set_xlim(*limits)


@lru_cache(256)
def _places(low: float, high: float, ticks: int) -> tuple[list[pd.Timestamp], int | None]:
    """Return where ticks stand between two matplotlib days, and how many months apart."""
    tools: Any = mdates
    first, last = (pd.Timestamp(tools.num2date(day)).tz_localize(None) for day in (low, high))
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months < 3:
        every = f"{max(1, (last - first).days // 6)}D"
        return list(pd.date_range(first.normalize(), last, freq=every)), None
    step = next((s for s in (1, 3, 6, 12, 24, 60, 120, 240) if months / s <= ticks), 480)
    starts = pd.date_range(first.to_period("M").to_timestamp(), last, freq="MS")
    fits = (starts >= first) & ((starts.year * 12 + starts.month - 1) % step == 0)
    return list(starts[fits]), step


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def month_name(when: pd.Timestamp) -> str:
    """Return the short name of a month, in the language in force and not in the machine's."""
    return say(MONTHS[when.month - 1])


def arrows(
    axes: Axes,
    where: Any,
    low: Any,
    high: Any,
    colour: str,
    *,
    most: int | None = None,
    named: bool = False,
) -> None:
    """Draw an arrow on the edge of the axes wherever a value or interval goes on beyond it.

    `most` is about how many at either edge; `named` puts them into the legend.
    """
    bottom, top = axes.get_ylim()
    for beyond, edge, mark in ((high > top, 1.0, "^"), (low < bottom, 0.0, "v")):
        cut = np.flatnonzero(beyond)
        cut = cut[:: max(1, len(cut) // (most - 1))] if most else cut
        if len(cut):
            axes.plot(
                np.asarray(where)[cut],
                np.full(len(cut), edge),
                transform=axes.get_xaxis_transform(),
                marker=mark,
                color=colour,
                linestyle="",
                markersize=3.2,
                clip_on=False,
                zorder=5,
                label="beyond the axis" if named else None,
            )
            named = False


def shade(axes: Axes, borders: Float, chosen: Any, label: str | None = None, **look: Any) -> None:
    """Shade the chosen periods, neighbours as one area; `borders` are one more than periods."""
    at = np.flatnonzero(chosen)
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else ():
        span = borders[run[0]], borders[run[-1] + 1]
        axes.axvspan(*span, linewidth=0, zorder=0.2, label=label, **look)
        label = None


def columns_for(count: int, width: float) -> int:
    """Return how many panels stand side by side: as many as stay readable."""
    return 1 if width < 5 or count == 1 else 2 if width < 10 or count < 3 else 3


def inner_width(width: float, columns: int, left: float = TICKS) -> float:
    """Return the width of the axes of each of `columns` panels side by side, in inches."""
    return (width - 0.08 - RIGHT - GAP * (columns - 1)) / columns - left


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
    left: float = TICKS,
    over: float = 0.0,
) -> tuple[Drawing, list[Axes]]:
    """Return a figure of panels, each with a title above and a wrapped note below.

    Parameters
    ----------
    width, tall : float
        Width of the figure and height of one panel's axes, in inches.
    titles, notes : sequence of str
        One a panel; an empty note takes no room.
    columns : int
        Panels side by side.
    over : float
        Room between a panel's title and its axes.
    top, bottom, left : float
        Room kept free above and below the figure's panels, and for tick labels left of each.
    """
    room = inner_width(width, columns, 0.0)
    rows = [
        range(start, min(start + columns, len(titles))) for start in range(0, len(titles), columns)
    ]
    notes_high = [max(layout.height_of(notes[i], room - 0.05, size) for i in row) for row in rows]
    heads = [
        over + max(layout.height_of(titles[i], room, 7.5, "bold") for i in row) for row in rows
    ]
    figure = Drawing(
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
            edge = 0.08 + column * (room + GAP)
            layout.label(figure, titles[i], edge, high, room, 7.5, weight="bold")
            inner = layout.place(figure, edge + left, high + head + 0.05, room - left, tall)
            panels.append(inner)
            layout.label(figure, notes[i], edge, high + head + tall + 0.28, room - 0.05, size)
        high += head + tall + 0.28 + note_high + 0.1
    return figure, panels
