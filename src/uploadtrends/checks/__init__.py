"""Checks: what else could have produced the estimate, and could we have told?

Every check is a frozen dataclass that returns a `CheckOutcome`; the list of them is in `check`.
"""

from __future__ import annotations

from typing import Any

from uploadtrends.checks.check import Check, check_maker, check_names
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.wording import Conclusion, conclude

__all__ = ["Check", "CheckOutcome", "Conclusion", "conclude"]


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and name in check_names():
        return check_maker(name)
    raise AttributeError(f"module 'uploadtrends.checks' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *check_names()])
