"""Two level shifts at once, under AR(1) errors, for many series.

A rise that is later undone leaves the best single step with little to show, while its hump passes
for autocorrelation: power then falls as the change grows (Vogelsang 1999). Trying two steps
together repairs that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT, Base, plain_base
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing, criterion

PAIR_CANDIDATES = 40
_CHUNK = 64  # series at a time: keeps the work in the processor's cache


@dataclass(frozen=True)
class PairScan:
    """Minimised criterion of a constant with two steps (m,), its rho (place), its dates (m, 2)."""

    criterion: Array
    rho: NDArray[np.intp]
    dates: NDArray[np.intp]


@dataclass(frozen=True)
class _Pairs:
    """Candidate rows, the pairs among them, and per rho scale and correlation of their steps."""

    rows: NDArray[np.intp]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    scale: Array
    correlation: Array


def candidate_rows(n: int, maximum: int = PAIR_CANDIDATES) -> NDArray[np.intp]:
    """Return rows at which a regime may begin, 3 to n - 3, thinned evenly to `maximum`."""
    every = np.arange(MINIMUM_SEGMENT, n - MINIMUM_SEGMENT + 1)
    if len(every) > maximum:
        every = every[np.linspace(0, len(every) - 1, maximum).round().astype(np.intp)]
    return every


@lru_cache(maxsize=64)
def _regular_pairs(n: int) -> _Pairs:
    return _pairs(plain_base(Spacing.of(np.arange(n)), sloped=False))


def _pairs(base: Base) -> _Pairs:
    space, n = base.spacing, base.spacing.n
    rows = candidate_rows(n)
    first, second = np.triu_indices(len(rows), 1)
    # Shorter episodes are bursts of heavy-tailed noise more often than regimes.
    apart = rows[second] - rows[first] >= max(MINIMUM_SEGMENT, n // 12)
    first, second = first[apart], second[apart]
    squares = np.cumsum(space.constant[:, ::-1] ** 2, axis=1)[:, ::-1]
    later = np.concatenate([squares[:, 1:], np.zeros((len(RHO_GRID), 1))], axis=1)
    product = (space.constant / space.s + later)[:, rows[second]]
    on_base = base.step_on_base[:, :, rows]
    product = product - (on_base[:, :, first] * on_base[:, :, second]).sum(axis=1)
    scale = 1.0 / np.sqrt(base.norms[0][:, rows])
    return _Pairs(rows, first, second, scale, product * scale[:, first] * scale[:, second])


def scan_pairs(series: Array, spacing: Spacing) -> PairScan | None:
    """Fit two steps to each row of `series` (m, n); None if n leaves no room for a pair.

    Rows are of about unit scale; about 40 dates are tried for either step.
    """
    m = len(series)
    base = plain_base(spacing, sloped=False)
    pairs = _regular_pairs(spacing.n) if spacing.regular else _pairs(base)
    if len(pairs.first) == 0:
        return None
    best, rho = np.full(m, np.inf), np.zeros(m, dtype=np.intp)
    place = np.zeros(m, dtype=np.intp)
    for start in range(0, m, _CHUNK):
        rows = slice(start, min(start + _CHUNK, m))
        for i in range(len(RHO_GRID)):
            residuals = base.residuals_at(i, series[rows])
            step = base.step_products(i, residuals)[:, pairs.rows] * pairs.scale[i]
            left, right = step[:, pairs.first], step[:, pairs.second]
            correlation = pairs.correlation[i]
            gain = left * left + right * right - 2.0 * correlation * left * right
            gain /= np.maximum(1.0 - correlation**2, 1e-9)
            at = np.argmax(gain, axis=1)
            rss = np.einsum("ij,ij->i", residuals, residuals)
            value = criterion(rss - gain[np.arange(len(at)), at], spacing, i)
            better = value < best[rows]
            best[rows] = np.where(better, value, best[rows])
            rho[rows] = np.where(better, i, rho[rows])
            place[rows] = np.where(better, at, place[rows])
    dates = pairs.rows[np.stack([pairs.first, pairs.second], axis=1)[place]]
    return PairScan(best, rho, dates)
