"""Percent changes on a scale of ratios: halving and doubling are equally far from zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from uploadtrends.figures.canvas.styling import numeral, say

REACH = 900.0  # percent: intervals that reach further end in an arrow
MOST = 10_000  # amounts that are larger are not written out
_TICKS = (-98, -90, -75, -50, -20, -10, 0, 10, 25, 50, 100, 200, 400, 900, 4000)


def place(value: Any, percent: bool) -> Any:
    """Return where a value stands on the axis: percent changes on a scale of ratios."""
    values = np.asarray(value, dtype=float)
    return np.log1p(np.maximum(values, -99.9) / 100) if percent else values


def percent_ticks(
    low: float, high: float, room: float, gap: float
) -> tuple[list[float], list[str]]:
    """Return positions and labels of percent ticks, from zero outwards, at least a gap apart.

    `low` and `high` are places on the ratio scale, `room` and `gap` inches.
    """
    chosen: list[int] = []
    for tick in sorted(_TICKS, key=lambda t: abs(float(place(t, True)))):
        where = float(place(tick, True))
        far = all(
            abs(where - float(place(other, True))) / (high - low) * room >= gap for other in chosen
        )
        if low <= where <= high and far:
            chosen.append(tick)
    chosen.sort()
    return [float(place(t, True)) for t in chosen], [
        say("{percent}%", percent=f"{t:+d}") if t else "0" for t in chosen
    ]


def number(value: float) -> str:
    """Return a percent or an amount, short."""
    if abs(value) >= MOST:
        return f">{MOST:g}" if value > 0 else f"<-{MOST:g}"
    return f"{value:.0f}" if abs(value) >= 10 else numeral(f"{value:.2g}")
