"""What a frequency is: its name, its length, and how its dates are written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
from pandas.tseries import offsets

from uploadtrends.errors import InputError

_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 8: "eight", 9: "nine", 10: "ten"}


@dataclass(frozen=True)
class Step:
    """What a frequency is: one of `months` and `seconds` is set."""

    name: str
    """What one period is called: "week", "two-week period", "half-year"."""
    months: int | None
    seconds: int | None
    per_year: float
    form: str
    """How a start is written, no finer than needed."""
    cycle: int | None
    """Periods of the season that such data usually have."""
    letter: str
    """Y, Q, M, W, D, B, h, min or s for single steps, else empty."""


@lru_cache(maxsize=256)
def step_of(freq: str) -> Step:
    """Return what the frequency of a grid is (the `frequency` of an index).

    Raises
    ------
    InputError
        If it is none that a grid can have.
    """
    try:
        offset: Any = pd.tseries.frequencies.to_offset(freq)
    except ValueError:
        offset = None
    n = getattr(offset, "n", 0)
    if isinstance(offset, offsets.YearBegin):
        january = offset.freqstr.endswith("-JAN")
        name = "year" if n == 1 else f"{_word(n)}-year period"
        form = "%Y" if january else "%Y-%m"
        return Step(name, 12 * n, None, 1 / n, form, None, "Y" if n == 1 else "")
    if isinstance(offset, offsets.QuarterBegin | offsets.MonthBegin):
        months = n * (3 if isinstance(offset, offsets.QuarterBegin) else 1)
        name = {1: "month", 3: "quarter", 6: "half-year"}.get(
            months, f"{_word(months)}-month period"
        )
        cycle = 12 // months if 12 % months == 0 and months < 12 else None
        letter = {1: "M", 3: "Q"}.get(months, "")
        return Step(name, months, None, 12 / months, "%Y-%m", cycle, letter)
    if isinstance(offset, offsets.BusinessDay):
        return Step("business day", None, 86_400, 365.25 * 5 / 7, "%Y-%m-%d", 5, "B")
    days = 7 * n if isinstance(offset, offsets.Week) else n
    if isinstance(offset, offsets.Week | offsets.Day):
        return _of_days(days)
    if isinstance(offset, offsets.Tick):
        return _of_seconds(round(pd.Timedelta(offset).total_seconds()))
    raise InputError(
        "the index has no usable frequency",
        value=freq or None,
        fix="pass the series through as_regular_series first",
    )


def _word(n: int) -> str:
    return _WORDS.get(n, str(n))


def _of_days(days: int) -> Step:
    name = {1: "day", 7: "week"}.get(
        days, f"{_word(days // 7)}-week period" if days % 7 == 0 else f"{days}-day period"
    )
    per_year = 365.25 / days
    cycle = {1: 7, 7: 52, 14: 26, 28: 13}.get(days)
    letter = {1: "D", 7: "W"}.get(days, "")
    return Step(name, None, days * 86_400, per_year, "%Y-%m-%d", cycle, letter)


def _of_seconds(seconds: int) -> Step:
    unit, size = next(
        (u, s) for u, s in (("hour", 3600), ("minute", 60), ("second", 1)) if seconds % s == 0
    )
    n = seconds // size
    name = unit if n == 1 else f"{_word(n)}-{unit} period"
    letter = {"hour": "h", "minute": "min", "second": "s"}[unit] if n == 1 else ""
    cycle = 86_400 // seconds if 86_400 % seconds == 0 and 1 < 86_400 // seconds <= 96 else None
    form = "%Y-%m-%d %H:%M" if seconds >= 60 else "%Y-%m-%d %H:%M:%S"
    return Step(name, None, seconds, 365.25 * 86_400 / seconds, form, cycle, letter)
