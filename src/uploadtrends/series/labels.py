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
    if isinstance(index, pd.MultiIndex) and index.nlevels == 1:
        index = index.get_level_values(0)
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
        fix=_how_to_read(index),
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


_FORMS = (
    *("%Y", "%Y%m", "%Y%m%d", "ISO8601", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%Y/%m", "%Y.%m", "%m/%Y", "%m-%Y", "%m.%Y", "%YM%m", "%Y-M%m"),
    *("%b-%y", "%b %y", "%b %Y", "%b-%Y", "%b. %Y", "%B %Y", "%B, %Y", "%Y %b", "%Y-%b"),
    *("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%a %b %d %Y"),
)
"""How dates are written; pandas reads some of them right only when told: "Jan-21" would be 21
January."""
_WEEKS = ("%G-W%V-%u", "%GW%V-%u", "%G W%V-%u", "%G%V-%u")
_QUARTER = re.compile(r"(\d{4})\W?[Qq]([1-4])|[Qq]([1-4])\W?(\d{4})|([1-4])[Qq](\d{4})")
_UNITS = ((2e4, 8e4, "D"), (5e8, 3e9, "s"), (5e11, 3e12, "ms"), (5e14, 3e15, "us"))
"""Ranges of numbers that count days since 1899-12-30 (a spreadsheet) or a unit since 1970."""


def written(labels: pd.Index[Any]) -> str:
    """Return the expression that turns such labels, called `series.index`, into dates.

    Of the forms that read every label it is the one whose steps differ least: 01/02/2019 among
    months is the first of February, whichever comes first. Empty where none does.
    """
    name = "series.index" if isinstance(labels[0], str) else "series.index.astype(str)"
    texts = labels.astype(str)
    if found := form_of_dates(texts):
        form, suffix = found
        more = f' + "{suffix}"' if suffix else ""
        return f'pd.to_datetime({name}{more}, format="{form}")'
    if _uneven(texts, "ISO8601", utc=True) is not None:
        return (
            'pd.to_datetime(series.index, format="ISO8601", utc=True).tz_convert("Europe/Berlin")'
        )
    return ""


def form_of_dates(texts: pd.Index[Any]) -> tuple[str, str] | None:
    """Return the form that reads every text in the most even steps, and what to add to a text."""
    found = [
        (uneven, form, suffix)
        for forms, suffix in ((_FORMS, ""), (_WEEKS, "-1"), (_WEEKS, ""))
        for form in forms
        if (uneven := _uneven(texts + suffix, form)) is not None
    ]
    return min(found, key=lambda one: one[0])[1:] if found else None


def _uneven(texts: pd.Index[Any], form: str, *, utc: bool = False) -> float | None:
    """Return the longest step in shortest ones; None where the form does not read the texts."""
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(texts, format=form, utc=utc))
    except (ValueError, TypeError):
        return None
    steps = np.abs(np.diff(seconds(dates)))
    if steps.size == 0:
        return 1.0
    ordered = dates.is_monotonic_increasing or dates.is_monotonic_decreasing
    return float(steps.max() / steps.min()) if ordered and steps.min() > 0 else None


def _how_to_read(labels: pd.Index[Any]) -> str:
    """Say how such labels become dates; left to guess, pandas reads some of them wrong."""
    if isinstance(labels, pd.IntervalIndex):
        return "series.index = series.index.left"
    if isinstance(labels, pd.MultiIndex):
        return _of_levels(labels)
    texts = [str(label) for label in labels]
    if texts and all(_QUARTER.fullmatch(text) for text in texts):
        how = r'r"\W", ""' if texts[0][0] not in "Qq" else r'r"[Qq](\d)\W?(\d{4})", r"\2Q\1"'
        return (
            f'series.index = pd.PeriodIndex(series.index.str.replace({how}, regex=True), freq="Q")'
        )
    if texts and all(map(_spans_two_years, texts)):
        return (
            "write the day on which each of these years begins, for instance series.index = "
            r'pd.to_datetime(series.index.str.extract(r"(\d{4})")[0] + "-07-01")'
        )
    if texts and all(_SPAN.fullmatch(text) for text in texts):
        return "series.index = pd.to_datetime(series.index.str[:10])"
    if texts and pd.api.types.is_numeric_dtype(labels.dtype) and not labels.hasnans:
        for low, high, unit in _UNITS:
            if low <= labels.min() <= labels.max() <= high:
                origin = ', origin="1899-12-30"' if unit == "D" else ""
                return f'series.index = pd.to_datetime(series.index, unit="{unit}"{origin})'
        if how := _of_fractions(labels):
            return how
    if texts and (read := written(labels)):
        return f"series.index = {read}"
    if texts and isinstance(labels[0], str):
        return (
            "say how its dates are written, for instance "
            'series.index = pd.to_datetime(series.index, format="%d/%m/%Y")'
        )
    return (
        "give the dates, for instance series.index = "
        'pd.date_range("2021-01-01", periods=len(series), freq="MS")'
    )


_SPAN = re.compile(r"\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}")


def _of_fractions(labels: pd.Index[Any]) -> str:
    """Say how years with a fraction, as R's ``time`` has them, and 202101.0 become dates."""
    values = labels.to_numpy(dtype=float)
    if (values % 1 == 0).all():
        read = written(labels.astype("int64")) if labels.dtype.kind == "f" else ""
        how = read.replace("series.index", 'series.index.astype("int64")')
        return f"series.index = {how}" if how else ""
    if not 1000 <= values.min() <= values.max() < 3000:
        return ""
    for many, freq in ((4, "Q"), (12, "M")):
        places = np.round(many * values)
        if np.abs(many * values - places).max() < 0.13 and (np.diff(places) > 0).all():
            return (
                f"series.index = pd.PeriodIndex.from_ordinals(({many} * (series.index - 1970))"
                f'.to_series().round().astype(int), freq="{freq}")'
            )
    return ""


def _of_levels(labels: pd.MultiIndex) -> str:
    """Say how an index of several levels becomes one of dates."""
    dated = [isinstance(level, pd.DatetimeIndex) for level in labels.levels]
    if all(dated):
        return "keep the level of the periods, for instance series = series.droplevel(1)"
    if any(dated):
        return f"make one column a series: series.unstack({dated.index(False)})"
    return (
        "give one date a row, for instance series.index = pd.to_datetime("
        '[f"{year}-{month:02d}" for year, month in series.index], format="ISO8601")'
    )


def _spans_two_years(text: str) -> bool:
    """Whether a label is a fiscal or academic year: 2018/19, 2018-2019, FY2019."""
    found = re.fullmatch(r"(?:FY ?(\d{4}))|(\d{4})[/-](?:\d{2})?(\d{2})", text)
    if found is None:
        return False
    return found[1] is not None or (int(found[2]) + 1) % 100 == int(found[3])


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


def require_year_first(when: Any, column: str | None = None) -> None:
    """Refuse a text that begins with a day or a month: pandas would take it for the month."""
    if isinstance(when, str) and re.match(r"\s*\d{1,2}[./-]\d{1,2}[./-]", when):
        raise InputError(
            "a date that begins with its day or its month reads two ways",
            column=column,
            value=when,
            fix="write it as 2023-12-31",
        )
