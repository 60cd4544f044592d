"""The exact search for changes in mean, near linear also where little changes.

PELT drops a start only when it is beaten at its own best mean, which noise seldom does: its cost
grows with the square of the series. Here a start is dropped as soon as it is beaten at *every*
mean; in noise about log n starts are left (Maidstone, Hocking, Rigaill & Fearnhead 2017).
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.costs import prefix_sums

LONGEST = 64
"""Lengths up to which a change is held against its neighbourhood before the search."""

Piece = tuple[float, float, int, float, float]
"""Means from low to high for which a start is best, the start, the sum before it, its cost."""


def mean_partition(values: Array, penalty: float, minimum: int) -> list[int]:
    """Return the segmentation of least ``residual sum of squares + penalty x changes``.

    Parameters
    ----------
    values : array of shape (n,)
        Centred, of size about 1.
    penalty : float
        Not negative.
    minimum : int
        Shortest segment.

    Returns
    -------
    list of int
        First positions of the new regimes, ascending.

    Examples
    --------
    >>> mean_partition(np.repeat([0.0, 3.0, 1.0], 5), 2.0, 1)
    [5, 10]
    """
    n = len(values)
    sums = prefix_sums(values).tolist()
    ends = [*possible_changes(values, penalty, minimum).tolist(), n]
    # Cost of the best segmentation before a start, less the sum of squares before it.
    costs = {0: -penalty}
    origin = {0: 0}
    waiting = iter([*costs, *ends])
    start = next(waiting)
    pieces: list[Piece] = []
    for end in ends:
        while start <= end - minimum:
            if start in costs:
                pieces = _entered(pieces, start, sums[start], costs[start] + penalty)
            start = next(waiting)
        total, best, chosen = sums[end], inf, 0
        for _, _, first, before, cost in pieces:
            found = cost - (total - before) ** 2 / (end - first)
            if found < best:
                best, chosen = found, first
        costs[end], origin[end] = best, chosen
    changes: list[int] = []
    end = origin.get(n, 0)
    while end > 0:
        changes.append(end)
        end = origin[end]
    return changes[::-1]


def _entered(pieces: list[Piece], start: int, total: float, price: float) -> list[Piece]:
    """Give a new start the means for which it beats every earlier one, for all time to come.

    An earlier start is better where ``length mean^2 - 2 mean sum + cost - price < 0``.
    """
    fresh: list[Piece] = []
    taken = -inf
    for low, high, first, before, cost in pieces:
        length = start - first
        centre = (total - before) / length
        room = centre * centre - (cost - price) / length
        if room <= 0.0:
            continue
        half = sqrt(room)
        low, high = max(low, centre - half), min(high, centre + half)
        if low >= high:
            continue
        if low > taken:
            fresh.append((taken, low, start, total, price))
        fresh.append((low, high, first, before, cost))
        taken = high
    if taken < inf:
        fresh.append((taken, inf, start, total, price))
    return fresh


def possible_changes(values: Array, penalty: float, minimum: int) -> NDArray[np.intp]:
    """Return the positions at which a best segmentation can change, and some others.

    Let the shorter of the two segments beside a change have k values. Taking the change out must
    not pay: the means differ by at least sqrt(penalty / k). Moving it must not pay: the mean of
    every stretch behind it lies on its own side of the middle of the two, of those before it on
    the other. Positions that pass for all lengths up to `LONGEST` are kept unseen.
    """
    n = len(values)
    if minimum > 1:  # a change between shortest segments cannot move
        return np.arange(minimum, n - minimum + 1)
    sums = prefix_sums(values)
    slack = 1e-9 * (1.0 + float(np.abs(values).max()))
    both = np.concatenate([sums, -sums])  # rises, then falls
    row = np.arange(2 * n + 2)
    place = row % (n + 1)
    least, most = np.full(len(row), np.inf), np.full(len(row), -np.inf)
    kept = np.zeros(n + 1, dtype=bool)
    for k in range(1, LONGEST + 1):
        inside = np.minimum(place, n - place) >= k
        row, place, least, most = row[inside], place[inside], least[inside], most[inside]
        after, before = (both[row + k] - both[row]) / k, (both[row] - both[row - k]) / k
        least, most = np.minimum(least, after), np.maximum(most, before)
        apart = np.maximum(after - most, least - before)
        kept[place[apart >= 0.5 * np.sqrt(penalty / k) - slack]] = True
        alive = least >= most - slack
        row, place, least, most = row[alive], place[alive], least[alive], most[alive]
    kept[place] = True
    return np.flatnonzero(kept)
