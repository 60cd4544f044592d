"""One change of one series, and all changes of one series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from uploadtrends.series.grid import moment


@dataclass(frozen=True, eq=False)
class Change:
    """One change of regime.

    Attributes
    ----------
    date : pandas.Timestamp
        First period of the new regime.
    low, high : pandas.Timestamp
        Interval for that date, both ends included.
    before, after : float
        Fitted level in the last period of the old and the first period of the new regime.
    slope_before, slope_after : float
        Fitted change per period within each regime (0 where a constant fits as well).
    position : int
        Place of `date` in the series.
    probability : pandas.Series
        Probability of each candidate date (those above 1e-4), summing to about 1: what is known
        of the date beyond its interval.
    p : float
        Chance of a change as large as this one, the others given (NaN for descriptive methods).
    """

    date: pd.Timestamp
    low: pd.Timestamp
    high: pd.Timestamp
    before: float
    after: float
    slope_before: float
    slope_after: float
    position: int
    probability: pd.Series
    p: float = float("nan")

    def probability_between(self, first: Any, last: Any) -> float:
        """Return the probability that the new regime began between two dates, both included."""
        index = pd.DatetimeIndex(self.probability.index)
        return float(self.probability[moment(index, first) : moment(index, last)].sum())


@dataclass(frozen=True)
class UnusualPeriod:
    """A single odd period, set aside: named, never dated as a change.

    Attributes
    ----------
    date : pandas.Timestamp
    value : float
        What was observed.
    expected : float
        What the rest of the series lets one expect there.
    """

    date: pd.Timestamp
    value: float
    expected: float


@dataclass(frozen=True, eq=False)
class SeriesChanges:
    """The changes of one series, and what was fitted.

    Attributes
    ----------
    platform, group : str
    observed : pandas.Series
        The series as analysed: regular, NaN where nothing was observed.
    fitted : pandas.Series
        Regime levels (or the smooth course that fits as well), plus the season where one was
        removed; empty when refused.
    changes : tuple of Change
        Confirmed changes where the method tests them: the series changes beyond chance, a smooth
        course does not explain it, and this change is needed beside the others.
    further : tuple of Change
        Other cuts of the best segmentation, not beyond chance or not told from a smooth course.
    unusual : tuple of UnusualPeriod
        Odd periods, set aside.
    status : {"ok", "undecided", "smooth", "no change", "refused"}
        ``"undecided"``: something changed, but a smooth course explains it as well as a dated
        change. ``"smooth"``: a smooth course explains it better.
    label : {"change", "change or smooth course", "smooth bend", ""}
        What the calibrated default claims, apart from `p`.
    reason : str
        Why nothing was found or nothing was tried; cautions otherwise.
    sentence : str
        The finding in words, for a report.
    p : float
        Overall p-value of "no change at all" (NaN for descriptive penalties).
    cost, penalty : str
        What the segments are and how a change is priced.
    season : str
        How the season was treated.
    autocorrelation : float
        AR(1) parameter of the errors beside the best change, corrected for bias.
    """

    platform: str
    group: str
    observed: pd.Series
    fitted: pd.Series
    changes: tuple[Change, ...]
    status: str
    reason: str
    sentence: str
    p: float
    cost: str
    penalty: str
    season: str
    autocorrelation: float
    label: str = ""
    further: tuple[Change, ...] = ()
    unusual: tuple[UnusualPeriod, ...] = ()

    @property
    def index(self) -> pd.DatetimeIndex:
        """The period starts of the series."""
        return pd.DatetimeIndex(self.observed.index)

    @property
    def name(self) -> str:
        """Platform and group in one."""
        return ", ".join(part for part in (self.platform, self.group) if part) or "the series"

    def segments(self) -> list[dict[str, Any]]:
        """Return one record per regime: first and last period, fitted levels there, slope."""
        if self.fitted.empty:
            return []
        index = self.observed.index
        bounds = [0, *(change.position for change in self.changes), len(index)]
        if self.changes:
            slopes = [self.changes[0].slope_before]
            slopes += [change.slope_after for change in self.changes]
        else:
            slopes = [float("nan")]
        levels = self.fitted
        return [
            {
                "platform": self.platform,
                "group": self.group,
                "start": index[low],
                "end": index[high - 1],
                "fitted_start": float(levels.iloc[low]),
                "fitted_end": float(levels.iloc[high - 1]),
                "slope": slope,
                "periods": high - low,
            }
            for low, high, slope in zip(bounds[:-1], bounds[1:], slopes, strict=True)
        ]
