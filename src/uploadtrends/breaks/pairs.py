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
from uploadtrends.breaks.scan import (
    MINIMUM_SEGMENT,
    Design,
    candidate_dates,
    criterion,
    designs,
    project_steps,
    suffix_sums,
)

PAIR_CANDIDATES = 40
_CHUNK = 64  # series at a time: keeps the work in the processor's cache


@dataclass(frozen=True)
class PairScan:
    """Minimised criterion of a constant with two steps, shape (m,), and its dates, (m, 2)."""

    two_steps: Array
    dates: NDArray[np.intp]


@lru_cache(maxsize=64)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places (among the candidates) of first and second dates of all pairs."""
    dates = candidate_dates(n, PAIR_CANDIDATES)
    first, second = np.triu_indices(len(dates), 1)
    # Shorter episodes are bursts of heavy-tailed noise more often than regimes.
    apart = dates[second] - dates[first] >= max(MINIMUM_SEGMENT, n // 12)
    return first[apart], second[apart]


@lru_cache(maxsize=64)
def _correlations(n: int) -> tuple[Array, ...]:
    """Return, per rho, the correlation of the steps of every pair, a constant taken out."""
    first, second = _pairs(n)
    return tuple(_correlation(d, n, first, second) for d in designs(n, PAIR_CANDIDATES))


def _correlation(
    design: Design, n: int, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Array:
    a = 1.0 - design.rho
    product = a + a**2 * (n - 1.0 - design.dates[second])
    product = product - design.step_on_constant[first] * design.step_on_constant[second]
    norm = design.step_norm_given_constant
    correlation: Array = product / (norm[first] * norm[second])
    return correlation


def scan_pairs(series: Array) -> PairScan | None:
    """Fit two steps to each row of `series` (m, n); None if n leaves no room for a pair.

    Rows are centred and of unit scale; about 40 dates are tried for either step.
    """
    m, n = series.shape
    first, second = _pairs(n)
    if len(first) == 0:
        return None
    dates = candidate_dates(n, PAIR_CANDIDATES)
    best = np.full(m, np.inf)
    place = np.zeros(m, dtype=np.intp)
    for start in range(0, m, _CHUNK):
        rows = slice(start, min(start + _CHUNK, m))
        sums = suffix_sums(series[rows], dates)
        for design, correlation in zip(designs(n, PAIR_CANDIDATES), _correlations(n), strict=True):
            rss, step = project_steps(sums, design, n, beside_line=False)
            left, right = step[:, first], step[:, second]
            gain = left * left + right * right - 2.0 * correlation * left * right
            gain /= np.maximum(1.0 - correlation**2, 1e-9)
            at = np.argmax(gain, axis=1)
            value = criterion(rss - gain[np.arange(len(at)), at], design.rho, n)
            better = value < best[rows]
            best[rows] = np.where(better, value, best[rows])
            place[rows] = np.where(better, at, place[rows])
    return PairScan(best, np.stack([dates[first], dates[second]], axis=1)[place])
