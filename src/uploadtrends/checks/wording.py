"""Conclusions worded by rule: what may be said about one estimate, given its checks.

The ladder is "no claim" < "changed at" < "associated with" < "consistent with an effect of". No
data of this kind can show more, so no stronger word exists here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from uploadtrends.brief import number, p_text
from uploadtrends.checks.check import weights
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.verdicts import NOT_RUN, Verdict, verdicts
from uploadtrends.collect.sites import written
from uploadtrends.errors import InputError
from uploadtrends.events import Event
from uploadtrends.models.bends import FALLS, outlasted

Strength = Literal["no claim", "changed at", "associated with", "consistent with an effect of"]
STRENGTHS: tuple[Strength, ...] = (
    "no claim",
    "changed at",
    "associated with",
    "consistent with an effect of",
)

ALTERNATIVES = (
    "a change of the whole site in the same period (its rules, its counting, an outage)",
    "a turning point of the untreated course at the event, such as half of a slow cycle",
    "another event in the same period",
)
"""What no method within a series can tell from an effect, the likeliest first."""
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
    alternatives : tuple of str
        For a claim: what else would look the same and no check within the series can rule out.
    """

    sentence: str
    strength: Strength
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...] = ()

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
            "alternatives": list(self.alternatives),
        }


def conclude(
    effect: Mapping[str, Any],
    outcomes: Iterable[CheckOutcome] = (),
    *,
    primary: Conclusion | None = None,
    registered: Mapping[str, str] | None = None,
    unexposed_comparison: str | bool = "",
    unit: str = "uploads",
    alpha: float = 0.05,
) -> Conclusion:
    """Word the conclusion about one estimate by rule.

    A claim needs an estimate of status ``"ok"`` that neither a bend of the untreated course nor
    the choice of scale would overturn (``depends_on`` empty), whose p holds after the adjustment
    for all rows of all series and events, and no failed placebo dates, anticipation or
    multiplicity check (for the slope of a cohort: no failed placebo cohorts either, since a cut
    alone bends the trends of those on either side). "Associated with" needs in addition placebo
    dates that were informative and passed for this very row, and no failed robustness check.
    "Consistent with an effect of" needs in addition a comparison that the event cannot have
    touched, named in the sentence, and placebo cohorts that were informative and passed.

    Parameters
    ----------
    effect : mapping
        A row of `InterruptedTimeSeries.effects`.
    outcomes : iterable of CheckOutcome
        The checks that were run. Only rows about this series, event and term count; a check
        without such a row has no say.
    primary : Conclusion, optional
        The conclusion about the pre-specified primary contrast, if `effect` is not itself the
        primary one. Without a surviving primary contrast, nothing else is claimed either.
    registered : mapping, optional
        ``{"url": ..., "date": ...}`` of a registration made before the data existed. Only if its
        date lies before the event may the unadjusted p-value be used.
    unexposed_comparison : str
        Name of a series that the event cannot have touched and that the estimate is a contrast
        with (as with ``control=`` in `interrupted_time_series`). One that is not named (``True``)
        counts for nothing. A passed negative control also counts, and is named too.
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
        If `effect` lacks the columns needed, or `registered` lacks url or a readable date.
    """
    _require(effect, registered)
    found = verdicts(outcomes, effect)
    p, adjusted = _p_value(effect, registered, found)

    against = _reasons_against_any_claim(effect, found, p, alpha, adjusted, primary)
    if against:
        said = _no_claim(effect, against, unit, found.get("power"))
        return Conclusion(said, "no claim", tuple(against))

    strength, reasons, beside = _rung(found, unexposed_comparison)
    said = _claim(effect, strength, p, adjusted, unit, beside)
    return Conclusion(said, strength, tuple(reasons), ALTERNATIVES)


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


def _p_value(
    effect: Mapping[str, Any],
    registered: Mapping[str, str] | None,
    found: Mapping[str, Verdict],
) -> tuple[float, str]:
    """Return the p-value that counts, and how it was adjusted."""
    note = ""
    if registered is not None:
        when = Event(str(registered["date"])).end
        starts = str(effect.get("starts") or "")
        if starts and when.isoformat() < starts:
            return float(effect["p"]), f"as registered on {registered['date']}"
        note = (
            f"; the registration of {registered['date']} was not before the event"
            if starts
            else "; the registration could not be compared with the date of the event"
        )
    closed = effect.get("p_adjusted")
    if closed is not None and closed == closed:
        return float(closed), f"after adjustment for all rows of all series and events{note}"
    row = found["multiplicity"].row if "multiplicity" in found else None
    if row is not None and "p_adjusted" in row:
        return float(row["p_adjusted"]), f"after adjustment for all tests ({_method(row)}){note}"
    holm = effect.get("p_holm")
    if holm is not None and holm == holm:
        return float(holm), f"after adjustment for all tests (Holm){note}"
    return float(effect["p"]), f"single test{note}"


