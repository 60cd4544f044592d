"""Where a date falls on a grid of periods, and what share of a period lies after it."""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.series.calendar import place
from uploadtrends.series.labels import DAY, require_year_first
from uploadtrends.series.steps import step_of

When = str | dt.date | pd.Timestamp

FEWEST_PERIODS = 12
"""With fewer observed periods a series is refused, whatever is asked of it."""

_DAY = pd.Timedelta(days=1)


def frequency(index: pd.Index[Any]) -> str:
    """Return the frequency of a grid of period starts: MS, QS, QS-FEB, W-SUN, D, B, h, 28D, ...

    Raises
    ------
    InputError
        If the index has none.
    """
    name = str(getattr(index, "freqstr", None) or "")
    if name.endswith("-JAN"):  # pandas spells the anchor of years and quarters out
        name = name.removesuffix("-JAN")
    step_of(name)
    return name


def period_name(index: pd.Index[Any]) -> str:
    """Return what one period is called: month, week, four-week period, ..."""
    return step_of(frequency(index)).name


def periods_per_year(index: pd.Index[Any]) -> float:
    """Return how many periods make a year, on average."""
    return step_of(frequency(index)).per_year


def frequent(index: pd.Index[Any]) -> bool:
    """Whether there are more than 26 periods a year: the annual season is then a slow wave."""
    return periods_per_year(index) > 27


def in_periods(index: pd.Index[Any], months: int) -> int:
    """Return how many periods a window that monthly data give in months has here.

    Periods of two weeks and longer count as months do, shorter ones by their length: a window of 12
    is 12 quarters, 52 weeks, 365 days.
    """
    return round(months * periods_per_year(index) / 12) if frequent(index) else months


def stamp(date: pd.Timestamp, freq: str) -> str:
    """Write a period start no finer than its period."""
    return date.strftime(step_of(freq).form)


def from_to(index: pd.Index[Any]) -> str:
    """Name the first and the last period of a grid, no finer than its period; one only once.

    Examples
    --------
    >>> from_to(pd.date_range("2021-01-01", periods=8, freq="QS"))
    '2021-01 to 2022-10'
    """
    freq = frequency(index)
    first, last = (stamp(index[end], freq) for end in (0, -1))
    return first if first == last else f"{first} to {last}"


def moved(when: When, freq: str, periods: int) -> pd.Timestamp:
    """Return the date moved by whole periods (negative: earlier)."""
    step = step_of(freq)
    moment = pd.Timestamp(when)
    if step.months is not None:
        return moment + pd.DateOffset(months=step.months * periods)
    if step.letter == "B":
        return moment + pd.tseries.offsets.BusinessDay(periods)
    return moment + pd.Timedelta(seconds=(step.seconds or 0) * periods)


