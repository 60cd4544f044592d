"""Take a stable season out before change points are looked for."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from uploadtrends.breaks.scan import Array

PERIODS = {"QS": 4, "MS": 12, "W-MON": 52, "D": 7, "h": 24}
MINIMUM_CYCLES = 3
_LEVEL = 0.001


def seasonal_component(values: Array, period: int) -> Array:
    """Return period effects (month effects for monthly data) that sum to zero, shape (n,).

    The trend is taken out first by a centred moving average over one cycle, so that neither a
    drift nor a level change leaks into the effects; effects are medians over the cycles, so that a
    few unusual months do not either.
    """
    detrended = values - _moving_average(values, period)
    phase = np.arange(len(values)) % period
    effects = np.array([np.nanmedian(detrended[phase == k]) for k in range(period)])
    seasonal: Array = (effects - effects.mean())[phase]
    return seasonal


def season_p_value(values: Array, period: int) -> float:
    """Return the p-value of "no season": one-way F test of the detrended values by phase."""
    detrended = values - _moving_average(values, period)
    known = np.isfinite(detrended)
    phase = (np.arange(len(values)) % period)[known]
    rest = detrended[known]
    counts = np.bincount(phase, minlength=period)
    if (counts == 0).any() or len(rest) <= period + 1:
        return 1.0
    means = np.bincount(phase, weights=rest, minlength=period) / counts
    between = float(counts @ (means - rest.mean()) ** 2) / (period - 1)
    within = float(((rest - means[phase]) ** 2).sum()) / (len(rest) - period)
    if within <= 0.0:
        return 0.0 if between > 0.0 else 1.0
    return float(fdtrc(period - 1, len(rest) - period, between / within))


def has_season(values: Array, period: int) -> bool:
    """Whether there are three full cycles and the season is beyond doubt (p <= .001)."""
    enough = len(values) >= MINIMUM_CYCLES * period
    return enough and season_p_value(values, period) <= _LEVEL


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
