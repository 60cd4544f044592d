"""A series of days, weeks or hours as one of months, or of four weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.tseries import offsets

from uploadtrends.series.gaps import expected
from uploadtrends.series.grid import described, frequency, period_ends, period_name
from uploadtrends.series.steps import step_of

LEAST_OBSERVED = 0.5
"""Share of its days that a month of means needs."""


def by_month(series: pd.Series) -> pd.Series:
    """Return totals (of counts without a gap) or means (of anything else) by month.

    Weeks do not fit into months; four of them are one period. A first or last month that the series
    covers in part is left out.

    Parameters
    ----------
    series : pandas.Series
        On its grid (`uploadtrends.series.grid.as_regular_series`), steps shorter than two weeks.

    Returns
    -------
    pandas.Series
        On a grid of months or four weeks, without a time zone. ``attrs["calendar"]`` says what was
        done; of means ``attrs["per"]`` names the period that they are the mean of.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2021-01-11", "2021-04-02", freq="D")
    >>> by_month(pd.Series(2.0, days)).to_dict() == {
    ...     pd.Timestamp("2021-02-01"): 56.0, pd.Timestamp("2021-03-01"): 62.0
    ... }
    True
    """
    index = pd.DatetimeIndex(series.index)
    step = step_of(frequency(index))
    ends = period_ends(index)
    if index.tz is not None:
        index, ends = index.tz_localize(None), ends.tz_localize(None)
    if step.letter == "W":
        starts = pd.date_range(index[0], periods=len(index) // 4, freq=offsets.Day(28))
        bins = np.arange(len(index)) // 4
    else:
        months = index.to_period("M")
        # A month of business days begins and ends on one.
        slack = pd.Timedelta(days=2 if step.letter == "B" else 0)
        every = pd.period_range(index[0], ends[-1], freq="M")
        whole = every[(every.start_time + slack >= index[0]) & (every.end_time - slack < ends[-1])]
        starts = pd.DatetimeIndex(whole.to_timestamp(), freq=offsets.MonthBegin())
        bins = whole.get_indexer(months)
    values = series.to_numpy(dtype=float)
    inside = (bins >= 0) & (bins < len(starts)) & expected(series)
    bins, values = bins[inside], values[inside]
    known = np.isfinite(values)
    counted = np.bincount(bins[known], minlength=len(starts))
    total = np.bincount(bins[known], values[known], minlength=len(starts))
    observed = values[known]
    counts = bool(known.all() and (observed >= 0).all() and (observed == np.round(observed)).all())
    if not counts:
        possible = np.bincount(bins, minlength=len(starts))
        enough = counted >= np.maximum(LEAST_OBSERVED * possible, 1)
        total = np.where(enough, total / np.maximum(counted, 1), np.nan)
    found = pd.Series(total, starts, name=series.name)
    found.attrs = {key: value for key, value in series.attrs.items() if key != "calendar"}
    if not counts:
        found.attrs["per"] = step.name
    if len(starts):
        what = "totals" if counts else "means"
        found.attrs["calendar"] = described(starts, f"{what} of {period_name(series.index)}s")
    return found
