"""All events on one time axis."""

from __future__ import annotations

from typing import Any

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, markers, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import say


@drawn("Events")
def event_timeline(
    events: Any,
    *,
    start: str | None = None,
    end: str | None = None,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw events by category on a time axis, numbered, with a key.

    Parameters
    ----------
    events : anything `uploadtrends.as_events` takes
    start, end : str, optional
        The days shown; the span of the events by default.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has number, id, date, category, label, row, lane.
    """
    chosen = as_events(events)
    if not len(chosen):
        raise InputError("no events to draw", fix="select at least one event")
    first = pd.Timestamp(start or chosen[0].start) - pd.Timedelta(days=20 if start is None else 0)
    last = pd.Timestamp(end or max(e.end for e in chosen))
    last += pd.Timedelta(days=20 if end is None else 1)
    limits = (float(frame.days(first)), float(frame.days(last)))
    inner = width - frame.MARGIN - frame.RIGHT
    strip = markers.arrange(chosen, limits, inner)
    columns = markers.key_columns(strip, width)
    key = markers.key_height(columns)
    figure = Drawing(width, 0.08 + strip.height + 0.38 + key)
    ruler = layout.place(figure, 0, 0.05, width - frame.RIGHT, strip.height, bare=True)
    markers.draw_strip(ruler, strip, limits, frame.MARGIN)
    axes = layout.place(figure, frame.MARGIN, 0.05 + strip.height, inner, 0.02)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    frame.dates(axes, limits)
    below = layout.place(figure, 0.08, 0.38 + strip.height, width - 0.16, key, bare=True)
    markers.draw_key(below, columns)
    figure.data = strip.to_frame()
    figure.caption = say(
        "{n} events by category. Dashed frame: known to the month only.", n=len(strip.markers)
    )
    figure.alternative = (
        say("Timeline.")
        + " "
        + "; ".join(
            f"{markers.entry(m.event)} ({sheet.category(m.event.category)[0]})"
            for m in strip.markers
        )
    )
    return figure
