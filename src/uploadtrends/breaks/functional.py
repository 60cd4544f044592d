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

LONGEST = 32
"""Lengths up to which a change is held against its neighbourhood one by one."""
_GROUPS = (1, 2, 4, 8, 16)  # up to `LONGEST`

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
        if low < centre - half:
            low = centre - half
        if high > centre + half:
            high = centre + half
        if low < high:
            if low > taken:
                fresh.append((taken, low, start, total, price))
            fresh.append((low, high, first, before, cost))
            taken = high
    if taken < inf:
        fresh.append((taken, inf, start, total, price))
    return fresh


def possible_changes(values: Array, penalty: float, minimum: int) -> NDArray[np.intp]:
    """Return the positions at which a best segmentation can change, and some others.

    Taking a change between segments of k and l values out must not pay: their means differ by at
    least sqrt(penalty (1 / k + 1 / l)). Moving it must not pay: the mean of every stretch of the
    segment behind it lies on its own side of the middle of the two means, of those before it on
    the other. Let k be the shorter of the two. The halves of both conditions that know of k alone
    are tried at every k up to `LONGEST`, then at some; what passes at a short k must find its
    longer neighbour. Positions that are never refused are kept unseen.
    """
    n = len(values)
    if minimum > 1:  # a change between shortest segments cannot move
        return np.arange(minimum, n - minimum + 1)
    slack = 1e-9 * (1.0 + float(np.abs(values).max()))
    sums = prefix_sums(values)
    both = np.concatenate([sums, -sums])  # rises, then falls
    step = np.diff(values)
    rises, falls = np.flatnonzero(step >= -slack) + 1, np.flatnonzero(step <= slack) + 1
    place, row = np.concatenate([rises, falls]), np.concatenate([rises, falls + n + 1])
    least, most = np.full(len(row), np.inf), np.full(len(row), -np.inf)
    kept = np.zeros(n + 1, dtype=bool)
    reaches = _reaches(both)
    behind, ahead = (_Neighbours(both, side, reaches) for side in (-1, 1))
    for k in range(1, LONGEST + 1):
        inside = np.minimum(place, n - place) >= k
        row, place, least, most = row[inside], place[inside], least[inside], most[inside]
        after, before = (both[row + k] - both[row]) / k, (both[row] - both[row - k]) / k
        least, most = np.minimum(least, after), np.maximum(most, before)
        apart = sqrt(penalty / k)
        for other, mean, edge, own in (
            (behind, after, most, least),
            (ahead, -before, -least, -most),
        ):
            seen = np.flatnonzero(mean - edge >= 0.5 * apart - slack)
            other.want(row[seen], mean[seen] - apart, 2.0 * own[seen] - mean[seen])
        if k & (k + 1) == 0 or k == LONGEST:
            for other in (behind, ahead):
                kept[other.found(k, penalty, slack) % (n + 1)] = True
        alive = least >= most - slack
        row, place, least, most = row[alive], place[alive], least[alive], most[alive]
    kept[_beyond(values, both, row, least, most, penalty, slack)] = True
    return np.flatnonzero(kept)


