"""When a block's effect starts on a grid of periods: step weights, washout, first full period."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.series import grid as timing

if TYPE_CHECKING:
    from uploadtrends.events import Block

Boundary = Literal["exposure", "inclusive", "exclude"]


@dataclass(frozen=True)
class Onset:
    """How one block enters the design. Positions count periods of the grid from 0."""

    step: Array
    """(N,) 0 before, 1 after, the share of days after in the period that holds the event."""
    washout: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """(N,) periods left out."""
    touched: int
    """First period in which any effect is possible."""
    first_full: int
    """First full period after; the slope change is 0 (or `ramp_start`) here."""
    note: str


def place_block(
    block: Block, index: pd.DatetimeIndex, boundary: Boundary = "exposure", lag: int = 0
) -> Onset | None:
    """Place a block on the grid, or return None when it lies outside.

    A day-precision event weighs its period by the share of days after it (``"exposure"``), counts
    the whole period as after (``"inclusive"``) or leaves the period out (``"exclude"``). An event
    known to the month leaves that month out, a crowded block everything from its first to its last
    date; both count as after under ``"inclusive"`` when they are a single event.
    """
    n = len(index)
    ends = timing.period_ends(index)
    start, end = timing.moment(index, block.begins), timing.moment(index, block.ends)
    if start < index[0] or end >= ends[-1]:
        return None
    touched = timing.period_of(index, start)
    last = timing.period_of(index, end)
    if touched is None or last is None:
        return None
    rows = np.arange(n)
    washout = np.zeros(n, dtype=bool)
    unit = timing.period_name(index)
    one_day = start == end
    length = ends[touched] - index[touched]
    if not block.crowded and touched == last and not one_day and 2 * (end - start) < length:
        # A month in a year: its middle, rather than the loss of the whole year.
        start = (start + (end - start) / 2).normalize()
        one_day = True
    if block.crowded or (not one_day and boundary != "inclusive"):
        # The last member's own period is whole when that member falls on its first day.
        whole = index[last] == end and one_day is False and last > touched
        first_full = last if whole else last + 1
        washout[touched:first_full] = True
        step = (rows >= first_full).astype(float)
        note = _span(index, touched, first_full - 1, unit)
    elif boundary == "inclusive":
        first_full = touched
        step = (rows >= touched).astype(float)
        note = f"the {unit} of the event counts wholly as after"
    else:
        step = timing.step(index, start)
        whole = step[touched] >= 1.0
        first_full = touched if whole else touched + 1
        if whole:
            first = "the first day" if length >= pd.Timedelta(days=2) else "the start"
            note = f"the event falls on {first} of {'an' if unit == 'hour' else 'a'} {unit}"
        elif boundary == "exclude":
            washout[touched] = True
            step = (rows >= first_full).astype(float)
            note = _span(index, touched, touched, unit)
        else:
            share = "days" if length >= pd.Timedelta(days=2) else "time"
            weight = f"{step[touched]:.2f} (share of {share} after)"
            note = f"the {unit} of the event is weighted {weight}"
    if lag:
        step = np.concatenate([np.zeros(lag), step[: n - lag]]) if lag < n else np.zeros(n)
        washout = np.concatenate([np.zeros(min(lag, n), dtype=bool), washout[: max(n - lag, 0)]])
        touched, first_full = touched + lag, first_full + lag
        note += f"; the effect starts {lag} {unit}{'s' if lag > 1 else ''} late"
    return Onset(step, washout, touched, first_full, note)


def _span(index: pd.DatetimeIndex, first: int, last: int, unit: str) -> str:
    freq = timing.frequency(index)
    name = timing.stamp(index[first], freq)
    if last > first:
        name += f" to {timing.stamp(index[last], freq)}"
    return f"{name} left out (washout), the change dated from the next {unit}"


def horizon_position(index: pd.DatetimeIndex, first_full: int, months: int) -> int | None:
    """Return the period in which `months` months since the first full period are complete.

    For monthly data the h-th month after the event counts as h months; None beyond the data.
    """
    if first_full >= len(index):
        return None
    target = index[first_full] + pd.DateOffset(months=months) - pd.Timedelta(days=1)
    return timing.period_of(index, target)


def rows_between(
    index: pd.DatetimeIndex, start: Any, end: Any
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which periods overlap the days (or times of day) from `start` to `end`, both included.

    Raises
    ------
    InputError
        If a date cannot be read or the end comes before the start.
    """
    first, last = (as_events(date)[0] for date in (start, end))
    begins = timing.moment(index, first.at or first.start)
    closes = timing.moment(index, last.at or last.end + dt.timedelta(days=1))
    if closes < begins or (last.at is None and last.end < first.start):
        raise InputError(
            "a window ends before it begins",
            column="washout",
            value=f"{first.date} to {last.date}",
            fix="give the earlier date first",
        )
    inside = index <= closes if last.at else index < closes
    return np.asarray(inside & (timing.period_ends(index) > begins))
