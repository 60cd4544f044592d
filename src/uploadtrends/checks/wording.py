"""Conclusions worded by rule: what may be said about one estimate, given its checks.

The ladder is "no claim" < "changed at" < "associated with" < "consistent with an effect of". No
data of this kind can show more, so no stronger word exists here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from uploadtrends.checks.check import weights
from uploadtrends.checks.contrasts import overall, platform_name
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.errors import InputError

Strength = Literal["no claim", "changed at", "associated with", "consistent with an effect of"]
STRENGTHS: tuple[Strength, ...] = (
    "no claim",
    "changed at",
    "associated with",
    "consistent with an effect of",
)

_COHORT_FREE = ("all", "total", "")


@dataclass(frozen=True)
class Conclusion:
    """What may be said about one contrast.

    Parameters
    ----------
    sentence : str
        The conclusion in words; its verb is `strength` and nothing stronger.
    strength : {"no claim", "changed at", "associated with", "consistent with an effect of"}
        The rung of the ladder.
    reasons : tuple of str
        Why this rung and not the next one up, in order of weight.
    """

    sentence: str
    strength: Strength
    reasons: tuple[str, ...]

    @property
    def claims(self) -> bool:
        """True if any claim is made."""
        return self.strength != "no claim"

    def __str__(self) -> str:
        return self.sentence

    def to_dict(self) -> dict[str, Any]:
        """Return the conclusion as plain JSON-ready values."""
        return {
            "sentence": self.sentence,
            "strength": self.strength,
            "reasons": list(self.reasons),
        }


def conclude(
    effect: Mapping[str, Any],
    outcomes: Iterable[CheckOutcome] = (),
    *,
    primary: Conclusion | None = None,
    registered: Mapping[str, str] | None = None,
    unexposed_comparison: bool = False,
    unit: str = "uploads",
    alpha: float = 0.05,
) -> Conclusion:
    """Word the conclusion about one estimate by rule.

    A claim needs an estimate of status ``"ok"`` whose interval excludes no change after the
    adjustment for all tests of its family, and no failed placebo dates, anticipation or
    multiplicity check (for the slope of a cohort: no failed placebo cohorts either, since a cut
    alone bends the trends of those on either side). "Associated with" needs in addition placebo
    dates that were informative and passed, and no failed robustness check. "Consistent with an
    effect of" needs in addition a comparison that the event cannot have touched, and placebo
    cohorts that were informative and passed.

    Parameters
    ----------
    effect : mapping
        A row of `InterruptedTimeSeries.effects`.
    outcomes : iterable of CheckOutcome
        The checks that were run. Where an outcome's table has a row for this very contrast, that
        row's status counts instead of the overall one.
    primary : Conclusion, optional
        The conclusion about the pre-specified primary contrast, if `effect` is not itself the
        primary one. Without a surviving primary contrast, nothing else is claimed either.
    registered : mapping, optional
        ``{"url": ..., "date": ...}`` of a registration made before the data existed. Only then may
        the unadjusted p-value be used.
    unexposed_comparison : bool
        Whether the estimate is a contrast with a series that the event cannot have touched (as
        with ``control=`` in `interrupted_time_series`). A passed negative control also counts.
    unit : str
        What is counted, for the sentence; a row on the log scale does not say it.
    alpha : float
        Level of the adjusted p-value below which a change is claimed.

    Returns
    -------
    Conclusion

    Raises
    ------
    InputError
        If `effect` lacks the columns needed, or `registered` lacks url or date.
    """
    _require(effect, registered)
    verdicts = _verdicts(outcomes, effect)
    p, adjusted = _p_value(effect, registered, verdicts)

    against = _reasons_against_any_claim(effect, verdicts, p, alpha, adjusted, primary)
    if against:
        return Conclusion(_no_claim(effect, against, unit), "no claim", tuple(against))

    strength, reasons = _rung(verdicts, unexposed_comparison)
    return Conclusion(_claim(effect, strength, p, adjusted, unit), strength, tuple(reasons))


def _require(effect: Mapping[str, Any], registered: Mapping[str, str] | None) -> None:
    for column in ("platform", "group", "event", "term", "estimate", "low", "high", "p", "status"):
        if column not in effect:
            raise InputError(
                "an effect without this column cannot be worded",
                column=column,
                fix="pass a row of `.effects`, as in `conclude(its.effects.iloc[0])`",
            )
    if registered is not None and not {"url", "date"} <= set(registered):
        raise InputError(
            "a registration needs its address and its date",
            column="registered",
            value=dict(registered),
            fix='give {"url": ..., "date": ...}',
        )


def _verdicts(
    outcomes: Iterable[CheckOutcome], effect: Mapping[str, Any]
) -> dict[str, tuple[str, Any]]:
    """Return, by check, the status for this contrast and the table row it came from."""
    found: dict[str, tuple[str, Any]] = {}
    for outcome in outcomes:
        status: str = outcome.status
        row = None
        table = outcome.table
        keys = [key for key in ("platform", "group", "event", "term") if key in table.columns]
        if "status" in table.columns and {"platform", "group"} <= set(keys):
            match = table
            for key in keys:
                match = match[match[key].astype(str) == str(effect[key])]
            if len(match):
                status, row = overall(match["status"]), match.iloc[0]
        previous = found.get(outcome.name)
        if previous is None or status == "failed":
            found[outcome.name] = (status, row)
    return found


def _p_value(
    effect: Mapping[str, Any],
    registered: Mapping[str, str] | None,
    verdicts: Mapping[str, tuple[str, Any]],
) -> tuple[float, str]:
    """Return the p-value that counts, and how it was adjusted."""
    if registered is not None:
        return float(effect["p"]), f"as registered on {registered['date']}"
    row = verdicts.get("multiplicity", ("", None))[1]
    if row is not None:
        return float(row["p_adjusted"]), f"after adjustment for all tests ({_method(row)})"
    holm = effect.get("p_holm")
    if holm is not None and holm == holm:
        return float(holm), "after adjustment for all tests (Holm)"
    return float(effect["p"]), "single test"


def _method(row: Any) -> str:
    """Return an adjustment's name as its authors write themselves."""
    return "-".join(part.capitalize() for part in str(row["method"]).split("-"))


