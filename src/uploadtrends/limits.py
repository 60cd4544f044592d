"""What a number that is given as a setting may be: refused by name, not somewhere inside a fit."""

from __future__ import annotations

from typing import Any

from uploadtrends.errors import InputError


def whole_number(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """Return a whole number of at least `least`, and at most `most`.

    Raises
    ------
    InputError
        For fractions, texts, true and false, and numbers outside the limits.

    Examples
    --------
    >>> whole_number("lag", 2.0)
    2
    """
    found = _number(value)
    if not (found == found // 1 and least <= found) or (most is not None and found > most):
        limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise InputError(
            f"{name} is a whole number {limits}", column=name, value=value, fix=f"use {least}"
        )
    return int(found)


def inside(name: str, value: Any, low: float = 0.0, fix: str = "use .95") -> float:
    """Return a number between `low` and 1, both excluded.

    Raises
    ------
    InputError
        For anything else; 95 is no confidence, .95 is.
    """
    found = _number(value)
    if not low < found < 1:
        raise InputError(f"{name} lies between {low:g} and 1", column=name, value=value, fix=fix)
    return found


def _number(value: Any) -> float:
    """Return a number; NaN, which no limit holds, for what is none."""
    if isinstance(value, bool | str | bytes):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