def _method(row: Any) -> str:
    """Return an adjustment's name as its authors write themselves."""
    return "-".join(part.capitalize() for part in str(row["method"]).split("-"))


def _reasons_against_any_claim(
    effect: Mapping[str, Any],
    found: Mapping[str, Verdict],
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
            f"({p_text(p)} {adjusted})"
        )
    against += _depends(effect)
    if (
        p <= alpha
        and not against
        and effect.get("breakdown") == 0
        and not float(effect["p"]) <= 0.05
    ):
        # `depends_on` judges rows of p <= .05; a laxer level must not pass it by.
        against.append("its interval does not leave out zero, so that no bend is needed to undo it")
    against += [
        weight.because
        for name, weight in weights("withdraws").items()
        if _status(found, name) == "failed"
        and not (weight.about == "trends of cohorts" and not _by_cohort(effect))
        and not (name == "multiplicity" and not p <= alpha)
    ]
    if primary is not None and not primary.claims:
        against.append("the pre-specified primary contrast did not survive")
    return against


def _depends(effect: Mapping[str, Any]) -> list[str]:
    """Return what would overturn the estimate, as reasons."""
    on = str(effect.get("depends_on") or "")
    reasons = []
    if on in ("trend", "both"):
        limit, seen = _bend(effect, "breakdown"), _bend(effect, "curvature_before")
        sizes = f" (one of {limit} over the whole period would do" if limit else ""
        sizes += f"; the periods before the event suggest {seen})" if sizes and seen else ""
        sizes += ")" if sizes and not seen else ""
        if seen and outlasted(effect["breakdown"], effect["curvature_before"]):
            sizes = f" ({FALLS})"
        reasons.append(f"it is not distinguishable from a bend in the untreated course{sizes}")
    if on in ("scale", "both"):
        reasons.append("it depends on the scale, between which the data cannot tell")
    return reasons


def _bend(effect: Mapping[str, Any], column: str) -> str:
    """Return a second difference as the bend of the whole series, in words; empty if unknown."""
    bend, periods = effect.get(column), effect.get("periods")
    if bend is None or periods is None or bend != bend or periods != periods:
        return ""
    whole = float(bend) * float(periods) ** 2 / 8
    if str(effect.get("unit") or "").startswith("log ratio") or effect["term"] == "cumulative":
        return f"{100 * math.expm1(min(whole, 20.0)):.0f}%"
    return f"{whole:.3g} {str(effect.get('unit') or '').partition(', per')[0]}".strip()


def _by_cohort(effect: Mapping[str, Any]) -> bool:
    """Tell whether the estimate is a trend of a cohort: what the cut alone can make."""
    return str(effect["group"]) not in _COHORT_FREE and str(effect["term"]) == "slope"


def _rung(found: Mapping[str, Verdict], unexposed: str | bool) -> tuple[Strength, list[str], str]:
    """Return the rung, why not the next one up, and what the estimate was held against."""
    caps = weights("caps")
    reasons = [caps[name].because for name in caps if _status(found, name) == "failed"]
    reasons += _lacking("associated with", found, set())
    if reasons:
        return "changed at", reasons, ""
    # A comparison built into the estimate stands in for an untouched series, if it has a name.
    named = unexposed if isinstance(unexposed, str) else ""
    spared = {"negative_control"} if named else set()
    reasons = _lacking("consistent with an effect of", found, spared)
    if unexposed is True and reasons:
        reasons.append("the comparison given has no name, so it counts for nothing")
    if reasons:
        return "associated with", reasons, ""
    beside = []
    control = _status(found, "negative_control")
    if control == "passed":
        beside.append(f"no such change in {found['negative_control'].series or 'the control'}")
    if named:
        word = "" if control == "passed" else ", which no negative control has tested"
        beside.append(f"compared with {unexposed}, taken not to be touched by the event{word}")
    return "consistent with an effect of", [], "; ".join(beside)


