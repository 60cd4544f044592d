"""What `change_points` returns: dated changes with intervals, or an honest nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.breaks.matching import Match

COLUMNS = (
    "platform",
    "group",
    "date",
    "low",
    "high",
    "before",
    "after",
    "slope_before",
    "slope_after",
    "confidence",
    "p",
    "penalty",
    "cost",
    "status",
    "reason",
)
_STAMPS = {"YS": "%Y", "QS": "%Y-%m", "MS": "%Y-%m", "h": "%Y-%m-%d %H:00"}


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

    def probability_between(self, first: Any, last: Any) -> float:
        """Return the probability that the new regime began between two dates, both included."""
        return float(self.probability[pd.Timestamp(first) : pd.Timestamp(last)].sum())


@dataclass(frozen=True, eq=False)
class SeriesChanges:
    """The changes of one series, and what was fitted.

    Attributes
    ----------
    platform, group : str
    observed : pandas.Series
        The series as analysed: regular, NaN where nothing was observed.
    fitted : pandas.Series
        Regime levels, plus the season where one was removed; empty when refused.
    changes : tuple of Change
    status : {"ok", "no change", "refused"}
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
        AR(1) parameter of the errors under the hypothesis of no change.
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

    @property
    def index(self) -> pd.DatetimeIndex:
        """The period starts of the series."""
        return pd.DatetimeIndex(self.observed.index)

    @property
    def name(self) -> str:
        """Platform and group in one."""
        return " ".join(part for part in (self.platform, self.group) if part)

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


@dataclass(frozen=True, repr=False, eq=False)
class ChangePoints(Result):
    """Change points of one or more series.

    Attributes
    ----------
    fits : tuple of SeriesChanges
        One per series, in the order given.
    confidence : float
        Nominal coverage of the date intervals; the calibrated default tolerates
        ``1 - confidence`` false alarms per series.
    call : Call
    """

    fits: tuple[SeriesChanges, ...]
    confidence: float
    call: Call

    def to_frame(self) -> pd.DataFrame:
        """Return one row per change, and one row with its reason for a series without any.

        Columns
        -------
        platform, group : str
        date : first period of the new regime
        low, high : interval for the date, both included
        before, after : fitted level either side of the date, in units of the series
        slope_before, slope_after : fitted change per period within each regime
        confidence : nominal coverage of ``[low, high]``
        p : overall p-value of "no change at all" in this series (calibrated default)
        penalty, cost : settings used
        status : "ok", "no change" or "refused"
        reason : str
        """
        rows: list[dict[str, Any]] = []
        for fit in self.fits:
            shared = {
                "platform": fit.platform,
                "group": fit.group,
                "confidence": self.confidence,
                "p": fit.p,
                "penalty": fit.penalty,
                "cost": fit.cost,
                "status": fit.status,
                "reason": fit.reason,
            }
            rows.extend(
                {
                    **shared,
                    "date": change.date,
                    "low": change.low,
                    "high": change.high,
                    "before": change.before,
                    "after": change.after,
                    "slope_before": change.slope_before,
                    "slope_after": change.slope_after,
                }
                for change in fit.changes
            )
            if not fit.changes:
                rows.append(shared)
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        for name in ("date", "low", "high"):
            frame[name] = pd.to_datetime(frame[name])
        numbers = ["before", "after", "slope_before", "slope_after", "p"]
        frame[numbers] = frame[numbers].astype(float)
        return frame

    @property
    def segments(self) -> pd.DataFrame:
        """One row per regime: start and end (both included), fitted levels there, slope."""
        return pd.DataFrame([row for fit in self.fits for row in fit.segments()])

    def summary(self) -> str:
        """Say in plain words what was found, one sentence per series."""
        return "\n".join(fit.sentence for fit in self.fits)

    def __repr__(self) -> str:
        return f"<ChangePoints: {len(self.fits)} series>\n{self.summary()}"

    def match(
        self,
        events: Any,
        *,
        window: str = "1 month",
        n_permutations: int = 9999,
        seed: int = 0,
        **constraints: Any,
    ) -> Match:
        """Test whether changes lie near the events more often than chance.

        See `uploadtrends.breaks.matching.match`.
        """
        from uploadtrends.breaks.matching import match

        return match(
            self,
            events,
            window=window,
            n_permutations=n_permutations,
            seed=seed,
            **constraints,
        )


def frequency(index: pd.Index[Any]) -> str:
    """Return the frequency of a regular index without its anchor: YS, QS, MS, W-MON, D or h."""
    name = str(getattr(index, "freqstr", ""))
    return name if name.startswith("W") else name.partition("-")[0]


def stamp(date: pd.Timestamp, freq: str) -> str:
    """Write a period start no finer than its period."""
    return date.strftime(_STAMPS.get(freq, "%Y-%m-%d"))
