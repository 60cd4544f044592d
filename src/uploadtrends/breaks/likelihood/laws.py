"""Simulated laws of "the gain from the best change" where there is none.

The gains do not depend on mean, line or scale of a series, so one simulation serves every series
with the same periods, autocorrelation and share of white noise: exact, not approximate. Laws of
series without gaps are kept between calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.noise import ar1_noise
from uploadtrends.breaks.likelihood.pairs import scan_pairs
from uploadtrends.breaks.likelihood.scan import plain_base, scan
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing

Null = Literal["constant", "line"]
N_SIMULATED = 399
N_SHARED = 1999
_CELLS = 4_000_000  # simulate in chunks of about this many values (32 MB)


@dataclass(frozen=True)
class Alternative:
    """A null model and the best change beside it, for each of m series.

    `change` holds the criterion with the price of the change's extra terms; `terms` counts
    regression terms and dates for the bias of `rho`; `dates` (m, 2) has 0 where there is one date;
    `kind` is 0 for steps, 1 for a kink, 2 for a step and a kink.
    """

    null: Array
    null_rho: Array
    change: Array
    rho: Array
    terms: NDArray[np.intp]
    dates: NDArray[np.intp]
    kind: NDArray[np.intp]

    def columns(self, spacing: Spacing, *, sloped: bool) -> Array:
        """Return the regression columns (p, n) of the change beside one series."""
        kind = int(self.kind[0])
        columns = [np.ones(spacing.n), *([spacing.times] if sloped else [])]
        for date in (int(date) for date in self.dates[0] if date):
            if kind != 1:
                columns.append((np.arange(spacing.n) >= date).astype(float))
            if kind != 0:
                columns.append(np.maximum(spacing.times - spacing.times[date] + 1.0, 0.0))
        return np.stack(columns)


def shifts(series: Array, spacing: Spacing, *, pairs: bool = True) -> Alternative:
    """Compare a constant with a constant and one step, or two (3 log n dearer)."""
    found = scan(series, plain_base(spacing, sloped=False), ("none", "step"))
    change, rho = found["step"].criterion, found["step"].rho
    dates = np.stack([found["step"].date, np.zeros_like(rho)], axis=1)
    terms = np.full(len(series), 4)
    double = scan_pairs(series, spacing) if pairs else None
    if double is not None:
        priced = double.criterion + 3.0 * np.log(spacing.n)
        better = priced < change
        change, rho = np.minimum(change, priced), np.where(better, double.rho, rho)
        dates = np.where(better[:, None], double.dates, dates)
        terms = np.where(better, 7, terms)
    none = found["none"]
    steps = np.zeros(len(series), dtype=np.intp)
    null_rho = RHO_GRID[none.rho]
    return Alternative(none.criterion, null_rho, change, RHO_GRID[rho], terms, dates, steps)


def line_changes(series: Array, spacing: Spacing) -> Alternative:
    """Compare a line with a line and a step or kink (log n dearer), or both (2 log n dearer)."""
    found = scan(series, plain_base(spacing, sloped=True), ("none", "step", "kink", "both"))
    log_n = float(np.log(spacing.n))
    kinds = [found["step"], found["kink"], found["both"]]
    priced = np.stack([kinds[0].criterion, kinds[1].criterion, kinds[2].criterion + log_n]) + log_n
    choice = np.argmin(priced, axis=0)
    rows = np.arange(len(series))
    rho = np.stack([fit.rho for fit in kinds])[choice, rows]
    date = np.stack([fit.date for fit in kinds])[choice, rows]
    none = found["none"]
    return Alternative(
        none.criterion,
        RHO_GRID[none.rho],
        priced[choice, rows],
        RHO_GRID[rho],
        np.where(choice == 2, 6, 5),
        np.stack([date, np.zeros_like(date)], axis=1),
        choice,
    )


def simulate(
    spacing: Spacing,
    rho: float,
    share: float,
    times: int,
    key: tuple[int, ...],
    statistic: Callable[[Array], Array],
    mean: Array | float = 0.0,
) -> Array:
    """Return the statistic of `times` series ``mean + noise`` of unit noise variance."""
    rng = np.random.default_rng(key)
    chunk = max(1, min(times, _CELLS // spacing.n))
    parts = []
    for start in range(0, times, chunk):
        noise = ar1_noise(rng, min(chunk, times - start), spacing, rho, share)
        parts.append(statistic(standardise_rows(noise + mean)))
    return np.concatenate(parts)


def standardise_rows(series: Array) -> Array:
    """Give every row (m, n) mean 0 and standard deviation 1."""
    centred = series - series.mean(axis=1, keepdims=True)
    scaled: Array = centred / centred.std(axis=1, keepdims=True)
    return scaled


def n_simulated(n: int) -> int:
    """Number of simulated series per law: fewer where one costs more."""
    return int(np.clip(1_000_000 // n, N_SIMULATED, N_SHARED))


def null_law(
    spacing: Spacing, null: Null, rho: float, share: float, seed: int, times: int | None = None
) -> Array:
    """Return the sorted gains from the best change of series without one."""
    rounded = round(rho, 4), round(share, 3), seed, times or n_simulated(spacing.n)
    if spacing.regular:
        return _kept_law(spacing.n, null, *rounded)
    return _law(spacing, null, *rounded)


@lru_cache(maxsize=1024)
def _kept_law(n: int, null: Null, rho: float, share: float, seed: int, times: int) -> Array:
    return _law(Spacing.of(np.arange(n)), null, rho, share, seed, times)


def _law(spacing: Spacing, null: Null, rho: float, share: float, seed: int, times: int) -> Array:
    def gains(drawn: Array) -> Array:
        found = shifts(drawn, spacing) if null == "constant" else line_changes(drawn, spacing)
        return found.null - found.change

    key = (seed, spacing.n, round(1e4 * rho), len(null), round(1e3 * share))
    return np.sort(simulate(spacing, rho, share, times, key, gains))


def p_value(gain: float, law: Array) -> float:
    """Return the share of a sorted law at or above a gain, with the usual +1: never 0."""
    exceed = len(law) - int(np.searchsorted(law, gain - 1e-9, side="left"))
    return (1.0 + exceed) / (1.0 + len(law))
