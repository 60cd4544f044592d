"""The answer: an added date first, then what the study means, why, and the numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from uploadtrends.figures.canvas.sheet import title
from uploadtrends.figures.fitted import months_told
from uploadtrends.figures.series import heading


def answer(results: Any) -> tuple[str, ...]:
    """Return what is said at the top of the report.

    One text for every date added to the study; then three sentences about the stated contrast: the
    first can be quoted as it stands; the second gives the weightiest reason; the third is the
    conclusion with its numbers, worded by rule (`uploadtrends.checks.conclude`). Where days or
    weeks cannot tell an event from the year, what their whole months say follows.

    Parameters
    ----------
    results : StudyResults
    """
    asked = (" ".join(one.sentences()) for one in results.added)
    said = (meaning(results), reason(results), str(results.conclusion))
    return (*asked, *said, *months_told(results.its))


def meaning(results: Any) -> str:
    """Return what the primary contrast means, without a number."""
    primary = results.primary
    group, platform = str(primary["group"]), title(str(primary["platform"]))
    whose = f"of {group} artists " if group in ("senior", "new", "later") else ""
    what = "the uploads" if primary["term"] != "slope" else "the trend in the uploads"
    outcome = f"{what} {whose}on {platform}"
    when = _when(results, str(primary["event"]))
    subject = outcome[0].upper() + outcome[1:]
    claims = {
        "no claim": f"These data do not show that {outcome} changed at {when}.",
        "changed at": f"{subject} changed at {when}; nothing in these data ties the "
        "change to what happened then.",
        "associated with": f"{subject} changed at {when}, and not by as much at "
        "other dates; what brought the change about these data cannot tell.",
        "consistent with an effect of": f"{subject} changed at {when} as an effect "
        "would have it; other explanations that fit these checks remain possible.",
    }
    others = results.conclusion.alternatives
    doubt = f" To be ruled out first: {others[0]}." if others else ""
    return claims[results.conclusion.strength] + doubt


def _when(results: Any, event: str) -> str:
    """Return the event, or the block that it was merged into, in words."""
    block = next((b for fit in results.its.fits for b in fit.blocks if b.id == event), None)
    if block is None:
        known = {e.id: e for e in results.its.events}
        return f"{known[event].label} ({known[event].date})" if event in known else event
    if block.crowded:
        return (
            f"the {len(block.events)} events from {block.start:%B %Y} to {block.end:%B %Y} "
            f"({', '.join(member.label.partition(' (')[0] for member in block.events)})"
        )
    return f"{block.label} ({block.events[0].date})"


def reason(results: Any) -> str:
    """Return the weightiest reason for or against, or how the checks came out."""
    outcomes = {outcome.name: outcome for outcome in results.checks}
    cohorts = outcomes.get("placebo_cohorts")
    if cohorts is not None and cohorts.status == "failed":
        table = cohorts.to_frame()
        placebo = table[(table["kind"] == "placebo") & (table["status"] == "ok")]
        return (
            "Sorting artists into senior and new as the published figure does makes the seniors "
            f"decline and the new ones rise at {int(placebo['shown'].sum())} of {len(placebo)} "
            "earlier years in which there was no image generator, so that picture alone is no "
            "evidence of one."
        )
    return tally(results.checks)


def tally(outcomes: Any) -> str:
    """Return how many checks passed, failed, had no power, or could not be run, and which."""
    count = Counter(outcome.status for outcome in outcomes)
    parts = []
    for status, words in (
        ("passed", "passed"),
        ("failed", "failed"),
        ("not informative", "had no power to fail"),
        ("not applicable", "cannot be run on these data"),
    ):
        names = [o.name.replace("_", " ") for o in outcomes if o.status == status]
        if names or status == "passed":
            shown = f" ({', '.join(names)})" if names else ""
            parts.append(f"{count[status]} {words}{shown}")
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    total = sum(count.values())
    return f"Of {total} check{'' if total == 1 else 's'}, {listed}."


def unprompted(results: Any) -> str:
    """Return what the series show when nobody tells the search where to look."""
    table = results.breaks.to_frame()
    series = table.groupby(["platform", "group"], sort=False)["date"].agg(
        lambda dates: dates.notna().any()
    )
    found = table[table["date"].notna()]
    if found.empty:
        return (
            f"Looked at without the dates of the events, {_none_of(len(series))} shows a change "
            "beyond what its own autocorrelation and trend produce."
        )
    where = ", ".join(
        f"{heading(row['platform'], row['group'])} at {row['date']:%Y-%m}"
        for row in found.to_dict("records")
    )
    return (
        f"Looked at without the dates of the events, {int(series.sum())} of {len(series)} series "
        f"change ({where}). {results.matches.summary()}"
    )


def _none_of(count: int) -> str:
    return "no series" if count == 1 else f"none of the {count} series"