class _Neighbours:
    """Bounds on the mean of the longer segment beside a change, on one side of it.

    Of up to `LONGEST` values: by the furthest partial sum of 1, 2 to 3, 4 to 7, ... values. Longer
    ones are pieces of `LONGEST` values, and at most so many more.
    """

    def __init__(self, both: Array, side: int, reaches: list[Array]) -> None:
        self.both, self.side, self.reaches = both, side, reaches
        n = len(both) // 2 - 1
        sums = both.reshape(2, n + 1)
        self.pieces = np.full((2, n + 1), np.inf)
        if n >= LONGEST:
            means = (sums[:, LONGEST:] - sums[:, :-LONGEST]) / LONGEST
            if side < 0:
                self.pieces[:, LONGEST:] = np.minimum.accumulate(means, axis=1)
            else:
                low = np.minimum.accumulate(-means[:, ::-1], axis=1)
                self.pieces[:, :-LONGEST] = low[:, ::-1]
        self.far, self.near = np.full(len(both), -np.inf), np.full(len(both), -np.inf)

    def want(self, row: NDArray[np.intp], far: Array, near: Array) -> None:
        """Note means below which the neighbour must lie: both, each the highest so far."""
        self.far[row] = np.maximum(self.far[row], far)
        self.near[row] = np.maximum(self.near[row], near)

    def found(self, k: int, penalty: float, slack: float) -> NDArray[np.intp]:
        """Return the rows noted since the last time that can have such a neighbour, and forget.

        All were noted for shorter segments from the last power of two up to `k`.
        """
        row = np.flatnonzero(self.far > -np.inf)
        far, near = self.far[row] + slack, self.near[row] + slack
        self.far[row] = self.near[row] = -np.inf
        shortest = 1 << (k.bit_length() - 1)
        n = len(self.both) // 2 - 1
        room = row % (n + 1) if self.side < 0 else n - row % (n + 1)
        passed, rest = np.zeros(len(row), dtype=bool), np.zeros(len(row))
        for g, furthest in zip(_GROUPS, self.reaches, strict=True):
            shift = np.minimum(g, room) if self.side > 0 else -np.minimum(2 * g - 1, room)
            least = np.where(room >= g, self.both[row] - furthest[row + shift], np.inf)
            rest = np.minimum(rest, least)
            if 2 * g > shortest:
                more = sqrt(penalty / shortest + penalty / (2 * g)) - sqrt(penalty / shortest)
                mean = np.where(least < 0, least / g, least / (2 * g))
                passed |= mean <= np.minimum(far - more, near)
        mean = self.pieces.ravel()[row] + rest / LONGEST
        passed |= np.where(mean < 0, mean, mean / 2) <= np.minimum(far, near)
        return row[passed]


def _reaches(both: Array) -> list[Array]:
    """Return the largest of 1, 2, 4, ... sums from each one on, of rises and of falls."""
    reach = both.reshape(2, -1).copy()
    found = []
    for g in _GROUPS:
        found.append(reach.ravel().copy())
        reach[:, :-g] = np.maximum(reach[:, :-g], reach[:, g:])
    return found


def _beyond(
    values: Array,
    both: Array,
    row: NDArray[np.intp],
    least: Array,
    most: Array,
    penalty: float,
    slack: float,
) -> NDArray[np.intp]:
    """Return the places of rows alive at `LONGEST` that no longer shorter segment refuses.

    Lengths grow by an eighth; between two of them the mean of the segment is bounded by the values
    that come in, each by the largest of them, and together by the largest of their partial sums.
    """
    n = len(values)
    kept = []
    value, total = np.stack([values, -values]), both.reshape(2, n + 1).copy()
    k, width = LONGEST, 1  # the largest of so many from here on
    while len(row):
        longer = k + k // 8
        while 2 * width <= longer - k:
            for largest in (value, total):
                largest[:, :-width] = np.maximum(largest[:, :-width], largest[:, width:])
            width *= 2
        place = row % (n + 1)
        inside = np.minimum(place, n - place) >= longer
        kept.append(place[~inside])
        row, place, least, most = row[inside], place[inside], least[inside], most[inside]
        fall = (row > n).astype(np.intp)
        bounds = []
        for sign, start, side in ((1, place + k, fall), (-1, place - longer, 1 - fall)):
            # Of the segment behind, or minus that of the segment before.
            mean = (both[row + sign * k] - both[row]) / k
            last = start + longer - k - width
            peak = np.maximum(value[side, start], value[side, last])
            each = mean + np.maximum(peak - mean, 0.0) * (1 - k / longer)
            sums = np.maximum(total[fall, start + (sign > 0)], total[fall, last + (sign > 0)])
            whole = np.maximum(sums, both[row + sign * k]) - both[row]
            bounds.append(np.minimum(each, np.maximum(whole / k, whole / longer)))
        half = 0.5 * sqrt(penalty / longer) - slack
        keep = np.maximum(bounds[0] - most, least + bounds[1]) >= half
        kept.append(place[keep])
        k = longer
        after, before = (both[row + k] - both[row]) / k, (both[row] - both[row - k]) / k
        least, most = np.minimum(least, after), np.maximum(most, before)
        alive = ~keep & (least >= most - slack)
        row, least, most = row[alive], least[alive], most[alive]
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.intp)
