"""What is missing from a series, and what may be incomplete."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.series.grid import frequency, period_name, stamp
from uploadtrends.series.steps import step_of

MOSTLY_MISSING = 0.5


def mostly_missing(series: pd.Series) -> str:
    """Return why a series on its grid is mostly holes, or an empty string."""
    known = ~np.isnan(series.to_numpy(dtype=float))
    inside = np.flatnonzero(known)
    if inside.size < 2 or inside.size == inside[-1] - inside[0] + 1:
        return ""
    part = series.iloc[inside[0] : inside[-1] + 1]
    missing = 1.0 - inside.size / max(int(expected(part).sum()), 1)
    if missing <= MOSTLY_MISSING:
        return ""
    return f"{missing:.0%} of its {period_name(part.index)}s are missing"


def expected(series: pd.Series) -> NDArray[np.bool_]:
    """Return (N,) which periods should have a value.

    Hours, weekdays and months that never occur (nights, weekends, school holidays) are no holes.
    """
    index, known = pd.DatetimeIndex(series.index), series.notna().to_numpy()
    found = np.ones(len(index), dtype=bool)
    for label, fewest in _recurring(index):
        occur = np.unique(label[known])
        if occur.size >= fewest:
            found &= np.isin(label, occur)
    return found


def _recurring(index: pd.DatetimeIndex) -> list[tuple[Array, int]]:
    """Return the labels by which a calendar recurs (hour, weekday, month), and how few may occur.

    Fewer than that are another frequency: months with a value every third time are quarters.
    """
    letter = step_of(frequency(index)).letter
    span = (index[-1] - index[0]).days if len(index) else 0
    week, year = span >= 14, span >= 731
    found = []
    if letter == "h" and span >= 3:
        found.append((index.hour.to_numpy(), 4))
    if letter in ("h", "D") and week:
        found.append((index.day_of_week.to_numpy(), 3))
    if letter == "M" and year:
        found.append((index.month.to_numpy(), 6))
    return found


def edge_cautions(series: pd.Series) -> list[str]:
    """Point at a first or last period far below its neighbours: it may be incomplete."""
    observed = series.to_numpy(dtype=float)
    places = np.flatnonzero(~np.isnan(observed))
    said = []
    for place, run, fix in (
        ("last", observed[places[-13:]], "say complete_to="),
        ("first", observed[places[:13][::-1]], "leave it out"),
    ):
        if not _far_below(run):
            continue
        at = series.index[places[-1 if place == "last" else 0]]
        side = "after" if place == "last" else "before"
        said.append(
            f"the {place} {period_name(series.index)} "
            f"({stamp(at, frequency(series.index))}) lies far below its neighbours "
            f"({run[-1]:.3g} {side} {run[-2]:.3g}): if it is incomplete, {fix}"
        )
    return said


def _far_below(values: Array) -> bool:
    """Whether the last of up to 13 values lies far below the others."""
    if values.size < 7 or (values < 0).any():
        return False
    before = values[:-1]
    if not values[-1] < 0.75 * before.min():
        return False
    steps = np.diff(before)
    spread = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) + 1e-12
    far = values[-2] - 4 * max(spread, 0.5 * float(np.median(before)) ** 0.5)
    return bool(values[-1] <= far)
