"""The labels of an index as dates, and what to do with those that are none."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError

DAY = 86_400
"""Seconds."""


def as_dates(index: pd.Index[Any]) -> pd.DatetimeIndex | pd.PeriodIndex:
    """Return the index as dates: years may be whole numbers, others objects that are dates.

    Raises
    ------
    InputError
        If it holds anything else.
    """
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return index
    if _are_years(index):
        return pd.PeriodIndex([pd.Period(year=int(y), freq="Y") for y in index], freq="Y")
    if len(index) and all(isinstance(value, pd.Period) for value in index):
        return pd.PeriodIndex(index)
    if len(index) and all(isinstance(value, dt.date | np.datetime64) for value in index):
        ahead = {value.utcoffset() if getattr(value, "tzinfo", None) else None for value in index}
        return pd.DatetimeIndex(index) if len(ahead) == 1 else _of_one_clock(index)
    first = index[0] if len(index) else None
    raise InputError(
        "the index holds no dates",
        column=str(index.name or "index"),
        value=first,
        fix=_how_to_read(first),
    )


def _are_years(index: pd.Index[Any]) -> bool:
    if not pd.api.types.is_numeric_dtype(index.dtype) or len(index) == 0 or index.hasnans:
        return False
    values = index.to_numpy(dtype=float)
    return bool((values == np.round(values)).all() and 1000 <= values.min() <= values.max() < 3000)


def _of_one_clock(index: pd.Index[Any]) -> pd.DatetimeIndex:
    """Return moments with several offsets: their wall clock for days and coarser, else instants."""
    bare = [value for value in index if getattr(value, "tzinfo", None) is None]
    if bare:
        raise InputError(
            "some dates have a time zone and some have none",
            column=str(index.name or "index"),
            value=str(bare[0]),
            fix="give all of them one (tz_localize), or none",
        )
    instants = pd.DatetimeIndex(pd.to_datetime(list(index), utc=True))
    steps = np.diff(seconds(instants))
    if (steps > 0).any() and shorter_than_a_day(steps[steps > 0]):
        return instants
    return pd.DatetimeIndex([value.replace(tzinfo=None) for value in index])


_AS_WRITTEN = {
    r"\d{4}": '"%Y"',
    r"\d{6}": '"%Y%m"',
    r"\d{8}": '"%Y%m%d"',
    r"\d{4}-\d{2}(-\d{2})?": '"ISO8601"',
    r"\d{4}-W\d{2}": '"%G-W%V-%u"',
    r"[A-Za-z]{3}-\d{2}": '"%b-%y"',
    r"[A-Za-z]{3} \d{4}": '"%b %Y"',
}
"""Labels that pandas reads right only when told their form: "Jan-21" would be 21 January."""


def _how_to_read(first: Any) -> str:
    """Say how such labels become dates; left to guess, pandas reads some of them wrong."""
    text = str(first)
    if re.fullmatch(r"\d{4}-?Q[1-4]", text):
        return 'series.index = pd.PeriodIndex(series.index, freq="Q")'
    for pattern, form in _AS_WRITTEN.items():
        if re.fullmatch(pattern, text):
            labels = "series.index" if isinstance(first, str) else "series.index.astype(str)"
            labels += ' + "-1"' * ("W" in form)
            return f"series.index = pd.to_datetime({labels}, format={form})"
    if isinstance(first, str):
        return (
            "say how its dates are written, for instance "
            'series.index = pd.to_datetime(series.index, format="%d/%m/%Y")'
        )
    return (
        "give the dates, for instance series.index = "
        'pd.date_range("2021-01-01", periods=len(series), freq="MS")'
    )


def seconds(index: pd.DatetimeIndex) -> Array:
    """Return moments as whole seconds since 1970, shape (n,)."""
    return np.asarray(index.as_unit("s").asi8)


def most_frequent(steps: Array) -> tuple[int, float]:
    """Return the most frequent of whole numbers, and its share."""
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)]), float(counts.max() / steps.size)


def shorter_than_a_day(steps: Array) -> bool:
    """Tell whether steps (in seconds) are hours or less; a day with a change of clock has 23."""
    return most_frequent(steps)[0] < DAY - 2 * 3600
