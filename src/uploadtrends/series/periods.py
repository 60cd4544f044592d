"""Calendar periods: their names in polars, pandas and SQL."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_POLARS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
_PANDAS = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS", "year": "YS"}
# A date known to the month cannot be put into a week.
_PRECISE_ENOUGH = {
    "day": ("second", "minute", "day"),
    "week": ("second", "minute", "day"),
    "month": ("second", "minute", "day", "month"),
    "quarter": ("second", "minute", "day", "month"),
    "year": ("second", "minute", "day", "month", "year"),
}
_DAYS = {"day": 1.0, "week": 7.0, "month": 30.436875, "quarter": 91.310625, "year": 365.2425}


def require_period(period: str) -> str:
    """Return the period's name if it is one of day, week, month, quarter, year."""
    if period not in _POLARS:
        raise InputError(
            "unknown period", column="period", value=period, fix=f"one of {', '.join(_POLARS)}"
        )
    return period


def polars_step(period: str) -> str:
    """Return polars' name of the period ("1mo")."""
    return _POLARS[require_period(period)]


def pandas_frequency(period: str) -> str:
    """Return pandas' name of the frequency ("MS")."""
    return _PANDAS[require_period(period)]


def precise_enough(period: str) -> tuple[str, ...]:
    """Return the date precisions that can be placed in such a period."""
    return _PRECISE_ENOUGH[require_period(period)]


def mean_days(period: str) -> float:
    """Return the mean length of the period in days."""
    return _DAYS[require_period(period)]


def sql_period(period: str, moment: str) -> str:
    """Return portable SQL for the first day of the period that holds `moment`."""
    return f"CAST(date_trunc('{require_period(period)}', {moment}) AS DATE)"


def grid(first: dt.date, last: dt.date, period: str) -> pl.Series:
    """Return the first days of all periods from `first` to `last` (both period starts)."""
    import polars as pl

    return pl.date_range(first, last, interval=polars_step(period), eager=True).alias("period")


def floor(moment: dt.date | dt.datetime, period: str) -> dt.date:
    """Return the first day of the period that holds the date."""
    import polars as pl

    day = dt.date(moment.year, moment.month, moment.day)
    start: dt.date = pl.Series([day], dtype=pl.Date).dt.truncate(polars_step(period))[0]
    return start
