"""What `change_points` returns: dated changes with intervals, or an honest nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from uploadtrends.breaks.changes import Change, SeriesChanges
from uploadtrends.breaks.matching import Match, match
from uploadtrends.breaks.plain import plain_pelt, plain_sentence
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
    "p_change",
    "label",
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

    title = "Change points"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per confirmed change, and one with its reason for a series without any.

        Columns
        -------
        platform, group : str
        date : first period of the new regime
        low, high : interval for the date, both included
        before, after : fitted level either side of the date, in units of the series
        slope_before, slope_after : fitted change per period within each regime (growth rates with
            ``scale="log"``)
        confidence : nominal coverage of all intervals of a series at once
        p : overall p-value of "no change at all" in this series (calibrated default)
        p_change : chance of a change as large as this one, the others given
        label : "change", "change or smooth course", "smooth bend", or empty
        penalty, cost : settings used
        status : "ok", "undecided", "smooth", "no change" or "refused"
        reason : str
        """
        rows: list[dict[str, Any]] = []
        for fit in self.fits:
            shared = self._shared(fit)
            rows.extend({**shared, **_row(change)} for change in fit.changes)
            if not fit.changes:
                rows.append(shared)
        return _table(rows)

    @property
    def changes(self) -> pd.DataFrame:
        """The confirmed changes: the rows of `to_frame` that have a date."""
        frame = self.to_frame()
        return frame[frame["date"].notna()].reset_index(drop=True)

    @property
    def further(self) -> pd.DataFrame:
        """Other cuts of the best segmentations, columns as `to_frame`.

        Not beyond chance, or not told from a smooth course: never matched to events.
        """
        return _table(
            [{**self._shared(fit), **_row(cut)} for fit in self.fits for cut in fit.further]
        )

    @property
    def unusual(self) -> pd.DataFrame:
        """Odd periods that were set aside: platform, group, date, value, expected."""
        rows = [
            (fit.platform, fit.group, odd.date, odd.value, odd.expected)
            for fit in self.fits
            for odd in fit.unusual
        ]
        return pd.DataFrame(rows, columns=["platform", "group", "date", "value", "expected"])

    def plain_pelt(self) -> pd.DataFrame:
        """Return what a plain PELT with BIC would have said, and how often such a run cries wolf.

        See `uploadtrends.breaks.plain.plain_pelt`.
        """
        return self._plain.copy()

    def plain_sentence(self) -> str:
        """Say the same in one sentence."""
        return plain_sentence(self._plain)

    @cached_property
    def _plain(self) -> pd.DataFrame:
        return plain_pelt(self.fits)

    def _shared(self, fit: SeriesChanges) -> dict[str, Any]:
        names = ("platform", "group", "p", "penalty", "cost", "label", "status", "reason")
        return {"confidence": self.confidence, **{name: getattr(fit, name) for name in names}}

    @property
    def segments(self) -> pd.DataFrame:
        """One row per regime: start and end (both included), fitted levels there, slope."""
        return pd.DataFrame([row for fit in self.fits for row in fit.segments()])

    def summary(self) -> str:
        """Say in plain words what was found, one sentence per series."""
        return "\n".join(fit.sentence for fit in self.fits)

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


def _row(change: Change) -> dict[str, Any]:
    names = ("date", "low", "high", "before", "after", "slope_before", "slope_after")
    return {**{name: getattr(change, name) for name in names}, "p_change": change.p}


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("date", "low", "high"):
        frame[name] = pd.to_datetime(frame[name])
    numbers = ["before", "after", "slope_before", "slope_after", "p", "p_change"]
    frame[numbers] = frame[numbers].astype(float)
    return frame
