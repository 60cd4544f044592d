"""Where a date falls on a grid of periods, and what share of a period lies after it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError

Float = np.ndarray[Any, np.dtype[np.float64]]

FREQUENCIES = {
    "YS": "year",
    "QS": "quarter",
    "MS": "month",
    "W-MON": "week",
    "D": "day",
    "h": "hour",
}
PERIODS_PER_YEAR = {"YS": 1, "QS": 4, "MS": 12, "W-MON": 365.25 / 7, "D": 365.25, "h": 8766.0}


def as_regular_series(series: pd.Series) -> pd.Series:
    """Return the series on a gap-free grid of period starts.

    Parameters
    ----------
    series : pandas.Series
        Numbers with a `DatetimeIndex` or `PeriodIndex`: annual, quarterly, monthly, weekly, daily
        or hourly. Month ends (and quarter and year ends, and any weekday of weekly data) are
        moved to the start of their period; a time zone is converted to UTC and dropped.

    Returns
    -------
    pandas.Series
        Float, index of period starts with `freq` one of YS, QS, MS, W-MON, D, h. A period that
        was absent is NaN. Name and attrs are kept.

    Raises
    ------
    InputError
        If the index holds no dates, is not sorted, repeats a period or has no regular frequency;
        or if a value is not a number.
    """
    if not isinstance(series, pd.Series):
        raise InputError(
            "expected a pandas Series with dates", value=type(series).__name__, fix="pass a Series"
        )
    index = series.index
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp(how="start")
    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(
            "the index holds no dates",
            column=str(index.name or "index"),
            value=index[0] if len(index) else None,
            fix="set a DatetimeIndex, for instance series.index = pd.to_datetime(series.index)",
        )
    if index.hasnans:
        raise InputError("the index holds a missing date", fix="drop or repair that row")
    if index.tz is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    if not index.is_monotonic_increasing:
        late = index[1:][np.diff(index.asi8) < 0][0]
        raise InputError(
            "the dates are not in order", value=str(late), fix="call sort_index() first"
        )
    values = _numbers(series)
    if len(index) == 0:
        raise InputError("the series is empty", fix="give at least one period")
    freq = _frequency(index)
    starts = _starts(index, freq)
    if starts.has_duplicates:
        twice = starts[starts.duplicated()][0]
        raise InputError(
            f"two rows fall into one {FREQUENCIES[freq]}",
            value=f"{twice:%Y-%m-%d}",
            fix="aggregate to one row a period",
        )
    grid = pd.date_range(starts[0], starts[-1], freq=freq)
    tidy = pd.Series(values, index=starts, name=series.name).reindex(grid)
    tidy.attrs = dict(series.attrs)
    return tidy


def _numbers(series: pd.Series) -> Float:
    try:
        values = series.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        bad = next(v for v in series if pd.to_numeric(pd.Series([v]), errors="coerce").isna()[0])
        raise InputError(
            "a value is not a number",
            column=str(series.name or "value"),
            value=bad,
            fix="convert the column with pandas.to_numeric",
        ) from None
    if np.isinf(values).any():
        raise InputError(
            "a value is infinite",
            column=str(series.name or "value"),
            value=float(values[np.isinf(values)][0]),
            fix="replace it by NaN",
        )
    return values


def _frequency(index: pd.DatetimeIndex) -> str:
    """Tell the frequency from the smallest step, so that gaps do not hide it."""
    if len(index) == 1:
        return "MS"
    hours = np.diff(index.to_numpy()) / np.timedelta64(1, "h")
    step = float(hours[hours > 0].min()) if (hours > 0).any() else 0.0
    for low, high, freq in (
        (24 * 360, 24 * 370, "YS"),
        (24 * 89, 24 * 93, "QS"),
        (24 * 27.9, 24 * 31.1, "MS"),
        (24 * 6.9, 24 * 7.1, "W-MON"),
        (22.9, 25.1, "D"),
        (0.99, 1.01, "h"),
    ):
        if low <= step <= high:
            return freq
    if step == 0.0:
        raise InputError(
            "a date is repeated",
            value=str(index[index.duplicated()][0]),
            fix="aggregate to one row a period",
        )
    raise InputError(
        "the dates follow no regular step",
        value=f"smallest step {step / 24:.3g} days",
        fix="aggregate to years, quarters, months, weeks, days or hours first",
    )


def _starts(index: pd.DatetimeIndex, freq: str) -> pd.DatetimeIndex:
    letter = {"YS": "Y", "QS": "Q", "MS": "M", "D": "D", "h": "h", "W-MON": "W-SUN"}[freq]
    return index.to_period(letter).to_timestamp(how="start")


def period_ends(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the start of the period after each one (the exclusive end), shape as `index`."""
    frequency(index)
    offset: Any = index.freq
    after: pd.DatetimeIndex = index + offset
    return after


def days(index: pd.DatetimeIndex) -> Float:
    """Return the length of each period in days, shape (n,)."""
    ends = period_ends(index)
    length: Float = ((ends - index) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    return length


def period_of(index: pd.DatetimeIndex, when: str | dt.date | pd.Timestamp) -> int | None:
    """Return the position of the period that holds the date, or None outside the grid."""
    stamp = pd.Timestamp(when)
    if stamp < index[0] or stamp >= period_ends(index)[-1]:
        return None
    return int(index.searchsorted(stamp, side="right")) - 1


def step(index: pd.DatetimeIndex, when: str | dt.date | pd.Timestamp) -> Float:
    """Return the share of each period that lies on or after the date, shape (n,), in [0, 1].

    The event's own day counts as after. A period before the event has 0, one after it 1, the
    period that holds it the share of its days from the event on.
    """
    stamp = pd.Timestamp(when)
    ends = period_ends(index)
    share = ((ends - stamp) / (ends - index)).to_numpy(dtype=float)
    clipped: Float = np.clip(share, 0.0, 1.0)
    return clipped


def frequency(index: pd.Index[Any]) -> str:
    """Return the key of `FREQUENCIES` that this grid of period starts has.

    Raises
    ------
    InputError
        If the index has no frequency, or another one.
    """
    name = str(getattr(index, "freqstr", None) or "")
    # pandas spells the anchor of years and quarters out: YS-JAN, QS-JAN.
    key = name.partition("-")[0] if name[:2] in ("YS", "QS") else name
    if key not in FREQUENCIES:
        raise InputError(
            "the index has no usable frequency",
            value=name or None,
            fix="pass the series through as_regular_series first",
        )
    return key


_STAMPS = {"YS": "%Y", "QS": "%Y-%m", "MS": "%Y-%m", "h": "%Y-%m-%d %H:00"}


def stamp(date: pd.Timestamp, freq: str) -> str:
    """Write a period start no finer than its period."""
    return date.strftime(_STAMPS.get(freq, "%Y-%m-%d"))
