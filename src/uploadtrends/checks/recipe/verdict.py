"""What the cut years say together, by platform, in one status and in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.checks.outcome import Status
from uploadtrends.checks.recipe.sizes import (
    FEWEST_SENIORS,
    FEWEST_YEARS,
    Change,
    Interval,
    Sizes,
    compare_years,
    verdict,
)
from uploadtrends.collect.sites import written

_WEIGHTIEST: tuple[Status, ...] = ("failed", "not informative", "passed", "not applicable")
_WHY = {
    "an excess": "more than the rule makes of any year",
    "recipe": "the rule makes seniors decline in any year, so that the decline alone is no "
    "evidence of an event",
    "no excess": "no more than in years without an event: an extra fall of 30% can be excluded",
    "the years differ too much": "too few years, or too different from each other, to tell",
    "no decline to explain": "no decline of the seniors is established there",
    "no actual cut year": "no cut year with the event has a window that the data cover",
}


@dataclass(frozen=True)
class Reading:
    """One reading of the recipe, with what the years say on each platform."""

    min_uploads: int
    between: str
    years: Mapping[str, Sequence[Change]]
    sizes: Mapping[str, Sizes | None]

    def verdict(self) -> tuple[Status, str]:
        """Return the weightiest status over the platforms, and a sentence for each."""
        statuses, sentences = [], []
        for platform in self.years:
            status, said = self._platform(platform)
            statuses.append(status)
            sentences.append(said)
        status = next((name for name in _WEIGHTIEST if name in statuses), "not applicable")
        return status, " ".join(sentences)

    def _platform(self, platform: str) -> tuple[Status, str]:
        sizes, years = self.sizes[platform], self.years[platform]
        name = written(platform)
        placebo = [change for change in years if not change.actual]
        if sizes is None:
            return "not applicable", (
                f"{name}: {len(placebo)} cut years without an event have a window that the "
                f"data cover and {FEWEST_SENIORS} seniors; at least {FEWEST_YEARS} are needed."
            )
        status, why = verdict(sizes)
        others = f"{len(placebo)} cut years without an event"
        said = f"{name}: active seniors change by {sizes.placebo.percent()} at {others}"
        if sizes.actual is not None and sizes.excess is not None:
            cuts = ", ".join(str(change.year) for change in years if change.actual)
            said = (
                f"{name}: active seniors change by {sizes.actual.percent()} at {cuts} and by "
                f"{sizes.placebo.percent()} at {others}: excess {sizes.excess.percent()}"
            )
        other = {change.lane for change in years if change.actual} - {
            change.lane for change in placebo
        }
        if other:
            said += f" (the first counted by another instrument, {', '.join(sorted(other))})"
        return status, f"{said}; {_WHY[why]}."

    def table(self) -> pd.DataFrame:
        """Return platform, quantity, change, low, high (percent), p, verdict."""
        columns = ["platform", "quantity", "change", "low", "high", "p", "verdict"]
        rows = []
        for platform, sizes in self.sizes.items():
            for name, interval in _quantities(sizes).items():
                row: dict[str, Any] = {"platform": platform, "quantity": name, "p": interval.p}
                row |= _ends(interval)
                row["verdict"] = self._platform(platform)[0]
                rows.append(row)
        return pd.DataFrame(rows, columns=columns)

    def wide(self) -> pd.DataFrame:
        """Return one row a platform, for the table of other readings."""
        rows = []
        for platform, sizes in self.sizes.items():
            years = sum(not change.actual for change in self.years[platform])
            row: dict[str, Any] = {
                "platform": platform,
                "min_uploads": self.min_uploads,
                "between": self.between,
                "years": years,
                "verdict": self._platform(platform)[0],
            }
            found = _quantities(sizes)
            for name in ("placebo years", "excess", "actual cut"):
                ends = _ends(found.get(name))
                row |= {f"{name.split()[0]}_{end}": value for end, value in ends.items()}
            rows.append(row)
        return pd.DataFrame(rows)


def judge(min_uploads: int, between: str, changes: Mapping[str, Sequence[Change]]) -> Reading:
    """Compare the years of every platform."""
    sizes = {
        platform: compare_years(years)
        if sum(not change.actual for change in years) >= FEWEST_YEARS
        else None
        for platform, years in changes.items()
    }
    return Reading(min_uploads, between, changes, sizes)


def _quantities(sizes: Sizes | None) -> dict[str, Interval]:
    if sizes is None:
        return {}
    found = {
        "placebo years": sizes.placebo,
        "excess": sizes.excess,
        "actual cut": sizes.actual,
        "excess given a drift": sizes.excess_with_drift,
    }
    return {name: interval for name, interval in found.items() if interval is not None}


def _ends(interval: Interval | None) -> dict[str, float]:
    if interval is None:
        return dict.fromkeys(("change", "low", "high"), float("nan"))
    values = {"change": interval.estimate, "low": interval.low, "high": interval.high}
    return {name: float(100 * np.expm1(value)) for name, value in values.items()}
