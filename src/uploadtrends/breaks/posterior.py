"""Posterior over the date of one Gaussian change between its neighbours, and its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.scan import MINIMUM_SEGMENT, candidate_dates, designs, profile, suffix_sums

Posterior = tuple[NDArray[np.intp], Array]
"""Candidate positions, ascending, and their probabilities."""

_WINDOW = 1000  # periods on either side beyond which a date is not in doubt


def date_posterior(
    values: Array, date: int, left: int, right: int, *, trend: bool = True
) -> Posterior:
    """Return the probability of each date for the change found at `date`.

    The change is taken to lie between its neighbours `left` and `right` (the ends of the series,
    or the adjacent changes). Four shapes of change are averaged with BIC weights (a constant with a
    step; a line with a step, a kink or both) and so is the AR(1) parameter over `RHO_GRID`, with a
    flat prior on dates; regression coefficients and variance are integrated out (Jeffreys prior).

    Parameters
    ----------
    values : array of shape (n,)
        The series, without gaps.
    date : int
        Position of the change.
    left, right : int
        First position of the regime before it; end (exclusive) of the regime after it.
    trend : bool
        Whether regimes may have slopes.

    Returns
    -------
    dates : array of int, shape (k,)
    probability : array of shape (k,), summing to 1
    """
    start, end = max(left, date - _WINDOW), min(right, date + _WINDOW)
    part = values[start:end]
    n = len(part)
    spread = float(part.std())
    if n < 2 * MINIMUM_SEGMENT + 2 or spread == 0.0:
        return np.array([date]), np.ones(1)
    part = (part - part.mean()) / spread
    dates = candidate_dates(n, n)
    sums = suffix_sums(part[None, :], dates)
    log_n = np.log(n)
    log_weight = []
    for design in designs(n, n):
        fitted = profile(sums, design, n, with_line_changes=trend)
        rho_term = 0.5 * np.log(1.0 - design.rho**2)
        shapes = [(fitted.step, 2, 0.0)]
        if trend:
            shapes += [
                (fitted.line_step, 3, log_n),
                (fitted.line_kink, 3, log_n),
                (fitted.line_both, 4, 2 * log_n),
            ]
        for rss, k, penalty in shapes:
            square = np.maximum(rss[0], 1e-10 * n)
            log_weight.append(-0.5 * (n - k) * np.log(square / n) + rho_term - penalty / 2)
    stacked = np.array(log_weight)
    weight = np.exp(stacked - stacked.max()).sum(axis=0)
    return dates + start, weight / weight.sum()


def credible_interval(posterior: Posterior, confidence: float) -> tuple[int, int]:
    """Return the equal-tailed interval of a posterior over dates, both ends included."""
    dates, probability = posterior
    cumulative = np.cumsum(probability)
    tail = (1.0 - confidence) / 2.0
    low = int(np.searchsorted(cumulative, tail + 1e-12))
    high = int(np.searchsorted(cumulative, 1.0 - tail - 1e-12))
    return int(dates[min(low, len(dates) - 1)]), int(dates[min(high, len(dates) - 1)])
