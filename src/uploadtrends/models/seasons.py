"""Seasonal columns, chosen by how much data there is and never by a look at the outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.series.grid import PERIODS_PER_YEAR, days, frequency

MIN_MONTHS_BEFORE = 24
"""Seasonal terms need two full years before the first event."""

Columns = list[tuple[str, Array]]


def seasonal_columns(
    index: pd.DatetimeIndex, season: str | int | None, months_before: float
) -> tuple[Columns, str]:
    """Return named seasonal columns and the sentence that says why these.

    Parameters
    ----------
    index : DatetimeIndex with freq, (N,)
    season : "auto", "none", None, "harmonics" (two), "dummies", or a number of harmonics
    months_before : float
        Observed months before the first event.
    """
    freq = frequency(index)
    per_year = PERIODS_PER_YEAR[freq]
    if season in (None, "none", 0):
        return [], "no seasonal terms (as asked)"
    if per_year < 2:
        return [], "no seasonal terms (yearly data)"
    if season == "auto":
        return _automatic(index, freq, months_before)
    if season == "dummies":
        return _dummies(index, freq), _named(_dummies(index, freq), freq) + " (as asked)"
    count = 2 if season == "harmonics" else int(season)
    if count > per_year / 2:
        raise InputError(
            f"{count} harmonics are too many for this frequency",
            column="season",
            value=season,
            fix=f"at most {int(per_year // 2)}",
        )
    return _harmonics(index, count), f"{_plural(count)} (as asked)"


def _automatic(index: pd.DatetimeIndex, freq: str, months: float) -> tuple[Columns, str]:
    columns: Columns = []
    said = []
    if freq == "h":
        hours = [(f"hour_{h}", (index.hour == h).astype(float)) for h in range(1, 24)]
        if months * 30.4 >= 14:
            columns += hours
            said.append("hours of the day")
    if freq in ("D", "h") and months * 30.4 >= 56:
        columns += _weekdays(index)
        said.append("days of the week")
    if months >= MIN_MONTHS_BEFORE:
        annual = _dummies(index, freq) if freq == "QS" else _harmonics(index, 2)
        columns += annual
        said.append("quarters" if freq == "QS" else "two annual harmonics")
        why = f"{months:.0f} months before the first event"
    else:
        why = f"{int(months)} months before the first event; annual terms need {MIN_MONTHS_BEFORE}"
    return columns, (
        f"seasonal terms: {', '.join(said)}" if said else "no seasonal terms"
    ) + f" ({why})"


def _harmonics(index: pd.DatetimeIndex, count: int) -> Columns:
    freq = frequency(index)
    if freq == "MS":
        # Month numbers, as in Lopez Bernal et al. (2017), so that coefficients compare.
        angle = 2 * np.pi * index.month.to_numpy() / 12
    elif freq == "QS":
        angle = 2 * np.pi * index.quarter.to_numpy() / 4
    else:
        middle = index.day_of_year.to_numpy() - 1 + index.hour.to_numpy() / 24 + days(index) / 2
        angle = 2 * np.pi * middle / 365.25
    columns: Columns = []
    for k in range(1, count + 1):
        columns += [(f"sin{k}", np.sin(k * angle)), (f"cos{k}", np.cos(k * angle))]
    # At the Nyquist frequency the sine is zero everywhere.
    return [(name, column) for name, column in columns if np.abs(column).max() > 1e-8]


def _dummies(index: pd.DatetimeIndex, freq: str) -> Columns:
    if freq == "QS":
        return [(f"quarter_{q}", (index.quarter == q).astype(float)) for q in (2, 3, 4)]
    columns = [(f"month_{m}", (index.month == m).astype(float)) for m in range(2, 13)]
    return (_weekdays(index) if freq in ("D", "h") else []) + columns


def _weekdays(index: pd.DatetimeIndex) -> Columns:
    return [(f"weekday_{d}", (index.day_of_week == d).astype(float)) for d in range(1, 7)]


def _named(columns: Columns, freq: str) -> str:
    kinds = sorted({name.partition("_")[0] for name, _ in columns})
    return f"seasonal terms: {' and '.join(kinds)} dummies"


def _plural(count: int) -> str:
    return "one annual harmonic" if count == 1 else f"{count} annual harmonics"