def _reasons_against_any_claim(
    effect: Mapping[str, Any],
    verdicts: Mapping[str, tuple[str, Any]],
    p: float,
    alpha: float,
    adjusted: str,
    primary: Conclusion | None,
) -> list[str]:
    against: list[str] = []
    if effect["status"] != "ok":
        reason = str(effect.get("reason") or "").strip().rstrip(".")
        against.append(f"the estimate is {effect['status']}" + (f": {reason}" if reason else ""))
        if effect["status"] != "exploratory":
            return against
    if not p <= alpha:
        against.append(
            "the estimate lies within what chance produces when nothing changes "
            f"(p {_p(p)} {adjusted})"
        )
    against += [
        weight.because
        for name, weight in weights("withdraws").items()
        if verdicts.get(name, ("",))[0] == "failed"
        and not (weight.about == "trends of cohorts" and not _by_cohort(effect))
        and not (name == "multiplicity" and not p <= alpha)
    ]
    if primary is not None and not primary.claims:
        against.append("the pre-specified primary contrast did not survive")
    return against


def _by_cohort(effect: Mapping[str, Any]) -> bool:
    """Tell whether the estimate is a trend of a cohort: what the cut alone can make."""
    return str(effect["group"]) not in _COHORT_FREE and str(effect["term"]) == "slope"


