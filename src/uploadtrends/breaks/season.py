"""Take a stable season out before change points are looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtrs
from scipy.special import fdtrc

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import Base, Fit, Kind, scan
from uploadtrends.breaks.likelihood.spacing import Spacing

OTHER_CYCLES = (4, 7, 12, 24, 52)
MINIMUM_CYCLES = 3
_CALENDAR_LEVEL = 1e-3
_OTHER_LEVEL = 1e-6
_FEW_CYCLES = 4
_ENOUGH = 10_000  # periods that decide whether there is a season


def find_season(values: Array, calendar: int | None, times: Array | None = None) -> int | None:
    """Return the length of the season in periods, or None.

    The calendar's own cycle (12 for months, 7 for days, ...) needs p <= .001. Where it is absent,
    the other usual cycles are tried at p <= 1e-6, for data whose dates are only row numbers.
    Either way three full cycles are needed.

    Parameters
    ----------
    values : array of shape (n,)
        What was observed.
    calendar : int, optional
        The calendar's own cycle.
    times : array of shape (n,), optional
        When (whole numbers from 0); all periods by default.
    """
    when = np.arange(len(values)) if times is None else times
    tried = [(calendar, _CALENDAR_LEVEL)] if calendar else []
    tried += [(cycle, _OTHER_LEVEL) for cycle in OTHER_CYCLES if cycle != calendar]
    best: tuple[float, int] | None = None
    for cycle, level in tried:
        if len(values) < MINIMUM_CYCLES * cycle:
            continue
        p = season_p_value(values, cycle, when)
        if p <= level and cycle == calendar:
            return cycle
        if p <= level and (best is None or p < best[0]):
            best = p, cycle
    return None if best is None else best[1]


def season_p_value(values: Array, period: int, times: Array | None = None) -> float:
    """Return the p-value of "no season": F test of period effects beside a line, AR(1) errors.

    The AR(1) parameter is the one of `RHO_GRID` that fits best with the season; random walks and
    level shifts therefore do not pass for seasons. Missing periods are left out.
    """
    when = np.arange(len(values)) if times is None else times
    values, when = values[-_ENOUGH:], when[-_ENOUGH:]
    n, spacing = len(values), Spacing.of(when)
    phase = np.unique(when.astype(np.intp) % period, return_inverse=True)[1]
    phases = int(phase.max()) + 1
    free = n - phases - 1
    if free <= 2 or phases < 2:
        return 1.0
    without, with_season = _rss_pairs(values, phase, phases, spacing)
    exact = np.flatnonzero(with_season <= 1e-12 * np.maximum(without, 1e-300))
    if len(exact):
        return 0.0 if without[exact[0]] > 0.0 else 1.0
    i = int(np.argmin(n * np.log(with_season) + spacing.log_det))
    ratio = (without[i] - with_season[i]) / (phases - 1) / (with_season[i] / free)
    return float(fdtrc(phases - 1, free, max(ratio, 0.0)))


def _rss_pairs(
    values: Array, phase: NDArray[np.intp], phases: int, spacing: Spacing
) -> tuple[Array, Array]:
    """Return the residual sums of squares about a line, and about a line with a season, (rho,).

    A whitened row touches its own phase and that of the row before, so the normal equations are
    sums over rows: no matrix of n rows is formed.
    """
    constant, line = spacing.constant, spacing.line
    response = _without(_without(spacing.whiten(values), constant), _without(line, constant))
    own, lagged = 1.0 / spacing.s, -spacing.r / spacing.s
    before = np.roll(phase, 1)
    each = np.arange(len(line))[:, None]

    def sums(place: NDArray[np.intp], weights: Array, size: int = phases) -> Array:
        place = (place + size * each).ravel()
        total: Array = np.bincount(place, weights.ravel(), size * len(each)).reshape(-1, size)
        return total

    def moments(column: Array) -> Array:
        return sums(phase, own * column) + sums(before, lagged * column)

    mixed = sums(phase * phases + before, own * lagged, phases**2).reshape(-1, phases, phases)
    bordered = np.empty((len(each), phases + 1, phases + 1))
    bordered[:, :phases, :phases] = mixed + mixed.swapaxes(1, 2)
    diagonal = np.arange(phases)
    bordered[:, diagonal, diagonal] += sums(phase, own**2) + sums(before, lagged**2)
    bordered[:, :phases, phases] = bordered[:, phases, :phases] = moments(line)
    bordered[:, phases, phases] = _dot(line, line)
    moment = np.concatenate([moments(response), _dot(line, response)[:, None]], axis=1)
    explained = np.array(list(map(_explained, bordered, moment)))
    without = _dot(response, response)
    return without, np.maximum(without - explained, 0.0)


def _dot(first: Array, second: Array) -> Array:
    products: Array = np.einsum("ij,ij->i", first, second)
    return products


def _without(rows: Array, column: Array) -> Array:
    """Take out of every row what its column explains."""
    share = _dot(rows, column) / _dot(column, column)
    left: Array = rows - share[:, None] * column
    return left


def _explained(gram: Array, moment: Array) -> float:
    """Return the sum of squares that normal equations explain."""
    factor, info = dpotrf(gram, lower=True)
    pivots = np.diag(factor)
    if info or pivots.min() < 1e-6 * pivots.max():
        return float(moment @ np.linalg.lstsq(gram, moment, rcond=None)[0])
    half = dtrtrs(factor, moment, lower=True)[0]
    return float(half @ half)


def seasonal_component(values: Array, period: int) -> Array:
    """Return period effects (month effects for monthly data) that sum to zero, shape (n,).

    The trend is taken out first by a centred moving average over one cycle, so that neither a
    drift nor a level change leaks into the effects; effects are medians over the cycles, so that a
    few unusual months do not either. Missing values (NaN) are bridged for the moving average only.
    """
    known = np.flatnonzero(np.isfinite(values))
    bridged = np.interp(np.arange(len(values)), known, values[known])
    detrended = values - _moving_average(bridged, period)
    phase = np.arange(len(values)) % period
    effects = np.array([_median(detrended[phase == k]) for k in range(period)])
    seasonal: Array = (effects - effects.mean())[phase]
    return seasonal


def without_step(values: Array, period: int) -> Array:
    """Take out the best step beside a season of few cycles, if it is worth log n a parameter.

    A season of fewer than four cycles is known from two or three values a phase: a change of level
    among them would be taken for a part of it, and the season hide the change. Over whole cycles
    steps, line and season can stand in for one another; the fewest terms are believed.

    Parameters
    ----------
    values : array of shape (n,)
        NaN where nothing was observed.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(values) >= _FEW_CYCLES * period or len(rows) < 2 * period or np.ptp(values[rows]) == 0.0:
        return values
    spacing, log_n = Spacing.of(rows), float(np.log(len(rows)))
    response = (values[rows] - values[rows].mean()) / values[rows].std()
    phases = (rows % period == np.arange(period)[:, None]).astype(float)
    season, constant, line = phases[phases.any(axis=1)], np.ones((1, len(rows))), spacing.times
    best: tuple[float, Array, Fit | None] = (np.inf, constant, None)
    for columns in (constant, np.vstack([constant, line]), season, np.vstack([season, line])):
        found = scan(response[None, :], Base(spacing, columns), ("none", "step"))
        kinds: tuple[tuple[Kind, float], ...] = (("none", 0.0), ("step", 2.0))
        for kind, more in kinds:
            price = float(found[kind].criterion[0]) + (len(columns) + more) * log_n
            if price < best[0] - 1e-9:
                best = price, columns, found["step"] if kind == "step" else None
    _, columns, step = best
    if step is None or len(columns) < len(season):
        return values
    i, at = int(step.rho[0]), int(step.date[0])
    design = spacing.whiten_at(i, np.vstack([columns, np.arange(len(rows)) >= at])).T
    fitted = np.linalg.lstsq(design, spacing.whiten_at(i, values[rows]), rcond=None)[0]
    left: Array = values - fitted[-1] * (np.arange(len(values)) >= rows[at])
    return left


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _moving_average(values: Array, period: int) -> Array:
    """Centred moving average over one cycle; NaN where it does not fit."""
    if period % 2:
        weights = np.full(period, 1.0 / period)
    else:
        weights = np.full(period + 1, 1.0 / period)
        weights[[0, -1]] /= 2.0
    half = len(weights) // 2
    smooth = np.full(len(values), np.nan)
    smooth[half : len(values) - half] = np.convolve(values, weights, mode="valid")
    return smooth
