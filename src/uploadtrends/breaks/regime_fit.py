"""Regimes of one series under the calibrated default: dates, levels, intervals, chances."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.analysis import analyse
from uploadtrends.breaks.blocks import Blocks
from uploadtrends.breaks.likelihood.calibrated import noise_variance
from uploadtrends.breaks.likelihood.posterior import Posterior, date_posterior
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT
from uploadtrends.breaks.likelihood.unusual import Odd, find_odd


@dataclass(frozen=True)
class Cut:
    """One cut of the best segmentation.

    Attributes
    ----------
    row : int
        Row of the first period of the new regime.
    p : float
        Its own p-value; NaN where the method has none.
    posterior : (array of int, array)
        Candidate rows and their probabilities.
    before, after : float
        Fitted level in the last period of the old and the first of the new regime.
    slope_before, slope_after : float
        Fitted change per period.
    """

    row: int
    p: float
    posterior: Posterior
    before: float
    after: float
    slope_before: float
    slope_after: float

    def among(self, kept: NDArray[np.intp]) -> Cut:
        """Count rows among all observed periods, odd ones included again."""
        places, weights = self.posterior
        return replace(self, row=int(kept[self.row]), posterior=(kept[places], weights))


@dataclass(frozen=True)
class Regimes:
    """A segmentation, whatever method made it.

    Attributes
    ----------
    cuts : tuple of Cut
        The changes: confirmed ones where the method tests them.
    further : tuple of Cut
        Other cuts of the best segmentation, not beyond chance or not told from a smooth course.
    fitted : array
        Levels of the regimes (of the smooth course where there is one) in every period from the
        first to the last one observed.
    p : float
        Overall p-value of "no change"; NaN where the method has none.
    label : str
        ``"change"``, ``"change or smooth course"``, ``"smooth bend"``; empty where nothing is
        claimed.
    autocorrelation : float
        AR(1) parameter beside the best change; NaN where the method has none.
    null : str
        ``"constant"`` or ``"line"``: what the change was tested against; empty if nothing was.
    best : int or None
        Row of the best single change, found or not.
    odd : tuple of Odd
        Periods set aside; their rows, like all rows here, count the periods observed.
    """

    cuts: tuple[Cut, ...]
    further: tuple[Cut, ...]
    fitted: Array
    p: float
    label: str
    autocorrelation: float
    null: str
    best: int | None
    odd: tuple[Odd, ...] = field(default=())


def calibrated_regimes(
    values: Array,
    times: Array,
    *,
    trend: bool,
    level: float,
    minimum: int | None,
    seed: int,
    season: Array | None = None,
) -> Regimes:
    """Set odd periods aside, run the gate, and where it opens, partition and test every cut.

    Parameters
    ----------
    values : array of shape (n,)
        Observed values, n at least 10, not constant.
    times : array of shape (n,)
        When they were observed: whole numbers from 0, ascending.
    season : array of shape (n,), optional
        For counts only: what a season adds to `values` (zeros where none was removed). A Poisson
        share of their variance is white noise.
    """
    n = len(values)
    if n <= Blocks.most:
        odd = find_odd(values, times, season=season, trend=trend)
    else:
        odd = Blocks.of(values, times).odd_rows(trend=trend)
    kept = np.delete(np.arange(n), [one.row for one in odd])
    if varies_not(values[kept]):
        steady = np.full(int(times[-1]) + 1, values[kept][0])
        return Regimes((), (), steady, 1.0, "", np.nan, "", None, tuple(odd))
    blocks = Blocks.of(values[kept], times[kept])
    shortest = MINIMUM_SEGMENT if minimum is None else minimum
    found = analyse(
        blocks.values,
        blocks.times,
        # Odd periods count towards the noise that a cut has to beat, not towards its shape.
        variance=lambda null: noise_variance(values, null, times) if blocks.size == 1 else None,
        mean_count=None if season is None else float((values + season).mean()),
        counted=1.0 / blocks.size,
        trend=trend,
        level=level,
        minimum=max(MINIMUM_SEGMENT, -(-shortest // blocks.size)),
        seed=seed,
    )
    rows = blocks.refine(found.positions, sloped=trend, minimum=shortest)
    dater = _Dater(values[kept], times[kept], int(times[-1]) + 1, trend)
    p = [found.p[place] for place in found.positions]
    every = dater.cuts(rows, p)
    held = [found.holds(place) for place in found.positions]
    confirmed = [row for row, holds in zip(rows, held, strict=True) if holds]
    cuts = every if all(held) else dater.cuts(confirmed, [p[rows.index(row)] for row in confirmed])
    fitted, _ = dater.levels(confirmed)
    if found.course is not None:
        fitted = np.interp(np.arange(times[-1] + 1), blocks.times * blocks.size, found.course)
    return Regimes(
        cuts=tuple(cut.among(kept) for cut in cuts),
        further=tuple(cut.among(kept) for cut, holds in zip(every, held, strict=True) if not holds),
        fitted=fitted,
        p=found.gate.p,
        label=found.label,
        autocorrelation=found.gate.rho,
        null=found.gate.against,
        best=int(kept[blocks.first_row(found.gate.dates[0])]),
        odd=tuple(odd),
    )


def varies_not(values: Array, unit: float | None = None) -> bool:
    """Tell whether values differ by no more than rounding in numbers as large as `unit`."""
    return bool(np.ptp(values) <= 1e-12 * (np.abs(values).max() if unit is None else unit))


@dataclass(frozen=True, eq=False)
class _Dater:
    """Levels and dates of the cuts of one series."""

    values: Array
    times: Array
    end: int
    trend: bool

    def levels(self, rows: list[int]) -> tuple[Array, tuple[float, ...]]:
        """Return levels a period and slopes a regime."""
        return regime_levels(self.values, self.times, rows, end=self.end, trend=self.trend)

    def cuts(self, rows: list[int], p: list[float]) -> list[Cut]:
        """Date every cut between its neighbours."""
        fitted, slopes = self.levels(rows)
        bounds = [0, *rows, len(self.values)]
        spread = max(float(self.values.std()), 1e-300)
        standard = (self.values - self.values.mean()) / spread
        found = []
        for i, row in enumerate(rows):
            left, right = bounds[i], bounds[i + 2]
            posterior = date_posterior(
                standard, row, left, right, times=self.times, trend=self.trend
            )
            at = int(self.times[row])
            before, after = float(fitted[at - 1]), float(fitted[at])
            found.append(Cut(row, p[i], posterior, before, after, slopes[i], slopes[i + 1]))
        return found


def regime_levels(
    values: Array, times: Array, positions: list[int], *, end: int, trend: bool
) -> tuple[Array, tuple[float, ...]]:
    """Fit each regime by least squares: a constant unless a slope is worth its price.

    The price is log n times the noise variance within regimes, inflated for the lag-1
    autocorrelation of their residuals.

    Parameters
    ----------
    values, times : arrays of shape (n,)
        What was observed, and when (whole numbers from 0).
    positions : list of int
        First row of every regime but the first.
    end : int
        Number of periods to give a level, observed or not.

    Returns
    -------
    fitted : array of shape (end,)
    slopes : tuple of float, one per regime, per period
    """
    n = len(values)
    bounds = [0, *positions, n]
    starts = [0, *(int(times[p]) for p in positions), end]
    flat, line, residual = np.empty(end), np.empty(end), np.empty(n)
    gains, slopes = [], []
    for (low, high), (first, last) in zip(pairwise(bounds), pairwise(starts), strict=True):
        part, time = values[low:high], times[low:high] - times[low:high].mean()
        square = float(time @ time)
        slope = float(part @ time / square) if square > 0.0 else 0.0
        flat[first:last] = part.mean()
        line[first:last] = part.mean() + slope * (np.arange(first, last) - times[low:high].mean())
        residual[low:high] = part - part.mean() - slope * time
        gains.append(slope**2 * square)
        slopes.append(slope)
    if not trend:
        return flat, tuple(0.0 for _ in slopes)
    square = float(residual @ residual)
    lagged = float(residual[1:] @ residual[:-1]) / square if square > 0.0 else 0.0
    lagged = float(np.clip(lagged, 0.0, 0.9))
    noise = square / max(n - 2 * len(slopes), 1) * (1.0 + lagged) / (1.0 - lagged)
    fitted = np.empty(end)
    for i, (first, last) in enumerate(pairwise(starts)):
        sloped = gains[i] > noise * np.log(n)
        fitted[first:last] = line[first:last] if sloped else flat[first:last]
        slopes[i] = slopes[i] if sloped else 0.0
    return fitted, tuple(slopes)