def _rung(
    verdicts: Mapping[str, tuple[str, Any]], unexposed_comparison: bool
) -> tuple[Strength, list[str]]:
    caps = weights("caps")
    reasons = [caps[name].because for name in caps if _status(verdicts, name) == "failed"]
    reasons += _lacking("associated with", verdicts, set())
    if reasons:
        return "changed at", reasons
    # A comparison built into the estimate stands in for an untouched series.
    spared = {"negative_control"} if unexposed_comparison else set()
    reasons = _lacking("consistent with an effect of", verdicts, spared)
    if reasons:
        return "associated with", reasons
    return "consistent with an effect of", []


def _lacking(
    rung: Strength, verdicts: Mapping[str, tuple[str, Any]], spared: set[str]
) -> list[str]:
    """Say which checks that a rung needs have not passed."""
    needed = [name for name, weight in weights().items() if weight.needed_for == rung]
    missing = {name: _status(verdicts, name) for name in needed if name not in spared}
    return [_lack(name, status) for name, status in missing.items() if status != "passed"]


def _lack(name: str, status: str) -> str:
    if name == "negative_control":
        return f"no comparison that the event cannot have touched (control: {status})"
    return f"{name.replace('_', ' ')}: {status}"


def _status(verdicts: Mapping[str, tuple[str, Any]], name: str) -> str:
    return verdicts.get(name, ("not run", None))[0]


def _claim(
    effect: Mapping[str, Any], strength: Strength, p: float, adjusted: str, unit: str
) -> str:
    what, event, size = _subject(effect, unit), _event(effect), _size(effect)
    note = f"{size}, p {_p(p)} {adjusted}"
    if strength == "changed at":
        return f"{what} changed at {event}: {note}."
    return f"The change in {what[0].lower()}{what[1:]} ({note}) is {strength} {event}."


def _no_claim(effect: Mapping[str, Any], against: list[str], unit: str) -> str:
    what, event = _subject(effect, unit), _event(effect)
    sentence = f"No change is claimed for {what[0].lower()}{what[1:]} at {event}: "
    sentence += "; ".join(against)
    if effect["estimate"] == effect["estimate"] and effect["estimate"] is not None:
        sentence += f". Estimate {_size(effect)}"
    smallest = effect.get("minimum_detectable")
    if smallest is not None and smallest == smallest:
        sentence += (
            "; the smallest fall this sample could have found with 80% power is "
            f"{_detectable(abs(float(smallest)), effect)}"
        )
    return sentence + "."


def _subject(effect: Mapping[str, Any], unit: str) -> str:
    group, platform = str(effect["group"]), str(effect["platform"])
    who = "" if group in _COHORT_FREE else f" of the group '{group}'"
    where = f" on {platform_name(platform)}" if platform else ""
    term = str(effect["term"]).replace("_", " ")
    return f"The {term} of {unit}{who}{where}"


def _event(effect: Mapping[str, Any]) -> str:
    return str(effect.get("label") or effect["event"])


def _size(effect: Mapping[str, Any]) -> str:
    relative = effect.get("relative")
    if relative is not None and relative == relative:
        low, high = effect.get("relative_low"), effect.get("relative_high")
        return f"{float(relative):+.0f}% (95% interval {low:+.0f}% to {high:+.0f}%)"
    return (
        f"{float(effect['estimate']):+.3g} "
        f"(95% interval {float(effect['low']):+.3g} to {float(effect['high']):+.3g})"
    )


def _p(value: float) -> str:
    if value != value:
        return "unknown"
    if value < 0.001:
        return "< .001"
    return "> .99" if value > 0.99 else f"= {value:.3f}".replace("0.", ".", 1)


def _detectable(smallest: float, effect: Mapping[str, Any]) -> str:
    if str(effect.get("unit") or "").startswith("log ratio"):
        return f"{100 * (1 - math.exp(-smallest)):.0f}%"
    estimate, relative = float(effect["estimate"]), effect.get("relative")
    if relative is not None and relative == relative and estimate:
        return f"{abs(smallest * float(relative) / estimate):.0f}%"
    return f"{smallest:.3g} {effect.get('unit') or ''}".strip()
