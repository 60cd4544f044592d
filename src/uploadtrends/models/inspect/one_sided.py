"""One-sided p values and intervals, for a direction that was fixed before looking."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from uploadtrends.arrays import Array

_ENDS = ("low", "relative_low", "absolute_low", "low_honest", "other_low")


def one_sided(p: Array, estimate: Array, alternative: str) -> Array:
    """Return p against one direction from p that are twice the smaller tail."""
    if alternative == "two-sided":
        return p
    return np.where((estimate > 0) == (alternative == "greater"), p / 2, 1 - p / 2)


def opened(rows: list[dict[str, Any]], alternative: str) -> list[dict[str, Any]]:
    """Return rows of effects whose intervals are open on the side of the alternative.

    Against a fall ("less") the upper end is the bound, so that the lower one goes.
    """
    if alternative == "two-sided":
        return rows
    for row in rows:
        for name in _ENDS:
            end = name if alternative == "less" else name.replace("low", "high")
            if end in row and row[end] == row[end]:
                row[end] = -math.inf if alternative == "less" else math.inf
    return rows
