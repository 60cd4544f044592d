"""Exact optimal partitioning into straight-line (or constant) segments by dynamic programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uploadtrends.breaks.scan import Array

MAXIMUM_EXACT = 2000


class SegmentCost:
    """Residual sum of squares of one line (or mean) per segment, from prefix sums.

    ``cost(starts, end)`` is the residual sum of squares of ``values[start:end]`` for many starts
    at once.
    """

    def __init__(self, values: Array, *, sloped: bool) -> None:
        n = len(values)
        time = np.arange(n) - (n - 1) / 2.0
        self.sloped = sloped
        self._sum = np.concatenate([[0.0], np.cumsum(values)])
        self._square = np.concatenate([[0.0], np.cumsum(values**2)])
        self._moment = np.concatenate([[0.0], np.cumsum(values * time)])
        self._origin = (n - 1) / 2.0

    def __call__(self, starts: NDArray[np.intp], end: int) -> Array:
        """Return the residual sum of squares of each ``[start, end)``."""
        length = (end - starts).astype(np.float64)
        total = self._sum[end] - self._sum[starts]
        rss = self._square[end] - self._square[starts] - total**2 / length
        if self.sloped:
            middle = (starts + end - 1) / 2.0 - self._origin
            moment = self._moment[end] - self._moment[starts] - middle * total
            spread = length * (length**2 - 1.0) / 12.0
            rss = rss - moment**2 / np.maximum(spread, 1.0)
        positive: Array = np.maximum(rss, 0.0)
        return positive


def optimal_partition(
    values: Array, *, variance: float, penalty: float, minimum: int = 3, sloped: bool = True
) -> list[int]:
    """Return the change positions that minimise ``sum RSS / variance + penalty * changes``.

    Exact up to 2,000 points (Jackson et al. 2005). Longer series are searched on an even grid of
    dates (segment costs stay exact), and every change is then moved to its best position between
    its neighbours at full resolution.

    Parameters
    ----------
    values : array of shape (n,)
    variance : float
        Noise variance that scales the residual sums of squares; must be positive.
    penalty : float
        Price of a change.
    minimum : int
        Shortest segment, in periods.
    sloped : bool
        Straight lines if true, constants if false.

    Returns
    -------
    list of int
        First positions of the new regimes, ascending.
    """
    n = len(values)
    cost = SegmentCost(values, sloped=sloped)
    stride = 1 if n <= MAXIMUM_EXACT else int(np.ceil(n / (MAXIMUM_EXACT // 2)))
    if stride == 1:
        ends = np.arange(minimum, n + 1)
    else:
        first = max(minimum, stride)
        ends = np.unique(np.append(np.arange(first, n - first + 1, stride), n))
    starts = np.concatenate([[0], ends[:-1]])
    best = np.full(len(ends), np.inf)
    previous = np.zeros(len(ends), dtype=np.intp)
    # total[i]: optimum for values[:starts[i]] including the price of the change at starts[i].
    total = np.full(len(starts), np.inf)
    total[0] = 0.0
    for i, end in enumerate(ends):
        usable = int(np.searchsorted(starts, end - minimum, side="right"))
        here = total[:usable] + cost(starts[:usable], int(end)) / variance
        previous[i] = int(np.argmin(here))
        best[i] = here[previous[i]]
        if i + 1 < len(starts):
            total[i + 1] = best[i] + penalty
    changes: list[int] = []
    i = len(ends) - 1
    while previous[i] > 0:
        changes.append(int(starts[previous[i]]))
        i = int(previous[i]) - 1
    changes.reverse()
    return changes if stride == 1 else _refine(cost, changes, n, minimum, stride)


def _refine(cost: SegmentCost, changes: list[int], n: int, minimum: int, stride: int) -> list[int]:
    """Move each change to its best position within one grid step, until nothing moves."""
    for _ in range(5):
        before = list(changes)
        for i, date in enumerate(changes):
            left = changes[i - 1] if i else 0
            right = changes[i + 1] if i + 1 < len(changes) else n
            low, high = max(left + minimum, date - stride), min(right - minimum, date + stride)
            options = np.arange(low, high + 1)
            left_cost = np.array([cost(np.array([left]), int(k))[0] for k in options])
            changes[i] = int(options[np.argmin(left_cost + cost(options, right))])
        if changes == before:
            break
    return changes
