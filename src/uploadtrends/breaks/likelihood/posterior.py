"""Posterior over the date of one Gaussian change between its neighbours, and its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT, plain_base
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing

Posterior = tuple[NDArray[np.intp], Array]
"""Candidate positions, ascending, and their probabilities."""

_WINDOW = 1000  # periods on either side beyond which a date is not in doubt


def date_posterior(
    values: Array,
    date: int,
    left: int,
    right: int,
    *,
    times: Array | None = None,
    trend: bool = True,
) -> Posterior:
    """Return the probability of each date for the change found at `date`.

    The change is taken to lie between its neighbours `left` and `right` (the ends of the series,
    or the adjacent changes). Four shapes of change are averaged with BIC weights (a constant with a
    step; a line with a step, a kink or both) and so is the AR(1) parameter over `RHO_GRID`, with a
    flat prior on dates; regression coefficients and variance are integrated out (Jeffreys prior).

    Parameters
    ----------
    values : array of shape (n,)
        The observed values.
    date : int
        Row of the change.
    left, right : int
        First row of the regime before it; end (exclusive) of the regime after it.
    times : array of shape (n,), optional
        The periods observed (whole numbers); all of them by default.
    trend : bool
        Whether regimes may have slopes.

    Returns
    -------
    dates : array of int, shape (k,)
        Rows.
    probability : array of shape (k,), summing to 1
    """
    start, end = max(left, date - _WINDOW), min(right, date + _WINDOW)
    part = values[start:end]
    n = len(part)
    spread = float(part.std())
    if n < 2 * MINIMUM_SEGMENT + 2 or spread == 0.0:
        return np.array([date]), np.ones(1)
    part = ((part - part.mean()) / spread)[None, :]
    spacing = Spacing.of(np.arange(n) if times is None else times[start:end])
    # Searches keep three periods at either end of a series; what began later is dated there.
    first = 1 if start == 0 else MINIMUM_SEGMENT
    last = n - (1 if end == len(values) else MINIMUM_SEGMENT)
    shapes = [
        _log_weights(part, spacing, slice(first, last + 1), sloped=sloped)
        for sloped in ((False, True) if trend else (False,))
    ]
    log_weight = np.concatenate(shapes)
    weight = np.exp(log_weight - log_weight.max()).sum(axis=0)
    return np.arange(first, last + 1) + start, weight / weight.sum()


def _log_weights(part: Array, spacing: Spacing, window: slice, *, sloped: bool) -> Array:
    """Return log weights of every shape and rho beside a constant or a line: (shapes, dates)."""
    n, base = spacing.n, plain_base(spacing, sloped=sloped)
    every = np.arange(len(RHO_GRID))[:, None]
    residuals = base.residuals_at(every, part)
    rss = np.sum(residuals**2, axis=-1)
    step_norm, kink_norm, _, cross = (norm[:, window] for norm in base.norms)
    step = base.step_products(every, residuals)[:, 0, window]
    shapes = [(step**2 / step_norm, 2 + sloped, float(sloped))]
    if sloped:
        kink = base.kink_products(every, residuals)[:, 0, window]
        ratio = cross / step_norm
        left = np.maximum(kink_norm - ratio * cross, 1e-9 * kink_norm)
        both = step**2 / step_norm + (kink - ratio * step) ** 2 / left
        shapes += [(kink**2 / kink_norm, 3, 1.0), (both, 4, 2.0)]
    found = []
    for gain, k, price in shapes:
        square = np.maximum(rss - gain, 1e-10 * n)
        log_rho = k * np.log(1.0 - RHO_GRID**2) - spacing.log_det
        log_fit = (n - k) * np.log(square / n) + price * np.log(n)
        found.append(0.5 * (log_rho[:, None] - log_fit))
    return np.concatenate(found)


def credible_interval(posterior: Posterior, confidence: float) -> tuple[int, int]:
    """Return the equal-tailed interval of a posterior over dates, both ends included."""
    dates, probability = posterior
    cumulative = np.cumsum(probability)
    tail = (1.0 - confidence) / 2.0
    low = int(np.searchsorted(cumulative, tail + 1e-12))
    high = int(np.searchsorted(cumulative, 1.0 - tail - 1e-12))
    return int(dates[min(low, len(dates) - 1)]), int(dates[min(high, len(dates) - 1)])