def _lacking(rung: Strength, found: Mapping[str, Verdict], spared: set[str]) -> list[str]:
    """Say which checks that a rung needs have not passed."""
    needed = [name for name, weight in weights().items() if weight.needed_for == rung]
    missing = {name: _status(found, name) for name in needed if name not in spared}
    return [_lack(name, status) for name, status in missing.items() if status != "passed"]


def _lack(name: str, status: str) -> str:
    if name == "negative_control":
        return f"no comparison that the event cannot have touched (control: {status})"
    return f"{name.replace('_', ' ')}: {status}"


def _status(found: Mapping[str, Verdict], name: str) -> str:
    return found[name].status if name in found else NOT_RUN


def _claim(
    effect: Mapping[str, Any], strength: Strength, p: float, adjusted: str, unit: str, beside: str
) -> str:
    what, event, size = _subject(effect, unit), _event(effect), _size(effect)
    note = f"{size}, {p_text(p)} {adjusted}"
    limit, seen = _bend(effect, "breakdown"), _bend(effect, "curvature_before")
    stands = ""
    if limit:
        stands = (
            f" It stands as long as the untreated course bends by less than {limit} over the whole "
            f"period; the periods before the event suggest {seen or 'nothing'}."
        )
    if strength == "changed at":
        return f"{what} changed at {event}: {note}.{stands}"
    end = f" ({beside})" if beside else ""
    return f"The change in {what[0].lower()}{what[1:]} ({note}) is {strength} {event}{end}.{stands}"


def _no_claim(
    effect: Mapping[str, Any], against: list[str], unit: str, power: Verdict | None
) -> str:
    what, event = _subject(effect, unit), _event(effect)
    sentence = f"No change is claimed for {what[0].lower()}{what[1:]} at {event}: "
    sentence += "; ".join(against)
    if effect["estimate"] == effect["estimate"] and effect["estimate"] is not None:
        sentence += f". Estimate {_size(effect)}"
    smallest = effect.get("minimum_detectable")
    if smallest is not None and smallest == smallest:
        sentence += (
            "; the smallest change this sample could have found with 80% power is "
            f"{_detectable(abs(float(smallest)), effect)}"
        )
        if power is not None and power.row is not None:
            fall, rise = (
                float(power.row.get(f"{way}_percent_rule", math.nan)) for way in ("fall", "rise")
            )
            claimed = [f"a fall of {-fall:.0f}%"] * (fall > -100)
            claimed += [f"a rise of {rise:.0f}%"] * (rise < math.inf)
            if fall > -100:
                sentence += f", the smallest that would have been claimed {' or '.join(claimed)}"
            elif claimed:
                sentence += f"; not even a fall to zero would have been claimed, but {claimed[0]}"
    return sentence + "."


def _subject(effect: Mapping[str, Any], unit: str) -> str:
    group, platform = str(effect["group"]), str(effect["platform"])
    who = "" if group in _COHORT_FREE else f" of the group '{group}'"
    where = f" on {written(platform)}" if platform else ""
    term = str(effect["term"]).replace("_", " ")
    return f"The {term} of {unit}{who}{where}"


def _event(effect: Mapping[str, Any]) -> str:
    return str(effect.get("label") or effect["event"])


def _size(effect: Mapping[str, Any]) -> str:
    relative = effect.get("relative")
    if relative is not None and relative == relative:
        low, high = (_percent(float(effect[f"relative_{end}"])) for end in ("low", "high"))
        return f"{_percent(float(relative))} (95% interval {low} to {high})"
    return (
        f"{float(effect['estimate']):+.3g} "
        f"(95% interval {float(effect['low']):+.3g} to {float(effect['high']):+.3g})"
    )


def _percent(value: float, sign: str = "+") -> str:
    """Return a percentage, a small one in two digits."""
    if abs(value) >= 10 or not math.isfinite(value):
        return f"{value:{sign}.0f}%"
    return f"{'+' if sign and value > 0 else ''}{number(value)}%"


def _detectable(smallest: float, effect: Mapping[str, Any]) -> str:
    """Say a change on the scale of the model; in percent a fall and a rise differ."""
    if str(effect.get("unit") or "").startswith("log ratio"):
        fall, rise = -math.expm1(-smallest), math.expm1(smallest)
        return f"a fall of {_percent(100 * fall, '')} or a rise of {_percent(100 * rise, '')}"
    estimate, relative = float(effect["estimate"]), effect.get("relative")
    if relative is not None and relative == relative and estimate:
        return _percent(abs(smallest * float(relative) / estimate), "")
    return f"{smallest:.3g} {effect.get('unit') or ''}".strip()
