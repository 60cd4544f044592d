"""What `monitor` returns: for every series, an alarm or none, and the path that led there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from uploadtrends.brief import number
from uploadtrends.result import Call, Result
from uploadtrends.series.grid import frequency, stamp

COLUMNS = (
    "platform",
    "group",
    "first",
    "last",
    "watched",
    "alarm",
    "began",
    "share_of_boundary",
    "p",
    "autocorrelation",
    "level",
    "test",
    "covariance",
    "status",
    "reason",
)


def _empty() -> pd.Series:
    return pd.Series(dtype=float)


@dataclass(frozen=True, eq=False)
class Monitored:
    """One watched series.

    Attributes
    ----------
    platform, group : str
    observed : pandas.Series
        History and new periods.
    first : int
        Place of the first new period.
    status : {"alarm", "quiet", "refused"}
    process, boundary : pandas.Series
        By new period: an alarm where the absolute process passes the boundary.
    fitted : pandas.Series
        The course of the history, carried on.
    alarm, began : pandas.Timestamp or None
        Period of the first alarm, and first period of the new regime, as far as can be told.
    autocorrelation, p : float
        Of the history, and the chance of going as far without a change ("ar1" only).
    reason : str
    """

    platform: str
    group: str
    observed: pd.Series
    first: int
    status: str = "refused"
    process: pd.Series = field(default_factory=_empty)
    boundary: pd.Series = field(default_factory=_empty)
    fitted: pd.Series = field(default_factory=_empty)
    alarm: pd.Timestamp | None = None
    began: pd.Timestamp | None = None
    autocorrelation: float = float("nan")
    p: float = float("nan")
    reason: str = ""

    @property
    def name(self) -> str:
        """Platform and group in one."""
        return ", ".join(part for part in (self.platform, self.group) if part) or "the series"

    def refused(self, reason: str) -> Monitored:
        """Return the same series with the reason why it is not watched."""
        return replace(self, reason=reason)

    def finished(self, **found: Any) -> Monitored:
        """Return the same series with what was found."""
        status = "quiet" if found["alarm"] is None else "alarm"
        return replace(self, status=status, **found)

    @property
    def share_of_boundary(self) -> float:
        """How near the process came to the boundary: 1 is an alarm."""
        if self.process.empty:
            return float("nan")
        return float((self.process.abs() / self.boundary).max())

    @property
    def sentence(self) -> str:
        """The finding in words, with the caution that goes with it."""
        caution = next((n for n in self.reason.split("; caution: ")[1:]), "")
        if self.reason.startswith("caution: "):
            caution = self.reason.removeprefix("caution: ")
        return f"{self._finding()} Caution: {caution}." if caution else self._finding()

    def _finding(self) -> str:
        if self.status == "refused":
            return f"{self.name}: not watched, because {self.reason}."
        freq = frequency(self.observed.index)
        since = stamp(self.process.index[0], freq)
        if self.alarm is None or self.began is None:
            return (
                f"{self.name}: no alarm since {since} ({len(self.process)} periods watched; at "
                f"most {self.share_of_boundary:.0%} of the boundary)."
            )
        after = self.observed[self.began :].dropna()
        expected = self.fitted[after.index]
        return (
            f"{self.name}: alarm at {stamp(self.alarm, freq)}, the change began about "
            f"{stamp(self.began, freq)} (since then {number(after.mean())} a period where the "
            f"history lets one expect {number(expected.mean())})."
        )


@dataclass(frozen=True, repr=False, eq=False)
class Monitoring(Result):
    """New periods of one or more series, watched.

    Attributes
    ----------
    fits : tuple of Monitored
        One per series, in the order given.
    level : float
        False alarms to tolerate in one series, over all looks.
    test, covariance : str
    call : Call
    """

    fits: tuple[Monitored, ...]
    level: float
    test: str
    covariance: str
    call: Call

    title = "Monitoring: new periods against history"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per series.

        Columns
        -------
        platform, group : str
        first, last : first and last new period
        watched : number of new periods observed
        alarm : period of the first alarm
        began : first period of the new regime, as far as can be told
        share_of_boundary : how near the process came to its boundary; above 1 is an alarm
        p : chance of going as far within the horizon without a change (covariance "ar1")
        autocorrelation : of the history's errors (covariance "ar1")
        level, test, covariance : settings used
        status : "alarm", "quiet" or "refused"
        reason : str
        """
        rows = [
            {
                "platform": fit.platform,
                "group": fit.group,
                "first": fit.process.index[0] if len(fit.process) else pd.NaT,
                "last": fit.process.index[-1] if len(fit.process) else pd.NaT,
                "watched": len(fit.process),
                "alarm": fit.alarm,
                "began": fit.began,
                "share_of_boundary": fit.share_of_boundary,
                "p": fit.p,
                "autocorrelation": fit.autocorrelation,
                "level": self.level,
                "test": self.test,
                "covariance": self.covariance,
                "status": fit.status,
                "reason": fit.reason,
            }
            for fit in self.fits
        ]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        for name in ("first", "last", "alarm", "began"):
            frame[name] = pd.to_datetime(frame[name])
        return frame

    @property
    def alarms(self) -> pd.DataFrame:
        """The rows of `to_frame` with an alarm."""
        frame = self.to_frame()
        return frame[frame["status"] == "alarm"].reset_index(drop=True)

    @property
    def paths(self) -> pd.DataFrame:
        """One row per series and new period: platform, group, date, process, boundary."""
        parts = [
            pd.DataFrame(
                {
                    "platform": fit.platform,
                    "group": fit.group,
                    "date": fit.process.index,
                    "process": fit.process.to_numpy(),
                    "boundary": fit.boundary.to_numpy(),
                }
            )
            for fit in self.fits
            if len(fit.process)
        ]
        if not parts:
            return pd.DataFrame(columns=["platform", "group", "date", "process", "boundary"])
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> str:
        """Say in plain words what was found, one sentence per series."""
        return "\n".join(fit.sentence for fit in self.fits)
