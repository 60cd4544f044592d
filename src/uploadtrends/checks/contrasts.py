"""Which rows of a result a check looks at, and how row verdicts become one verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.checks.check import Check
from uploadtrends.checks.outcome import Status
from uploadtrends.collect.sites import written
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

USABLE = ("ok", "exploratory")


@dataclass(frozen=True, repr=False)
class OfContrasts(Check):
    """A check of single estimates: `term`, `event`, `platform` and `group` say of which."""

    _: KW_ONLY
    term: str | None = None
    event: str | None = None
    platform: str | None = None
    group: str | None = None

    def chosen(self, result: Any) -> pd.DataFrame:
        """Return the rows of the result that are checked; see `contrasts`."""
        return contrasts(
            result, term=self.term, event=self.event, platform=self.platform, group=self.group
        )


def contrasts(
    result: Any,
    *,
    term: str | None = None,
    event: str | None = None,
    platform: str | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Return the rows of `result.effects` that a check is about.

    Parameters
    ----------
    result : InterruptedTimeSeries
        The result under check.
    term : str, optional
        Only this term. The default is ``"level"`` where there is one, else the first term.
    event, platform, group : str, optional
        Only these.

    Returns
    -------
    pandas.DataFrame
        Rows of `effects`, in their order, whatever their status.

    Raises
    ------
    InputError
        If `result` has no effects, or the selection is empty.
    """
    effects = getattr(result, "effects", None)
    if effects is None:
        raise InputError(
            f"this check needs interrupted time-series results, got {type(result).__name__}",
            fix="run it as `ut.interrupted_time_series(data, events).check(...)`",
        )
    if term is None:
        terms = list(effects["term"])
        term = "level" if "level" in terms or not terms else terms[0]
    chosen = effects[effects["term"] == term]
    for column, value in (("event", event), ("platform", platform), ("group", group)):
        if value is not None:
            chosen = chosen[chosen[column] == value]
    if chosen.empty:
        raise InputError(
            "no estimate matches the selection of this check",
            value={"term": term, "event": event, "platform": platform, "group": group},
            fix="choose among the values in `result.effects`",
        )
    rows: pd.DataFrame = chosen.reset_index(drop=True)
    return rows


def overall(statuses: Iterable[str]) -> Status:
    """Return one verdict for many rows: a failure anywhere is a failure.

    Without a failure it takes an informative row to pass; not applicable only if nothing ran.
    """
    seen = set(statuses)
    order: tuple[Status, ...] = ("failed", "passed", "not informative")
    return next((status for status in order if status in seen), "not applicable")


def without_estimate(effect: pd.Series) -> str:
    """Say why there is no estimate to check."""
    reason = str(effect["reason"] or "").strip().rstrip(".")
    return f"no estimate: {reason or effect['status']}"


def main_reason(table: pd.DataFrame) -> str:
    """Return the most frequent reason, a missing estimate only if there is no other."""
    reasons = table.loc[table["reason"] != "", "reason"]
    other = reasons[~reasons.str.startswith("no estimate: ")]
    counted = (other if len(other) else reasons).value_counts()
    return str(counted.index[0]) if len(counted) else "no reason on record"


def series_name(row: pd.Series) -> str:
    """Return platform and group of a row as a sentence says them."""
    return " ".join(part for part in (written(row["platform"]), row["group"]) if part)


def panel_of(result: Any, panel: Any = None) -> Any:
    """Return the panel given, else the one the result was fitted to; None if it has no artists."""
    found: Any = panel
    if found is None:
        found = getattr(result, "data", None)
    return found if hasattr(found, "has_artists") and found.has_artists() else None


def in_percent(effect: Any, scale: str, base: float) -> Any:
    """Return relative changes in percent of the level (log and counts: exactly; level: of mean)."""
    values = np.asarray(effect, dtype=float)
    return 100 * (values / base if scale == "level" else np.expm1(values))
