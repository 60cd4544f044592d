"""Checks: what else could have produced the estimate, and could we have told?

Every check returns a `CheckOutcome`. The names are imported on first use, so that importing this
room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Check": "outcome",
    "CheckOutcome": "outcome",
    "Conclusion": "wording",
    "anticipation": "early",
    "composition": "sample",
    "conclude": "wording",
    "leave_one_out": "influence",
    "multiplicity": "multiple_testing",
    "negative_control": "controls",
    "parallel_trends": "trends",
    "placebo_cohorts": "cohorts",
    "placebo_dates": "placebo",
    "power": "detectable",
    "published_series": "published",
    "specification_curve": "specifications",
    "survivorship": "survivors",
}
__all__ = sorted(_PUBLIC)  # noqa: PLE0605 - the names are strings


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(import_module(f"uploadtrends.checks.{_PUBLIC[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'uploadtrends.checks' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
