"""Two level shifts at once, under AR(1) errors, for many series.

A rise that is later undone leaves the best single step with little to show, while its hump passes
for autocorrelation: power then falls as the change grows (Vogelsang 1999). Trying two steps
together repairs that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT, Base, plain_base
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing, criterion

PAIR_CANDIDATES = 40
_ROUNDS = 2  # of moving either date to its best row while the other is held
_CHUNK = 64  # series at a time: keeps the work in the processor's cache


@dataclass(frozen=True)
class PairScan:
    """Minimised criterion of a constant with two steps (m,), its rho (place), its dates (m, 2)."""

    criterion: Array
    rho: NDArray[np.intp]
    dates: NDArray[np.intp]

    def or_better(self, other: PairScan) -> PairScan:
        """Return for each series the better of two."""
        mine = self.criterion <= other.criterion
        return PairScan(
            np.where(mine, self.criterion, other.criterion),
            np.where(mine, self.rho, other.rho),
            np.where(mine[:, None], self.dates, other.dates),
        )


class _Pairs:
    """Two steps beside a constant: where they may begin, and how they correlate at every rho.

    Attributes
    ----------
    apart : int
        Rows between the two: shorter episodes are bursts of heavy-tailed noise more often than
        regimes.
    first, second : arrays of int
        Rows of the pairs that are tried before any date is moved.
    thinned : bool
        Whether these are not all pairs.
    scale : array of shape (rho, n)
        One over the length of every step beside the constant.
    """

    def __init__(self, base: Base) -> None:
        space, n = base.spacing, base.spacing.n
        self.base = base
        self.apart = max(MINIMUM_SEGMENT, n // 12)
        rows = candidate_rows(n)
        first, second = np.triu_indices(len(rows), 1)
        apart = rows[second] - rows[first] >= self.apart
        self.first, self.second = rows[first[apart]], rows[second[apart]]
        self.thinned = len(rows) < n - 2 * MINIMUM_SEGMENT + 1
        squares = np.cumsum(space.constant[:, ::-1] ** 2, axis=1)[:, ::-1]
        later = np.concatenate([squares[:, 1:], np.zeros((len(RHO_GRID), 1))], axis=1)
        # The product of a step with one that began before it depends on the later row alone.
        self._common: Array = space.constant / space.s + later
        self._on_base: Array = base.step_on_base[:, 0]
        self.scale: Array = 1.0 / np.sqrt(base.norms[0])
        self._correlation = self.correlation(slice(None), self.first, self.second)

    def correlation(self, i: int | slice, first: Any, second: Any) -> Array:
        """Return the correlation of two steps beside the constant, at one rho or all."""
        on_base, scale = self._on_base[i], self.scale[i]
        product = self._common[i][..., second] - on_base[..., first] * on_base[..., second]
        found: Array = product * scale[..., first] * scale[..., second]
        return found

    def tried(self, steps: Array, rss: Array) -> PairScan:
        """Return the best of the thinned pairs, from unit products (rho, m, n)."""
        m = steps.shape[1]
        best = PairScan(np.full(m, np.inf), np.zeros(m, np.intp), np.zeros((m, 2), np.intp))
        for i in range(len(RHO_GRID)):
            left, right = steps[i][:, self.first], steps[i][:, self.second]
            gain = _joint(left, right, self._correlation[i])
            at = np.argmax(gain, axis=1)
            value = criterion(rss[i] - gain[np.arange(m), at], self.base.spacing, i)
            dates = np.stack([self.first[at], self.second[at]], axis=1)
            best = best.or_better(PairScan(value, np.full(m, i), dates))
        return best

    def beside_best_step(self, steps: Array, rss: Array) -> PairScan:
        """Return the best single step, with the row that goes best with it."""
        rows = np.arange(steps.shape[2])
        inside = slice(MINIMUM_SEGMENT, len(rows) - MINIMUM_SEGMENT + 1)
        gain = steps[:, :, inside] ** 2
        single = np.stack(
            [criterion(rss[i] - gain[i].max(axis=1), self.base.spacing, i) for i in range(len(rss))]
        )
        rho = np.argmin(single, axis=0)
        dates = np.empty((len(rho), 2), dtype=np.intp)
        for i in np.unique(rho):
            here = np.flatnonzero(rho == i)
            held = np.argmax(gain[i, here], axis=1)[:, None] + MINIMUM_SEGMENT
            other = self._best_row(int(i), steps[i, here], held, np.abs(rows - held))
            dates[here] = np.sort(np.concatenate([held, other[:, None]], axis=1), axis=1)
        return PairScan(single[rho, np.arange(len(rho))], rho, dates)

    def moved(self, start: PairScan, steps: Array, rss: Array) -> PairScan:
        """Move either date to its best row beside the other, then fit the rho again."""
        rows, dates = np.arange(steps.shape[2]), start.dates.copy()
        for i in np.unique(start.rho):
            here = np.flatnonzero(start.rho == i)
            for one, other in ((0, 1), (1, 0)) * _ROUNDS:
                held = dates[here, other, None]
                gap = rows - held if one else held - rows
                dates[here, one] = self._best_row(int(i), steps[i, here], held, gap)
        first, second = dates.T
        each = np.arange(len(dates))
        correlation = self.correlation(slice(None), first, second)
        gain = _joint(steps[:, each, first], steps[:, each, second], correlation)
        value = np.stack(
            [criterion(rss[i] - gain[i], self.base.spacing, i) for i in range(len(rss))]
        )
        rho = np.argmin(value, axis=0)
        return PairScan(value[rho, each], rho, dates)

    def _best_row(self, i: int, steps: Array, held: Any, gap: Any) -> NDArray[np.intp]:
        """Return the best row beside those held (m, 1), at least `apart` from them by `gap`."""
        rows = np.arange(steps.shape[1])
        correlation = self.correlation(i, np.minimum(rows, held), np.maximum(rows, held))
        gain = _joint(steps, np.take_along_axis(steps, held, axis=1), correlation)
        room = (rows >= MINIMUM_SEGMENT) & (rows <= len(rows) - MINIMUM_SEGMENT)
        best: NDArray[np.intp] = np.argmax(
            np.where(room & (gap >= self.apart), gain, -np.inf), axis=1
        )
        return best


def _joint(left: Array, right: Array, correlation: Array) -> Array:
    """Return the squared length of the projection on two unit columns."""
    gain: Array = left * left + right * right - 2.0 * correlation * left * right
    gain /= np.maximum(1.0 - correlation**2, 1e-9)
    return gain


def candidate_rows(n: int, maximum: int = PAIR_CANDIDATES) -> NDArray[np.intp]:
    """Return rows at which a regime may begin, 3 to n - 3, thinned evenly to `maximum`."""
    every = np.arange(MINIMUM_SEGMENT, n - MINIMUM_SEGMENT + 1)
    if len(every) > maximum:
        every = every[np.linspace(0, len(every) - 1, maximum).round().astype(np.intp)]
    return every


@lru_cache(maxsize=64)
def _regular_pairs(n: int) -> _Pairs:
    return _Pairs(plain_base(Spacing.of(np.arange(n)), sloped=False))


def scan_pairs(series: Array, spacing: Spacing) -> PairScan | None:
    """Fit two steps to each row of `series` (m, n); None if n leaves no room for a pair.

    Rows are of about unit scale. About 40 dates are tried for either step. From the best of these
    pairs, and from the best single step, either date then moves to its best row of all while the
    other is held: a step that is off by one period loses so much that a thinned grid would find a
    change on one date and not on the next.
    """
    base = plain_base(spacing, sloped=False)
    pairs = _regular_pairs(spacing.n) if spacing.regular else _Pairs(base)
    if len(pairs.first) == 0:
        return None
    parts = [_scan(series[at : at + _CHUNK], pairs) for at in range(0, len(series), _CHUNK)]
    return PairScan(
        np.concatenate([part.criterion for part in parts]),
        np.concatenate([part.rho for part in parts]),
        np.concatenate([part.dates for part in parts]),
    )


def _scan(series: Array, pairs: _Pairs) -> PairScan:
    products, rss = [], []
    for i in range(len(RHO_GRID)):
        residuals = pairs.base.residuals_at(i, series)
        products.append(pairs.base.step_products(i, residuals) * pairs.scale[i])
        rss.append(np.einsum("ij,ij->i", residuals, residuals))
    steps, left = np.stack(products), np.stack(rss)
    best = pairs.tried(steps, left)
    if not pairs.thinned:
        return best
    single = pairs.beside_best_step(steps, left)
    return pairs.moved(best, steps, left).or_better(pairs.moved(single, steps, left))
