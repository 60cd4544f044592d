"""Event markers that stay legible when events crowd: numbers on a strip by category, and a key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from uploadtrends.events import Event, as_events
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, sheet

NUMBER_SIZE = 5.8
KEY_SIZE = 6.0
BOX = 0.125  # inches: side of a marker
LANE = 0.15  # inches: height of a lane
DARK = {sheet.GREEN}
NUMBER = "#101010"  # not the themed ink: the marker keeps its colour on dark pages


@dataclass(frozen=True)
class Marker:
    """An event on the time axis: its number, its row (category) and its lane within that row."""

    number: int
    event: Event
    row: int
    lane: int
    when: float

    @property
    def colour(self) -> str:
        """The colour of its category."""
        return sheet.category(self.event.category)[1]


@dataclass(frozen=True)
class Strip:
    """The markers of a figure and the categories that they are grouped by."""

    markers: tuple[Marker, ...]
    rows: tuple[tuple[str, int], ...]  # shown name of the category, number of lanes
    left_out: tuple[Event, ...]

    @property
    def height(self) -> float:
        """Height of the strip in inches."""
        return LANE * sum(n for _, n in self.rows) + 0.04 * len(self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Return number, id, date, category and label of each marker."""
        rows = [
            (m.number, m.event.id, m.event.date, m.event.category, m.event.label, m.row, m.lane)
            for m in self.markers
        ]
        columns = ["number", "id", "date", "category", "label", "row", "lane"]
        return pd.DataFrame(rows, columns=columns)


def middle(event: Event) -> float:
    """Return where an event is drawn: its day, or the middle of its month (matplotlib days)."""
    return (_number(event.start) + _number(event.end)) / 2


def _number(day: dt.date) -> float:
    return float(frame.days(dt.datetime(day.year, day.month, day.day)))


def arrange(
    events: Any, limits: tuple[float, float], width: float, *, by_category: bool = True
) -> Strip:
    """Number the events by date and give each a row and a lane in which nothing overlaps it.

    Parameters
    ----------
    events : anything `uploadtrends.as_events` takes
    limits : tuple of float
        The time axis in matplotlib days; events outside it are left out and listed.
    width : float
        Width of the time axis in inches.
    by_category : bool
        A named row for each category, or one row for all.
    """
    low, high = limits
    everything = list(as_events(events)) if events is not None else []
    inside = [event for event in everything if low <= middle(event) <= high]
    left_out = tuple(event for event in everything if event not in inside)
    numbers = {event.id: number for number, event in enumerate(inside, start=1)}
    order = list(sheet.CATEGORIES)
    names = sorted(
        {event.category if by_category else "" for event in inside},
        key=lambda name: (order.index(name) if name in order else len(order), name),
    )
    scale = width / (high - low)
    markers, rows = [], []
    for row, name in enumerate(names):
        members = sorted((e for e in inside if name in ("", e.category)), key=middle)
        starts = [(middle(event) - low) * scale - BOX / 2 for event in members]
        chosen = layout.lanes(starts, BOX + 0.015)
        rows.append((sheet.category(name)[0] if name else "", max(chosen) + 1))
        markers += [
            Marker(numbers[event.id], event, row, lane, middle(event))
            for event, lane in zip(members, chosen, strict=True)
        ]
    return Strip(tuple(sorted(markers, key=lambda m: m.number)), tuple(rows), left_out)


def draw_strip(axes: Axes, strip: Strip, limits: tuple[float, float], margin: float) -> None:
    """Draw the numbered markers; `axes` has bare inch units, its time axis starts at `margin`."""
    width = axes.get_xlim()[1] - margin
    scale = width / (limits[1] - limits[0])
    tops = []
    top = 0.0
    for name, count in strip.rows:
        tops.append(top)
        height = LANE * count
        if name:
            axes.text(
                margin - 0.08, top + height / 2, name, ha="right", va="center", fontsize=KEY_SIZE
            )
            axes.plot(
                [margin, margin + width], [top + height + 0.02] * 2, color=sheet.RULE, linewidth=0.4
            )
        top += height + 0.04
    for marker in strip.markers:
        x = margin + (marker.when - limits[0]) * scale
        y = tops[marker.row] + LANE * (marker.lane + 0.5)
        _box(axes, x, y, marker)


def _box(axes: Axes, x: float, y: float, marker: Marker) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX / 2, y - BOX / 2),
            BOX,
            BOX,
            boxstyle="round,pad=0,rounding_size=0.03",
            facecolor=marker.colour,
            edgecolor=sheet.MUTED,
            linewidth=0.4,
            linestyle="-" if marker.event.precision == "day" else (0, (1.5, 1)),
        )
    )
    axes.text(
        x,
        y + 0.004,
        str(marker.number),
        ha="center",
        va="center",
        fontsize=NUMBER_SIZE,
        color=sheet.PAPER if marker.colour in DARK else NUMBER,
    )


def draw_lines(panels: Iterable[Axes], strip: Strip) -> None:
    """Draw each event on each panel: a line for a day, a band for a month."""
    for axes in panels:
        for marker in strip.markers:
            if marker.event.precision == "day":
                axes.axvline(marker.when, color=marker.colour, linewidth=0.7, zorder=0.5)
            else:
                start, end = _number(marker.event.start), _number(marker.event.end) + 1
                axes.axvspan(start, end, color=marker.colour, alpha=0.18, linewidth=0, zorder=0.4)


def entry(event: Event) -> str:
    """Return an event's line in the key: its date, and its label where that is not its date."""
    return event.date if event.label == event.date else f"{event.date}  {event.label}"


def key_columns(strip: Strip, width: float) -> list[list[tuple[Marker, list[str]]]]:
    """Lay the key out in one or two columns of wrapped lines of near-equal height."""
    count = 2 if width > 5 and len(strip.markers) > 4 else 1
    column = width / count - 0.1
    entries = [
        (marker, layout.wrap(entry(marker.event), column - BOX - 0.1, KEY_SIZE))
        for marker in strip.markers
    ]
    if count == 1:
        return [entries]
    total = sum(len(lines) for _, lines in entries)
    used, cut = 0, 0
    while used < total / 2:
        used += len(entries[cut][1])
        cut += 1
    return [entries[:cut], entries[cut:]]


def key_height(columns: Sequence[list[tuple[Marker, list[str]]]]) -> float:
    """Return the height of the key in inches."""
    step = layout.line_height(KEY_SIZE)
    tallest = max((sum(_entry_height(lines, step) for _, lines in c) for c in columns), default=0.0)
    return tallest + 0.04


def _entry_height(lines: list[str], step: float) -> float:
    return max(step * len(lines), BOX) + 0.035


def draw_key(axes: Axes, columns: Sequence[list[tuple[Marker, list[str]]]]) -> None:
    """Draw the key on bare axes."""
    width = axes.get_xlim()[1]
    step = layout.line_height(KEY_SIZE)
    for place, column in enumerate(columns):
        left = place * width / len(columns)
        top = 0.02
        for marker, lines in column:
            _box(axes, left + BOX / 2 + 0.01, top + BOX / 2, marker)
            for number, line in enumerate(lines):
                axes.text(
                    left + BOX + 0.08,
                    top + 0.012 + number * step,
                    line,
                    fontsize=KEY_SIZE,
                    va="top",
                    ha="left",
                )
            top += _entry_height(lines, step)
