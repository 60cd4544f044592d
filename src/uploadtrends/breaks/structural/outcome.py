"""What the structural-change tests return."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from uploadtrends.result import Call, Result
from uploadtrends.series.grid import frequency, stamp


@dataclass(frozen=True, repr=False, eq=False)
class StructuralTest(Result):
    """One test of "the regression is the same throughout".

    Attributes
    ----------
    name : str
    statistic, p : float
    date : pandas.Timestamp or None
        First period of the new regime where the evidence peaks (or the stated date).
    path : pandas.Series
        Statistic per date: F statistics by first period of the new regime, or the CUSUM process.
    sentence : str
    call : Call
    boundary : pandas.Series or None
        What the (absolute) path may not cross at the 5% level, where that is a line.
    """

    name: str
    statistic: float
    p: float
    date: pd.Timestamp | None
    path: pd.Series
    sentence: str
    call: Call
    boundary: pd.Series | None = None

    @property
    def title(self) -> str:
        """What this is, as the caption of its table."""
        return f"Structural change: {self.name}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row: test, statistic, p, date."""
        return pd.DataFrame(
            {
                "test": [self.name],
                "statistic": [self.statistic],
                "p": [self.p],
                "date": [self.date],
            }
        )

    def summary(self) -> str:
        """Say what was found in one sentence."""
        return self.sentence


@dataclass(frozen=True, repr=False, eq=False)
class BaiPerron(Result):
    """Multiple structural breaks (Bai & Perron 1998, 2003).

    Attributes
    ----------
    dates : tuple of pandas.Timestamp
        First period of every new regime.
    intervals : tuple of (pandas.Timestamp, pandas.Timestamp)
        Confidence interval per date (Bai 1997), both ends included.
    coefficients : pandas.DataFrame
        One row per regime: start, end (both included), then estimate and se of every coefficient.
    selection : pandas.DataFrame
        One row per number of breaks: rss, bic, lwz, and the optimal dates.
    confidence : float
    criterion : str
        What chose the number of breaks.
    call : Call
    """

    dates: tuple[pd.Timestamp, ...]
    intervals: tuple[tuple[pd.Timestamp, pd.Timestamp], ...]
    coefficients: pd.DataFrame
    selection: pd.DataFrame
    confidence: float
    criterion: str
    index: pd.DatetimeIndex
    call: Call

    title = "Breaks of Bai and Perron"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per break: date (first period of the new regime), low, high."""
        return pd.DataFrame(
            {
                "date": pd.to_datetime(list(self.dates)),
                "low": pd.to_datetime([low for low, _ in self.intervals]),
                "high": pd.to_datetime([high for _, high in self.intervals]),
                "confidence": self.confidence,
            }
        )

    def summary(self) -> str:
        """Say in words where the breaks are."""
        if not self.dates:
            return f"No structural break ({self.criterion})."
        freq = frequency(self.index)
        parts = [
            f"{stamp(date, freq)} ({self.confidence:.0%} interval {stamp(low, freq)} to "
            f"{stamp(high, freq)})"
            for date, (low, high) in zip(self.dates, self.intervals, strict=True)
        ]
        count = f"{len(parts)} structural {'break' if len(parts) == 1 else 'breaks'}"
        return f"{count} ({self.criterion}): new regimes from {'; '.join(parts)}."


@dataclass(frozen=True, repr=False, eq=False)
class StructuralBreaks(Result):
    """One structural test of every series of a panel.

    Attributes
    ----------
    names : tuple of (str, str)
        Platform and group of each series.
    tests : tuple of StructuralTest or BaiPerron
        One each, in the same order.
    call : Call
    """

    names: tuple[tuple[str, str], ...]
    tests: tuple[StructuralTest | BaiPerron, ...]
    call: Call

    @property
    def title(self) -> str:
        """What this is, as the caption of its table."""
        return f"Structural tests of {len(self.tests)} series"

    def to_frame(self) -> pd.DataFrame:
        """Return the rows of all tests, with platform and group in front."""
        return pd.concat(
            [
                test.to_frame().assign(platform=platform, group=group)
                for (platform, group), test in zip(self.names, self.tests, strict=True)
            ],
            ignore_index=True,
        ).pipe(lambda rows: rows[["platform", "group", *rows.columns[:-2]]])

    def summary(self) -> str:
        """Say what was found in each series."""
        return "\n".join(
            f"{', '.join(part for part in name if part) or 'the series'}: {test.summary()}"
            for name, test in zip(self.names, self.tests, strict=True)
        )
