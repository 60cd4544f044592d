"""Regimes of one gap-free series under the calibrated default: dates, levels, intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.calibrated import Gate, gate, noise_variance
from uploadtrends.breaks.costs import LinearCost, MeanCost
from uploadtrends.breaks.partition import best_split
from uploadtrends.breaks.posterior import Posterior, date_posterior
from uploadtrends.breaks.regimes import optimal_partition
from uploadtrends.breaks.scan import MINIMUM_SEGMENT

MAXIMUM_GATE = 4000


@dataclass(frozen=True)
class Regimes:
    """A segmentation, whatever method made it.

    Attributes
    ----------
    positions : tuple of int
        First position of every regime but the first.
    posteriors : tuple of (array of int, array)
        Candidate positions of each change and their probabilities.
    fitted : array of shape (n,)
        Regime levels.
    slopes : tuple of float
        Slope per period of each regime (one more than positions).
    p : float
        Overall p-value of "no change"; NaN where the method has none.
    autocorrelation : float
        AR(1) parameter under no change; NaN where the method has none.
    null : str
        ``"constant"`` or ``"line"``: what the change was tested against; empty if nothing was.
    best : int or None
        Position of the best single change, found or not.
    """

    positions: tuple[int, ...]
    posteriors: tuple[Posterior, ...]
    fitted: Array
    slopes: tuple[float, ...]
    p: float
    autocorrelation: float
    null: str
    best: int | None


def calibrated_regimes(
    values: Array,
    *,
    trend: bool,
    level: float,
    minimum: int | None,
    seed: int,
    counts: bool = False,
) -> Regimes:
    """Run the gate, and where it opens, partition the series.

    Parameters
    ----------
    values : array of shape (n,)
        Without gaps, n at least 10, not constant.
    counts : bool
        Whether these are counts, so that a Poisson share of their variance is white noise.
    """
    n = len(values)
    spread = float(values.std())
    standard = (values - values.mean()) / spread
    counted = float(values.mean()) / spread**2 if counts else 0.0
    found = _gate_of_long(standard, counted, level=level, trend=trend, seed=seed)
    shortest = MINIMUM_SEGMENT if minimum is None else minimum
    positions = change_positions(standard, found, trend=trend, minimum=shortest)
    fitted, slopes = regime_levels(values, positions, trend=trend)
    bounds = [0, *positions, n]
    posteriors = tuple(
        date_posterior(standard, date, bounds[i], bounds[i + 2], trend=trend)
        for i, date in enumerate(positions)
    )
    return Regimes(
        positions=tuple(positions),
        posteriors=posteriors,
        fitted=fitted,
        slopes=slopes,
        p=found.p,
        autocorrelation=found.rho,
        null=found.null,
        best=found.dates[0],
    )


def _gate_of_long(standard: Array, counted: float, *, level: float, trend: bool, seed: int) -> Gate:
    """Run the gate; a series of more than 4,000 periods is first averaged in blocks.

    Averages of AR(1) errors are close to AR(1) again with less autocorrelation, so the answer to
    "any change at all" stays the same for a fraction of the work. Dates come from the partition.
    """
    n = len(standard)
    block = -(-n // MAXIMUM_GATE)
    if block == 1:
        return gate(standard, level=level, trend=trend, count_variance=counted, seed=seed)
    whole = standard[: n // block * block].reshape(-1, block).mean(axis=1)
    spread = float(whole.std())
    found = gate(
        (whole - whole.mean()) / spread,
        level=level,
        trend=trend,
        count_variance=counted / block / spread**2,
        seed=seed,
    )
    variance = noise_variance(standard, found.null)
    dates = tuple(date * block for date in found.dates)
    return replace(found, dates=dates, noise_variance=variance)


def change_positions(standard: Array, found: Gate, *, trend: bool, minimum: int) -> list[int]:
    """Return the change positions of a standardised series that went through the gate.

    The noise variance is that of the hypothesis of no change, changes included, so that smooth
    curves are not cut to pieces; a change costs log n for its level, its slope (with `trend`) and
    its date.
    """
    if not found.change:
        return []
    n = len(standard)
    penalty = (3.0 if trend else 2.0) * float(np.log(n))
    positions = optimal_partition(
        standard, variance=found.noise_variance, penalty=penalty, minimum=minimum, sloped=trend
    )
    if positions:
        return positions
    bounds = [0, *found.dates, n]
    if min(high - low for low, high in pairwise(bounds)) >= minimum or n < 2 * minimum:
        return list(found.dates)
    cost = (LinearCost() if trend else MeanCost()).fit(standard)
    return [best_split(cost.errors, 0, n, minimum)[0]]


def regime_levels(
    values: Array, positions: list[int], *, trend: bool
) -> tuple[Array, tuple[float, ...]]:
    """Fit each regime by least squares: a constant unless a slope is worth its price.

    The price is log n times the noise variance within regimes, inflated for the lag-1
    autocorrelation of their residuals.

    Returns
    -------
    fitted : array of shape (n,)
    slopes : tuple of float, one per regime, per period
    """
    n = len(values)
    bounds = [0, *positions, n]
    flat, line = np.empty(n), np.empty(n)
    gains, slopes = [], []
    for low, high in pairwise(bounds):
        part = values[low:high]
        time = np.arange(high - low) - (high - low - 1) / 2.0
        slope = float(part @ time / max(float(time @ time), 1.0))
        flat[low:high] = part.mean()
        line[low:high] = part.mean() + slope * time
        gains.append(slope**2 * float(time @ time))
        slopes.append(slope)
    if not trend:
        return flat, tuple(0.0 for _ in slopes)
    residual = values - line
    square = float(residual @ residual)
    lagged = float(residual[1:] @ residual[:-1]) / square if square > 0.0 else 0.0
    lagged = float(np.clip(lagged, 0.0, 0.9))
    noise = square / max(n - 2 * len(slopes), 1) * (1.0 + lagged) / (1.0 - lagged)
    fitted = np.empty(n)
    for i, (low, high) in enumerate(pairwise(bounds)):
        sloped = gains[i] > noise * np.log(n)
        fitted[low:high] = line[low:high] if sloped else flat[low:high]
        slopes[i] = slopes[i] if sloped else 0.0
    return fitted, tuple(slopes)