def as_regular_series(
    series: pd.Series, *, week: str | None = None, labels: str = "auto", complete_to: Any = None
) -> pd.Series:
    """Return the series on a gap-free grid of period starts.

    Parameters
    ----------
    series : pandas.Series
        Numbers with a `DatetimeIndex`, a `PeriodIndex` or whole numbers that are years, at any
        regular step: see `uploadtrends.series.calendar.place`, which also explains `week` and
        `labels`. The user's own calendar is kept.
    complete_to : date, optional
        The data are complete up to and including this day: periods that end later are left out.

    Returns
    -------
    pandas.Series
        Float, index of period starts with `freq`. A period that was absent is NaN. Name and attrs
        are kept; ``attrs["calendar"]`` says what the periods are.

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
    starts, grid, note, calendar = _placed(series.index, week, labels)
    values = _numbers(series)
    tidy = pd.Series(values, index=grid if len(starts) == len(grid) else starts, name=series.name)
    if tidy.index is not grid:
        tidy = tidy.reindex(grid)
    if complete_to is not None:
        tidy = _complete(tidy, complete_to)
        calendar = described(tidy.index, note)
    tidy.attrs = {**series.attrs, "calendar": calendar}
    return tidy


Placed = tuple[pd.DatetimeIndex, pd.DatetimeIndex, str, str]


def _placed(index: pd.Index[Any], week: str | None, labels: str) -> Placed:
    """Return period starts, the grid from the first to the last of them, a note, and what its
    periods are.

    The columns of a frame share their index: what it means is worked out once.
    """
    for known, asked, found in _LATELY:
        if known.is_(index) and asked == (week, labels):  # also a view of it
            return found
    placed = place(index, week, labels)
    starts = placed.starts
    if starts.has_duplicates:
        twice = starts[starts.duplicated()][0]
        step = step_of(_plain(placed.freq))
        fix = "aggregate to one row a period"
        if (step.seconds or DAY) < DAY and starts.tz is None:
            fix += "; where the clock was set back, give the hours their time zone: "
            fix += 'series.index.tz_localize("Europe/Berlin", ambiguous="infer")'
        elif step.letter == "W":
            fix += "; where weeks start anew on 1 January, the last of a year has a day or two: add"
            fix += " it to its neighbour"
        raise InputError(f"two rows fall into one {step.name}", value=f"{twice:%Y-%m-%d}", fix=fix)
    known_range = _range(starts[0], starts[-1], placed.freq, starts.dtype)
    grid = known_range.copy()  # whoever gets it may name it
    found = starts, grid, placed.note, described(grid, placed.note)
    _LATELY.append((index, (week, labels), found))
    return found


@lru_cache(maxsize=64)
def _range(
    first: pd.Timestamp, last: pd.Timestamp, freq: pd.DateOffset, dtype: Any
) -> pd.DatetimeIndex:
    """Return a grid; pandas makes it period by period, a tenth of the time of a fit.

    Stamps of other zones or units may be equal: `dtype` tells them apart.
    """
    return pd.DatetimeIndex(pd.date_range(first, last, freq=freq), dtype=dtype)


_LATELY: deque[tuple[Any, tuple[Any, str], Placed]] = deque(maxlen=4)
"""Indices seen lately, themselves (an index never changes) and what was made of them."""


def _plain(freq: Any) -> str:
    return str(freq.freqstr).removesuffix("-JAN")


def _complete(series: pd.Series, complete_to: Any) -> pd.Series:
    index = pd.DatetimeIndex(series.index)
    kept = period_ends(index) <= _until(index, complete_to)
    if not kept.any():
        raise InputError(
            "no period is complete by this day",
            column="complete_to",
            value=str(complete_to),
            fix=f"the first period ends on {last_day(index, 0)}",
        )
    return series[kept].asfreq(pd.tseries.frequencies.to_offset(frequency(index)))


def _until(index: pd.DatetimeIndex, complete_to: Any) -> pd.Timestamp:
    """Return the first moment that may not be complete: after a day, a month, or at a time."""
    require_year_first(given := complete_to, "complete_to")
    try:
        if isinstance(given, str) and len(given.strip()) <= len("2023-12-31"):
            given = pd.Period(given)  # "2023-12" is all of December
        if isinstance(given, pd.Period):
            given = given.end_time.normalize()
        at = moment(index, given)
    except (ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "not a date",
            column="complete_to",
            value=str(complete_to),
            fix="write it as 2023-12-31",
        ) from None
    return at + _DAY if at == at.normalize() else at


def described(index: pd.Index[Any], note: str = "") -> str:
    """Say what the periods of a grid are, with the first and last day of the first one."""
    dates = pd.DatetimeIndex(index)
    name, n = period_name(dates), len(dates)
    first = stamp(dates[0], _plain(dates.freq)) if step_of(frequency(dates)).form else ""
    if step_of(frequency(dates)).seconds is None or len(first) <= 10:
        first = f"{dates[0]:%Y-%m-%d}"
        last = last_day(dates, 0)
        span = first if last == first else f"from {first} to {last}"
    else:
        zone = f" {dates.tz}" if dates.tz is not None else ""
        span = f"from {first} to {stamp(period_ends(dates)[0], _plain(dates.freq))}{zone}"
    text = f"{n} {name}{'s' if n != 1 else ''}, the first {span}"
    return f"{text} ({note})" if note else text


def last_day(index: pd.DatetimeIndex, place: int) -> str:
    """Return the last day of a period, written out."""
    return f"{period_ends(index)[place] - pd.Timedelta(seconds=1):%Y-%m-%d}"


def _numbers(series: pd.Series) -> Array:
    name = str(series.name or "value")
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or isinstance(
        series.dtype, pd.PeriodDtype
    ):
        raise InputError(
            "the values are dates, not numbers",
            column=name,
            value=str(series.iloc[0]) if len(series) else None,
            fix="count or measure something a period; dates belong into the index",
        )
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        raise InputError(
            "the values are durations, not numbers",
            column=name,
            value=str(series.iloc[0]) if len(series) else None,
            fix="say in which unit: series.dt.total_seconds() / 3600 for hours",
        )
    for value in series.to_numpy() if series.dtype == object else ():
        if isinstance(value, dt.date | dt.timedelta | np.datetime64 | np.timedelta64 | pd.Period):
            raise InputError(
                "a value is a date or a duration, not a number",
                column=name,
                value=str(value),
                fix="count or measure something a period",
            )
    try:
        if pd.api.types.is_complex_dtype(series.dtype):
            raise TypeError
        values: Array = series.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        bad = next(
            v
            for v in series
            if isinstance(v, complex) or pd.to_numeric(pd.Series([v]), errors="coerce").isna()[0]
        )
        raise InputError(
            "a value is not a number",
            column=name,
            value=bad,
            fix=_how_to_count(bad),
        ) from None
    if np.isinf(values).any():
        raise InputError(
            "a value is infinite",
            column=name,
            value=float(values[np.isinf(values)][0]),
            fix="replace it by NaN",
        )
    if (np.abs(values) > 1e153).any():
        raise InputError(
            "a value is too large for its square to be a number",
            column=name,
            value=float(np.nanmax(np.abs(values))),
            fix="measure in a larger unit: divide the series",
        )
    near = np.round(values)
    known = ~np.isnan(values)
    # Sums of floats that are counts but for the last digits.
    if known.any() and near[known].any() and (np.abs(values - near)[known] < 1e-9).all():
        values = near
    return values


_NUMBERS = (
    (r"-?[\d.]+ ?%", 'series.str.rstrip("% ").astype(float)'),
    (r"-?\d{1,3}(,\d{3})+(\.\d+)?", 'series.str.replace(",", "").astype(float)'),
    (r"-?\d+,\d+", 'series.str.replace(",", ".").astype(float)'),
    (r"\D{0,4}\d[\d,.]*\D{0,4}", r'series.str.replace(r"[^\d.-]", "", regex=True).astype(float)'),
    (r"\D*", 'pd.to_numeric(series, errors="coerce")  # missing then'),
)
"""How texts are numbers: percent, thousands, a decimal comma, a currency; or none."""


def _how_to_count(bad: Any) -> str:
    """Say how texts such as this become numbers."""
    for form, how in _NUMBERS if isinstance(bad, str) else ():
        if re.fullmatch(form, bad.strip()):
            return f"series = {how}"
    return "convert the column with pandas.to_numeric"


def moment(index: pd.DatetimeIndex, when: Any) -> pd.Timestamp:
    """Return the date or time as the index counts it: with its time zone, or without any.

    Raises
    ------
    InputError
        If a day comes first, a zone is missing on one side, or the time occurs twice.
    """
    require_year_first(when)
    found = pd.Timestamp(when)
    if index.tz is None:
        if found.tz is None:
            return found
        if (step_of(frequency(index)).seconds or 86_400) < 86_400:
            raise InputError(
                "the time has a zone and the data have none",
                value=str(when),
                fix="give the index its time zone (tz_localize), or leave it out of the time",
            )
        return found.tz_localize(None)
    if found.tz is None:
        first, second = (
            found.tz_localize(index.tz, ambiguous=once, nonexistent="shift_forward")
            for once in (True, False)
        )
        # A day begins when its first midnight does.
        if first != second and found != found.normalize():
            raise InputError(
                "the clock was set back, and this time occurs twice",
                value=str(when),
                fix=f"write {first:%Y-%m-%d %H:%M%z} or {second:%Y-%m-%d %H:%M%z}",
            )
        return first
    return found.tz_convert(index.tz)


def period_ends(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the first moment after each period (the exclusive end), shape as `index`."""
    if step_of(frequency(index)).letter == "B":
        return pd.DatetimeIndex(index + _DAY)
    offset: Any = index.freq
    after: pd.DatetimeIndex = index + offset
    return after


def days(index: pd.DatetimeIndex) -> Array:
    """Return the length of each period in days, shape (n,)."""
    ends = period_ends(index)
    length: Array = ((ends - index) / _DAY).to_numpy(dtype=float)
    return length


def period_of(index: pd.DatetimeIndex, when: When) -> int | None:
    """Return the position of the period that holds the date, or None outside the grid.

    A Saturday between business days counts to the Monday after it.
    """
    at = moment(index, when)
    ends = period_ends(index)
    if at < index[0] or at >= ends[-1]:
        return None
    place = int(index.searchsorted(at, side="right")) - 1
    return place if at < ends[place] else place + 1


def step(index: pd.DatetimeIndex, when: When) -> Array:
    """Return the share of each period that lies on or after the date, shape (n,), in [0, 1].

    The event's own day counts as after. A period before the event has 0, one after it 1, the
    period that holds it the share of its days from the event on.
    """
    ends = period_ends(index)
    share = ((ends - moment(index, when)) / (ends - index)).to_numpy(dtype=float)
    clipped: Array = np.clip(share, 0.0, 1.0)
    return clipped
