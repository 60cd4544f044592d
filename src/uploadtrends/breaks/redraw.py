"""Redrawing change dates under constraints, and how near the events they fall."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.events import Block
from uploadtrends.series.grid import moment, period_of

if TYPE_CHECKING:
    from uploadtrends.breaks.changes import SeriesChanges

Positions = NDArray[np.intp]


def redraw_positions(
    rng: np.random.Generator, k: int, n: int, times: int, edge: int, spacing: int
) -> Positions:
    """Draw k change positions uniformly among those that meet the constraints, `times` times.

    Positions lie in ``[edge, n - edge]`` and at least `spacing` apart; shape (times, k), in random
    order (the first column belongs to the first change, and so on).

    Raises
    ------
    InputError
        If k changes do not fit, or a constraint is below 1.
    """
    if edge < 1 or spacing < 1:
        raise InputError("edge and spacing are at least 1 period", value=(edge, spacing))
    free = n - 2 * edge + 1 - (k - 1) * (spacing - 1)
    if free < k:
        raise InputError(
            f"{k} changes do not fit into {n} periods under these constraints",
            fix="choose a smaller edge or spacing",
        )
    # Uniform k-subsets of the free places; re-inserting the spacing makes the draw uniform over
    # all admissible sets.
    ranks = np.argpartition(rng.random((times, free)), k - 1, axis=1)[:, :k]
    drawn = np.sort(ranks, axis=1) + edge + np.arange(k) * (spacing - 1)
    return rng.permuted(drawn, axis=1)


def shift_positions(positions: Positions, n: int, span: int, edge: int) -> Positions:
    """Shift all positions together by 0, 1, ..., span - 1 periods, wrapping inside the series."""
    room = n - 2 * edge + 1
    moved: Positions = (positions[None, :] - edge + np.arange(span)[:, None]) % room + edge
    return moved


class Proximity:
    """Expected proximity of the changes of one series to each block of events.

    Distances run in days from the start of a period to the nearer edge of the block (0 inside).
    The uncertainty of each change (probabilities of positions around its date) moves with it.
    """

    def __init__(
        self, fit: SeriesChanges, chosen: list[Block], window_days: float, window_periods: int
    ) -> None:
        index = fit.index
        self.n = len(index)
        self.index = index
        self.positions: Positions = np.array([c.position for c in fit.changes], dtype=np.intp)
        starts = index.tz_localize(None).to_numpy()
        low, high = (
            np.array([moment(index, when).tz_localize(None) for when in ends], "datetime64[ns]")
            for ends in ([b.begins for b in chosen], [b.ends for b in chosen])
        )
        day = np.timedelta64(1, "D")
        before = (low[:, None] - starts[None, :]) / day
        after = (starts[None, :] - high[:, None]) / day
        self.gap: Array = np.where(after > 0, after, np.minimum(0.0, -before))
        closeness = 1.0 / (1.0 + np.abs(self.gap) / window_days)
        places = np.arange(self.n)
        first = np.array([_place(index, b.begins, 0) for b in chosen])
        last = np.array([_place(index, b.ends, self.n - 1) for b in chosen])
        late = places >= first[:, None] - window_periods
        self.hit: NDArray[np.bool_] = late & (places <= last[:, None] + window_periods)
        nearest = closeness.max(axis=0) if len(chosen) else np.zeros(self.n)
        kernels = [_kernel(change.probability, change.position, index) for change in fit.changes]
        # Expected closeness for every position a change could be moved to: (changes, n).
        self._to_block = [
            np.stack([_moved(row, k) for row in closeness]) if len(chosen) else closeness
            for k in kernels
        ]
        self._to_any = [_moved(nearest, k) for k in kernels]
        self._kernels = kernels

    def statistics(self, positions: Positions) -> tuple[Array, Array]:
        """Return per-block (r, blocks) and total (r,) proximity for r sets of positions (r, k)."""
        blocks = np.stack(
            [table[:, positions[:, i]].T for i, table in enumerate(self._to_block)]
        ).max(axis=0)
        total: Array = sum(  # type: ignore[assignment]
            row[positions[:, i]] for i, row in enumerate(self._to_any)
        )
        return blocks, total

    def nearest(self, block: int) -> tuple[pd.Timestamp, float]:
        """Return the date of the change nearest to a block and its signed gap in days."""
        gaps = self.gap[block, self.positions]
        best = int(np.argmin(np.abs(gaps)))
        return self.index[self.positions[best]], float(gaps[best])

    def within(self, block: int) -> float:
        """Return the probability that at least one change lies within the window of a block."""
        miss = 1.0
        for position, kernel in zip(self.positions, self._kernels, strict=True):
            miss *= 1.0 - _expected(self.hit[block].astype(float), kernel, int(position))
        return 1.0 - miss

    def expected_within(self) -> float:
        """Return the expected number of changes that lie within the window of any block."""
        anywhere = np.any(self.hit, axis=0).astype(float)
        return float(
            sum(
                _expected(anywhere, kernel, int(position))
                for position, kernel in zip(self.positions, self._kernels, strict=True)
            )
        )

    def chance(self, edge: int) -> float:
        """Return the share of admissible positions that lie within the window of any block."""
        return float(np.mean(np.any(self.hit, axis=0, keepdims=True)[0, edge : self.n - edge + 1]))


_Kernel = tuple[Positions, Array]


def _kernel(probability: pd.Series, position: int, index: pd.DatetimeIndex) -> _Kernel:
    offsets = index.get_indexer(probability.index) - position
    weights = probability.to_numpy(dtype=float)
    return offsets.astype(np.intp), weights / weights.sum()


def _expected(values: Array, kernel: _Kernel, position: int) -> float:
    offsets, weights = kernel
    return float(values[np.clip(position + offsets, 0, len(values) - 1)] @ weights)


def _moved(values: Array, kernel: _Kernel) -> Array:
    """Expected value for every position, shape (n,)."""
    offsets, weights = kernel
    moved = np.zeros(len(values))
    places = np.arange(len(values))
    for offset, weight in zip(offsets, weights, strict=True):
        moved += weight * values[np.clip(places + offset, 0, len(values) - 1)]
    return moved


def _place(index: pd.DatetimeIndex, when: dt.date, otherwise: int) -> int:
    found = period_of(index, when)
    return otherwise if found is None else found
