"""What a setting may be: refused by its name, not somewhere inside a fit."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
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
    return int(value)


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


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Refuse what is none of the values allowed, and name the nearest one.

    Raises
    ------
    InputError
        With the setting's name.
    """
    if value not in allowed:
        near = get_close_matches(str(value), [str(a) for a in allowed], n=1)
        raise InputError(
            f"unknown {name}",
            column=name,
            value=value,
            fix=f"did you mean '{near[0]}'?" if near else f"one of {', '.join(map(str, allowed))}",
        )


def _number(value: Any) -> float:
    """Return a number; NaN, which no limit holds, for what is none."""
    if isinstance(value, bool | str | bytes):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
