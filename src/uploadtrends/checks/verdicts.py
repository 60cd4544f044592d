"""Which verdicts of which checks are about one estimate: none is borrowed from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from uploadtrends.checks.contrasts import overall
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.collect.sites import written

NOT_RUN = "not run"
_KEYS = ("platform", "group", "event", "term")
_ABOUT = {
    # Movement before the date counts against every term of that series and event.
    "anticipation": ("platform", "group", "event"),
    # A control is another series: it speaks of the event and of the kind of change.
    "negative_control": ("event", "term"),
    "placebo_cohorts": ("platform",),
    "parallel_trends": ("platform", "group"),
}
"""What a row of a check must share with an estimate to be about it; all four by default."""


@dataclass(frozen=True)
class Verdict:
    """What one check says about one estimate."""

    status: str = NOT_RUN
    row: Any = None
    """The row of its table that says so, where one does."""
    series: str = ""
    """Names of the series looked at, where those are others than the estimate's."""


def verdicts(outcomes: Iterable[CheckOutcome], effect: Mapping[str, Any]) -> dict[str, Verdict]:
    """Return, by check, its verdict on this estimate; a check without one is left out.

    A check whose table has no row for the estimate says nothing about it. One whose table names no
    estimates at all (an empty one) can only count against: if it failed.
    """
    found: dict[str, Verdict] = {}
    for outcome in outcomes:
        verdict = _verdict(outcome, effect)
        previous = found.get(outcome.name)
        if verdict is not None and (previous is None or verdict.status == "failed"):
            found[outcome.name] = verdict
    return found


def _verdict(outcome: CheckOutcome, effect: Mapping[str, Any]) -> Verdict | None:
    table = outcome.table
    keys = [key for key in _ABOUT.get(outcome.name, _KEYS) if key in table.columns]
    if not keys:
        return Verdict("failed") if outcome.status == "failed" else None
    about = table
    for key in keys:
        mine = about[key].astype(str) == str(effect[key])
        other = f"reference_{key}" if key == "platform" else "reference"
        if outcome.name == "parallel_trends" and other in about:
            mine |= about[other].astype(str) == str(effect[key])
        about = about[mine]
    if about.empty:
        return None
    whole = outcome.name == "placebo_cohorts" or "status" not in about
    status = str(outcome.status if whole else overall(about["status"]))
    named = outcome.name == "negative_control"
    return Verdict(status, about.iloc[0], _names(about) if named else "")


def _names(rows: Any) -> str:
    """Return the series of these rows, as a sentence says them."""
    names = []
    for platform, group in zip(rows["platform"], rows["group"], strict=True):
        name = " ".join(part for part in (written(str(platform)), str(group)) if part)
        names.append(name or "the control series")
    return ", ".join(dict.fromkeys(names))
