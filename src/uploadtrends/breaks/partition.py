"""Searches over segmentations: exact (pruned dynamic programming), binary, one change, by number.

All take a fitted cost and return first positions of the new regimes, ascending.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array

Places = NDArray[np.intp]
Errors = Callable[[Places, "Places | int"], Array]
"""Costs of the segments from starts to ends, broadcast together."""


def errors_of(cost: Any, length_price: bool = False) -> Errors:
    """Return the vectorised segment costs of any cost of ruptures.

    With `length_price`, the log of the segment's length is added (the modified BIC of Zhang &
    Siegmund 2007). A cost that has no `errors` is called once per segment.
    """
    vectorised = getattr(cost, "errors", None)
    if vectorised is None:

        def plain(starts: Places, ends: Places | int) -> Array:
            pairs = np.broadcast(starts, ends)
            return np.array([float(cost.error(int(start), int(end))) for start, end in pairs])

        vectorised = plain
    if not length_price:
        return vectorised

    def priced(starts: Places, ends: Places | int) -> Array:
        total: Array = vectorised(starts, ends) + np.log(ends - starts)
        return total

    return priced


def exact_partition(
    errors: Errors, n: int, penalty: float, minimum: int, *, slack: float = 0.0
) -> list[int]:
    """Return the segmentation of least ``sum of costs + penalty x changes``.

    Optimal partitioning (Jackson et al. 2005) with the pruning of PELT (Killick et al. 2012); with
    a shortest segment, a start is only dropped once its successor could begin a segment, so that
    the result stays exact as long as splitting a segment never raises its cost by more than
    `slack` (0 for likelihoods, log n with priced lengths, infinite switches pruning off).
    """
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    origin = np.zeros(n + 1, dtype=np.intp)
    # Start s is considered for ends below expiry[s].
    expiry = np.full(n + 1, n + 1, dtype=np.intp)
    starts = np.empty(0, dtype=np.intp)
    for end in range(minimum, n + 1):
        if np.isfinite(best[end - minimum]):
            starts = np.append(starts, end - minimum)
        totals = best[starts] + errors(starts, end) + penalty
        at = int(np.argmin(totals))
        best[end], origin[end] = totals[at], starts[at]
        if slack < np.inf:
            hopeless = totals - penalty > best[end] + slack + 1e-9 * (1.0 + abs(best[end]))
            expiry[starts[hopeless]] = np.minimum(expiry[starts[hopeless]], end + minimum)
            starts = starts[expiry[starts] > end + 1]
    changes: list[int] = []
    end = int(origin[n])
    while end > 0:
        changes.append(end)
        end = int(origin[end])
    return changes[::-1]


def best_split(errors: Errors, start: int, end: int, minimum: int) -> tuple[int, float]:
    """Return the best single change in ``[start, end)`` and the cost saved (-inf if none fits)."""
    places = np.arange(start + minimum, end - minimum + 1)
    if len(places) == 0:
        return start, -np.inf
    first = np.array([start])
    saved = errors(first, end)[0] - errors(first, places) - errors(places, end)
    at = int(np.argmax(saved))
    return int(places[at]), float(saved[at])


def binary_partition(
    errors: Errors, n: int, penalty: float, minimum: int, most: int = 5
) -> list[int]:
    """Split where it saves most, again and again, while that saves at least the penalty.

    At most `most` changes (5 is what R changepoint allows by default).
    """
    bounds = [0, n]
    splits = {(0, n): best_split(errors, 0, n, minimum)}
    while len(bounds) - 2 < most:
        (low, high), (place, saved) = max(splits.items(), key=lambda item: item[1][1])
        if saved < penalty:
            break
        del splits[low, high]
        splits[low, place] = best_split(errors, low, place, minimum)
        splits[place, high] = best_split(errors, place, high, minimum)
        bounds = sorted([*bounds, place])
    return bounds[1:-1]


def cost_table(errors: Errors, n: int, minimum: int) -> Array:
    """Return the costs of all segments by start and end, shape (n + 1, n + 1); infinite if none."""
    table = np.full((n + 1, n + 1), np.inf)
    starts, ends = np.triu_indices(n + 1, minimum)
    table[starts, ends] = errors(starts, ends)
    return table


def partitions_by_number(
    errors: Errors, n: int, minimum: int, most: int
) -> list[tuple[list[int], float]]:
    """Return the best segmentation with 0, 1, ..., `most` changes and its cost (Auger 1989)."""
    table, ends = cost_table(errors, n, minimum), np.arange(n + 1)
    best = table[0].copy()
    found: list[tuple[list[int], float]] = [([], float(best[n]))]
    origins: list[Places] = []
    for count in range(1, most + 1):
        if (count + 1) * minimum > n:
            break
        totals = best[:, None] + table
        origin = np.argmin(totals, axis=0)
        best = totals[origin, ends]
        origins.append(origin)
        changes: list[int] = []
        end = n
        for step in reversed(origins):
            end = int(step[end])
            changes.append(end)
        found.append((changes[::-1], float(best[n])))
    return found
