"""Seasonal columns, made only for the hours, days and months that occur."""

from __future__ import annotations

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.series.grid import days, frequency, frequent
from uploadtrends.series.steps import Step, step_of

MIN_MONTHS_BEFORE = 24
"""Annual terms need two full years before the first event."""
MIN_DAYS_FOR_HOURS, MIN_DAYS_FOR_WEEKDAYS = 14, 56

Columns = list[tuple[str, Array]]


def seasonal_columns(
    index: pd.DatetimeIndex, season: str | int | None, months_before: float, known: Array
) -> tuple[Columns, str]:
    """Return named seasonal columns and the sentence that says why these.

    Parameters
    ----------
    index : DatetimeIndex with freq, (N,)
    season : "auto", "none", None, "harmonics" (two), "dummies", or a number of harmonics
    months_before : float
        Observed months before the first event.
    known : array of bool (N,)
        Periods with a value: an hour, day or month that never has one gets no column.
    """
    step = step_of(frequency(index))
    if season in (None, "none", 0):
        return [], "no seasonal terms (as asked)"
    if step.per_year < 2:
        return [], f"no seasonal terms ({step.name}s)"
    if season == "auto":
        return _automatic(index, step, months_before, known)
    if season == "dummies":
        columns = _dummies(index, step, known)
        return columns, _named(columns) + " (as asked)"
    count = 2 if season == "harmonics" else int(season)
    if count > step.per_year / 2:
        raise InputError(
            f"{count} harmonics are too many for this frequency",
            column="season",
            value=season,
            fix=f"at most {int(step.per_year // 2)}",
        )
    return harmonics(index, count), f"{_plural(count)} (as asked)"


def within_week(index: pd.DatetimeIndex, days_before: float, known: Array) -> tuple[Columns, str]:
    """Return columns for hours of the day and days of the week, where such data can carry them."""
    step = step_of(frequency(index))
    columns: Columns = []
    said = []
    if (step.seconds or 86_400) < 86_400 and days_before >= MIN_DAYS_FOR_HOURS:
        columns += _levels("hour", index.hour.to_numpy(), known)
        said += ["hours of the day"] * bool(columns)
    daily = step.letter in ("D", "B") or (step.seconds or 86_400) < 86_400
    if daily and days_before >= MIN_DAYS_FOR_WEEKDAYS:
        columns += weekdays(index, known)
        said.append("days of the week")
    return columns, ", ".join(said)


def _automatic(
    index: pd.DatetimeIndex, step: Step, months: float, known: Array
) -> tuple[Columns, str]:
    columns, said = within_week(index, months * 30.4, known)
    if frequent(index):
        return _with_year(index, columns, said, months)
    if months < MIN_MONTHS_BEFORE:
        why = f"{int(months)} months before the first event; annual terms need {MIN_MONTHS_BEFORE}"
        return columns, f"no seasonal terms ({why})"
    why = f"{months:.0f} months before the first event"
    if step.months is not None and step.months > 1:
        columns = _dummies(index, step, known)
        what = {3: "quarters"}.get(step.months, f"{step.name}s of the year")
        return columns, f"seasonal terms: {what} ({why})"
    return harmonics(index, 2), f"seasonal terms: two annual harmonics ({why})"


def _with_year(
    index: pd.DatetimeIndex, columns: Columns, said: str, months: float
) -> tuple[Columns, str]:
    """Add the year where two of them lie in the span, one of those before the event."""
    span = len(index) * 12 / step_of(frequency(index)).per_year
    if months >= MIN_MONTHS_BEFORE / 2 and span >= MIN_MONTHS_BEFORE:
        columns = columns + harmonics(index, 2)
        said = ", ".join(part for part in (said, "two annual harmonics") if part)
        return columns, f"seasonal terms: {said} ({months:.0f} months before the first event)"
    why = f"{int(months)} months before the first event are too few for annual terms"
    return columns, f"seasonal terms: {said} ({why})" if said else f"no seasonal terms ({why})"


def harmonics(index: pd.DatetimeIndex, count: int) -> Columns:
    """Return sine and cosine of the year, `count` pairs."""
    months = step_of(frequency(index)).months
    if months is not None:
        # Month numbers, as in Lopez Bernal et al. (2017), so that coefficients compare.
        place = ((index.month.to_numpy() - 1) // months + 1) * months
        angle = 2 * np.pi * place / 12
    else:
        middle = index.day_of_year.to_numpy() - 1 + index.hour.to_numpy() / 24 + days(index) / 2
        angle = 2 * np.pi * middle / 365.25
    columns: Columns = []
    for k in range(1, count + 1):
        columns += [(f"sin{k}", np.sin(k * angle)), (f"cos{k}", np.cos(k * angle))]
    # At the Nyquist frequency the sine is zero everywhere.
    return [(name, column) for name, column in columns if np.abs(column).max() > 1e-8]


def _dummies(index: pd.DatetimeIndex, step: Step, known: Array) -> Columns:
    if step.months == 3:
        return _levels("quarter", index.quarter.to_numpy(), known)
    months = _levels("month", index.month.to_numpy(), known)
    return (weekdays(index, known) if step.letter in ("D", "B", "h") else []) + months


def weekdays(index: pd.DatetimeIndex, known: Array) -> Columns:
    """Return a column for every weekday that occurs but the first."""
    return _levels("weekday", index.day_of_week.to_numpy(), known)


def _levels(name: str, labels: Array, known: Array) -> Columns:
    """Return a column for every label that occurs but the first."""
    return [(f"{name}_{v}", (labels == v).astype(float)) for v in np.unique(labels[known])[1:]]


def _named(columns: Columns) -> str:
    kinds = sorted({name.partition("_")[0] for name, _ in columns})
    return f"seasonal terms: {' and '.join(kinds)} dummies" if kinds else "no seasonal terms"


def _plural(count: int) -> str:
    return "one annual harmonic" if count == 1 else f"{count} annual harmonics"
