"""Exact optimal partitioning into straight-line (or constant) segments by dynamic programming."""

from __future__ import annotations

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.costs import LinearCost, MeanCost
from uploadtrends.breaks.partition import Errors, exact_partition

MAXIMUM_EXACT = 2000


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
    cost = (LinearCost() if sloped else MeanCost()).fit(values)
    if n <= MAXIMUM_EXACT:
        return exact_partition(cost.errors, n, penalty * variance, minimum)
    stride = int(np.ceil(n / (MAXIMUM_EXACT // 2)))
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
        here = total[:usable] + cost.errors(starts[:usable], int(end))
        previous[i] = int(np.argmin(here))
        best[i] = here[previous[i]]
        if i + 1 < len(starts):
            total[i + 1] = best[i] + penalty * variance
    changes: list[int] = []
    i = len(ends) - 1
    while previous[i] > 0:
        changes.append(int(starts[previous[i]]))
        i = int(previous[i]) - 1
    changes.reverse()
    return _refine(cost.errors, changes, n, minimum, stride)


def _refine(errors: Errors, changes: list[int], n: int, minimum: int, stride: int) -> list[int]:
    """Move each change to its best position within one grid step, until nothing moves."""
    for _ in range(5):
        before = list(changes)
        for i, date in enumerate(changes):
            left = changes[i - 1] if i else 0
            right = changes[i + 1] if i + 1 < len(changes) else n
            low, high = max(left + minimum, date - stride), min(right - minimum, date + stride)
            places = np.arange(low, high + 1)
            cost = errors(np.array([left]), places) + errors(places, right)
            changes[i] = int(places[np.argmin(cost)])
        if changes == before:
            break
    return changes
