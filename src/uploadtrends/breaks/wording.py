"""What was found in one series, in words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from uploadtrends.breaks.changes import Change, SeriesChanges, UnusualPeriod
from uploadtrends.brief import number, p_text
from uploadtrends.series.grid import frequency, stamp
from uploadtrends.series.steps import step_of

SHORT_REGIME = 4


@dataclass(frozen=True)
class Finding:
    """One series and what became of it.

    Attributes
    ----------
    name : str
        How the sentence calls the series.
    fit : SeriesChanges
        Everything but its reason and sentence.
    null : str
        What a change was tested against.
    best : pandas.Timestamp or None
        Where the best single change lies, found or not.
    confidence : float
        Coverage of the intervals.
    """

    name: str
    fit: SeriesChanges
    null: str
    best: pd.Timestamp | None
    confidence: float

    @property
    def _freq(self) -> str:
        return frequency(self.fit.index)

    def _stamp(self, date: pd.Timestamp) -> str:
        return stamp(date, self._freq)

    def reason(self, missing: int, *, descriptive: bool) -> str:
        """Say why nothing was found, or what to be careful about."""
        parts = [self._nothing()] if not self.fit.changes else []
        if descriptive and self.fit.changes:
            parts.append(self._short_regime())
        if missing:
            done = "interpolated" if descriptive else "left out"
            parts.append(f"{_count(missing, 'missing period')} {done}")
        parts += [self._odd(), self._further()]
        return "; ".join(filter(None, parts))

    def sentence(self, *, growth: bool = False) -> str:
        """Say what was found."""
        chance = "" if np.isnan(self.fit.p) else f" (any change at all: {p_text(self.fit.p)})"
        if self.fit.changes:
            found = "; ".join(self._change(change, growth=growth) for change in self.fit.changes)
            text = f"{self.name}: changed at {found}{chance}."
        elif self.fit.status == "undecided":
            text = (
                f"{self.name}: a change at {self._dates(self.fit.further)} or a smooth course; "
                f"the data cannot tell{chance}."
            )
        elif self.fit.status == "smooth":
            text = f"{self.name}: a smooth bend, no dated change{chance}."
        else:
            text = f"{self.name}: no change found; {self._nothing()}."
        extra = [self._odd()]
        if self.fit.status == "ok":
            extra.append(self._further())
        return text + "".join(f" {part[0].upper()}{part[1:]}." for part in extra if part)

    def _nothing(self) -> str:
        fit = self.fit
        if fit.status == "undecided":
            return "a smooth course explains the series as well as a dated change"
        if fit.status == "smooth":
            return "a smooth course explains the series better than any dated change"
        if self.best is None and fit.unusual:
            return "otherwise the series never varies"
        if self.best is None:
            return "the penalty outweighs every segmentation"
        kind = "a constant" if self.null == "constant" else "a straight line"
        return (
            f"the best single change ({self._stamp(self.best)}) is no larger than {kind} with "
            f"autocorrelation {fit.autocorrelation:.2f} shows by chance ({p_text(fit.p)})"
        )

    def _short_regime(self) -> str:
        bounds = (0, *(change.position for change in self.fit.changes), len(self.fit.fitted))
        shortest = min(high - low for low, high in pairwise(bounds))
        if shortest >= SHORT_REGIME:
            return ""
        return (
            f"descriptive: the shortest regime has {shortest} periods; a larger min_size asks for "
            "changes that last"
        )

    def _odd(self) -> str:
        odd = self.fit.unusual
        if not odd:
            return ""
        listed = "; ".join(self._one_odd(period) for period in odd)
        return f"{_count(len(odd), 'unusual ' + step_of(self._freq).name)}: {listed}"

    def _one_odd(self, period: UnusualPeriod) -> str:
        return (
            f"{self._stamp(period.date)}, {number(period.value)} where about "
            f"{number(period.expected)} was expected"
        )

    def _further(self) -> str:
        if not self.fit.further or self.fit.status != "ok":
            return ""
        dates = self._dates(self.fit.further)
        return f"further bends of the best segmentation, not beyond chance: {dates}"

    def _dates(self, changes: tuple[Change, ...]) -> str:
        return ", ".join(self._stamp(change.date) for change in changes)

    def _change(self, change: Change, *, growth: bool) -> str:
        text = (
            f"{self._stamp(change.date)} ({self.confidence:.0%} interval "
            f"{self._stamp(change.low)} to {self._stamp(change.high)}"
        )
        if len(self.fit.changes) > 1 and not np.isnan(change.p):
            text += f", {p_text(change.p)}"
        text += f"), from {number(change.before)} to {number(change.after)}"
        if change.slope_before == change.slope_after:
            return text
        unit = step_of(self._freq).name
        if growth:
            rates = [f"{np.expm1(s):+.1%}" for s in (change.slope_before, change.slope_after)]
        else:
            rates = [f"{s:+.2g}" for s in (change.slope_before, change.slope_after)]
        return f"{text} and from {rates[0]} to {rates[1]} per {unit}"


def _count(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"
