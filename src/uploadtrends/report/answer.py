"""The answer in three sentences: what may be said, the checks, and the data on their own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from uploadtrends.figures.series import heading


def answer(results: Any) -> tuple[str, str, str]:
    """Return three sentences for the top of the report.

    Parameters
    ----------
    results : StudyResults
    """
    return (str(results.conclusion), _checks(results.checks), _breaks(results))


def _checks(outcomes: Any) -> str:
    count = Counter(outcome.status for outcome in outcomes)
    failed = [o.name.replace("_", " ") for o in outcomes if o.status == "failed"]
    passed = [o.name.replace("_", " ") for o in outcomes if o.status == "passed"]
    parts = [
        f"{count['passed']} passed" + (f" ({', '.join(passed)})" if passed else ""),
        f"{count['failed']} failed" + (f" ({', '.join(failed)})" if failed else ""),
        f"{count['not informative']} had no power to fail",
        f"{count['not applicable']} cannot be run on these data",
    ]
    return f"Of {sum(count.values())} checks, {', '.join(parts[:-1])} and {parts[-1]}."


def _breaks(results: Any) -> str:
    table = results.breaks.to_frame()
    series = table.groupby(["platform", "group"], sort=False)["date"].agg(
        lambda dates: dates.notna().any()
    )
    found = table[table["date"].notna()]
    if found.empty:
        return (
            f"Looked at without the dates of the events, none of the {len(series)} series shows a "
            "change beyond what its own autocorrelation and trend produce."
        )
    where = ", ".join(
        f"{heading(row['platform'], row['group'])} at {row['date']:%Y-%m}"
        for row in found.to_dict("records")
    )
    return (
        f"Looked at without the dates of the events, {int(series.sum())} of {len(series)} series "
        f"change ({where}). {results.matches.summary().splitlines()[0]}"
    )
