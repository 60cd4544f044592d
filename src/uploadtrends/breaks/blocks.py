"""Long series in blocks: at most 2,000 means decide, and dates are then re-found in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.costs import LinearCost, MeanCost
from uploadtrends.breaks.likelihood.unusual import STANDS_OUT, Odd, find_odd


@dataclass(frozen=True, eq=False)
class Blocks:
    """Means of blocks of equal length (one period each where there are at most 2,000).

    Means of AR(1) errors are close to AR(1) again with less autocorrelation, so that the answer to
    "any change at all" stays the same for a fraction of the work.

    Attributes
    ----------
    size : int
        Periods per block.
    values, times : arrays
        Means, and the number of each block that was observed at all.
    """

    most: ClassVar[int] = 2000
    size: int
    values: Array
    times: Array
    whole_values: Array
    whole_times: Array

    @classmethod
    def of(cls, values: Array, times: Array) -> Blocks:
        """Make blocks of observed values (n,) at periods (n,)."""
        size = -(-int(times[-1] - times[0] + 1) // cls.most) if len(values) > cls.most else 1
        if size == 1:
            return cls(1, values, times, values, times)
        number = (times // size).astype(np.intp)
        sums = np.bincount(number, values)
        counts = np.bincount(number)
        seen = np.flatnonzero(counts)
        return cls(size, sums[seen] / counts[seen], seen, values, times)

    def first_row(self, place: int) -> int:
        """Return the first observed row of a block."""
        if place == len(self.times):
            return len(self.whole_times)
        return int(np.searchsorted(self.whole_times, self.times[place] * self.size))

    def odd_rows(self, *, trend: bool) -> list[Odd]:
        """Return single rows that make a whole block odd; a block that is odd all over is not one.

        Smaller oddities are drowned in the mean of their block, and can pass for no change.
        """
        found = []
        for block in find_odd(self.values, self.times, trend=trend):
            low, high = self.first_row(block.row), self.first_row(block.row + 1)
            part = self.whole_values[low:high]
            at = int(np.argmax(np.abs(part - block.expected)))
            others = np.delete(part, at)
            gap = abs(float(part[at]) - block.expected)
            if len(others) and gap > STANDS_OUT * float(np.abs(others - block.expected).max()):
                found.append(Odd(low + at, block.expected))
        return found

    def refine(self, places: tuple[int, ...], *, sloped: bool, minimum: int) -> list[int]:
        """Move every date to its best row within two blocks, neighbours held (least squares)."""
        rows = [self.first_row(place) for place in places]
        if self.size == 1:
            return rows
        cost = LinearCost(self.whole_times) if sloped else MeanCost()
        cost.fit(self.whole_values)
        n = len(self.whole_values)
        for i, place in enumerate(places):
            left = rows[i - 1] if i else 0
            right = rows[i + 1] if i + 1 < len(rows) else n
            near = [self.first_row(min(max(place + d, 0), len(self.times) - 1)) for d in (-2, 2)]
            low, high = max(near[0], left + minimum), min(near[1], right - minimum)
            tried = np.arange(low, high + 1)
            if len(tried):
                total = cost.errors(np.array([left]), tried) + cost.errors(tried, right)
                rows[i] = int(tried[np.argmin(total)])
        return rows
