"""Asymptotic confidence interval of a break date (Bai 1997, proposition 3)."""

from __future__ import annotations

import numpy as np
import scipy
from scipy.special import log_ndtr


def argmax_distribution(x: float, ratio: float, scale: float) -> float:
    """Return P(argmax <= x) of Bai's two-sided process.

    Parameters
    ----------
    x : float
    ratio : float
        Drift after the break over drift before it (xi).
    scale : float
        xi times the ratio of the error variances after and before (phi).
    """
    y = abs(x)
    if y == 0.0:
        y = 1e-300
    if x < 0.0:
        share = ratio / scale
        weight = (scale + 2 * ratio) ** 2 / ((scale + ratio) * ratio)
        return float(
            -np.exp(np.log(y) / 2 - y / 8 - np.log(2 * np.pi) / 2)
            - (scale / ratio * (scale + 2 * ratio) / (scale + ratio))
            * np.exp(share * (1 + share) * y / 2 + log_ndtr(-(0.5 + share) * np.sqrt(y)))
            + (y / 2 - 2 + weight) * np.exp(log_ndtr(-np.sqrt(y) / 2))
        )
    share = ratio**2 / scale
    weight = (2 * scale + ratio) ** 2 / ((scale + ratio) * scale)
    return float(
        1.0
        + np.sqrt(share) * np.exp(np.log(y) / 2 - share * y / 8 - np.log(2 * np.pi) / 2)
        + (ratio / scale * (2 * scale + ratio) / (scale + ratio))
        * np.exp(
            (scale + ratio) * y / 2 + log_ndtr(-(scale + ratio / 2) / np.sqrt(scale) * np.sqrt(y))
        )
        - (weight - 2 + share * y / 2) * np.exp(log_ndtr(-np.sqrt(share * y) / 2))
    )


def break_interval(
    drift_before: float, drift_after: float, noise_before: float, noise_after: float, tail: float
) -> tuple[float, float] | None:
    """Return how far the date may lie before and after its estimate, in periods.

    Parameters
    ----------
    drift_before, drift_after : float
        delta' Q delta of the regimes either side (delta: change of the coefficients).
    noise_before, noise_after : float
        delta' Omega delta over delta' Q delta of each: the error variance in that direction.
    tail : float
        Probability left out on each side.

    Returns
    -------
    (lower, upper) or None
        Quantiles of (estimate - date), lower < 0 < upper; None where they do not exist.
    """
    ratio = drift_after / drift_before
    scale = ratio * noise_after / noise_before

    def distance(x: float, level: float) -> float:
        return argmax_distribution(x, ratio, scale) - level

    centre = argmax_distribution(0.0, ratio, scale)
    if not np.isfinite(centre) or not tail <= centre <= 1.0 - tail:
        return None
    high, low = 1.0, -1.0
    while distance(high, 1.0 - tail) < 0.0 and high < 1e12:
        high *= 4.0
    while distance(low, tail) > 0.0 and low > -1e12:
        low *= 4.0
    unit = noise_before / drift_before
    upper = scipy.optimize.brentq(distance, 0.0, high, args=(1.0 - tail,)) * unit
    lower = scipy.optimize.brentq(distance, low, 0.0, args=(tail,)) * unit
    return float(lower), float(upper)
