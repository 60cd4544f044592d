"""What `change_points` returns: dated changes with intervals, or an honest nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from uploadtrends.breaks.changes import SeriesChanges
from uploadtrends.breaks.matching import Match, match
from uploadtrends.result import Call, Result

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
        return match(
            self,
            events,
            window=window,
            n_permutations=n_permutations,
            seed=seed,
            **constraints,
        )
