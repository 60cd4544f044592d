"""Mixtures of t (or normal) distributions: what every estimator's answer about a contrast is.

One component for the estimators that plug in their variance parameters, one per grid point for
those that integrate them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from uploadtrends.arrays import Array


def t_cdf(x: Array, df: float) -> Array:
    """Return the distribution function of t with `df` degrees of freedom (normal if infinite)."""
    return np.asarray(special.ndtr(x) if np.isinf(df) else special.stdtr(df, x))


def t_quantile(probability: float, df: float) -> float:
    """Return a quantile of t with `df` degrees of freedom (normal if infinite)."""
    if np.isinf(df):
        return float(special.ndtri(probability))
    return float(special.stdtrit(df, probability))


@lru_cache(maxsize=64)
def _table(df: float) -> tuple[Array, Array]:
    """Return the distribution function on a fine grid, and its differences."""
    values = t_cdf(np.arange(-_REACH, _REACH + 1) / _FINENESS, df)
    values[0], values[-1] = 0.0, 1.0
    return values, np.diff(values)


_REACH, _FINENESS = 6000, 400.0
_AT_ONCE = 8192
"""Components of mixtures that are looked at together."""


def _lookup(standard: Array, df: float) -> tuple[Array, Array]:
    """Return distribution function and density by linear interpolation (error below 2e-7)."""
    return _interpolated(standard * _FINENESS + _REACH, df)


def _interpolated(place: Array, df: float) -> tuple[Array, Array]:
    """The same at places of the grid, which are overwritten."""
    values, differences = _table(df)
    np.clip(place, 0, 2 * _REACH - 1e-6, out=place)
    cell = place.astype(np.intp)
    rise = differences.take(cell, mode="clip")
    place -= cell
    place *= rise
    place += values.take(cell, mode="clip")
    rise *= _FINENESS
    return place, rise


def mixture_interval(
    confidence: float, weights: Array, centres: Array, scales: Array, df: float
) -> tuple[Array, Array, Array]:
    """Return the two ends of an equal-tailed interval and the two-sided p of each mixture.

    Components lie along the last axis. p is twice the smaller tail beyond zero, so that p < .05
    means that zero is outside the 95% interval. One component is solved exactly; several by
    Newton's method inside a bracket, on a table of t (ends within 1e-4 standard errors).
    """
    if centres.shape[-1] == 1:
        centre, scale = centres[..., 0], scales[..., 0]
        reach = t_quantile((1 + confidence) / 2, df) * scale
        p = np.maximum(2 * t_cdf(-np.abs(centre) / scale, df), np.finfo(float).tiny)
        return centre - reach, centre + reach, p
    if centres.ndim == 3 and centres.size > 2 * _AT_ONCE:
        # Pieces that stay in the processor's cache.
        step = max(1, _AT_ONCE // (centres.shape[1] * centres.shape[2]))
        spread = np.broadcast_to(weights, centres.shape)
        pieces = [
            mixture_interval(confidence, spread[rows], centres[rows], scales[rows], df)
            for rows in (slice(i, i + step) for i in range(0, len(centres), step))
        ]
        low, high, p = (np.concatenate(part) for part in zip(*pieces, strict=True))
        return low, high, p
    low, high = mixture_ends(confidence, weights, centres, scales, df)
    return low, high, two_sided(weights, centres * (1 / scales), df)


def mixture_ends(
    confidence: float, weights: Array, centres: Array, scales: Array, df: float
) -> tuple[Array, Array]:
    """Return the two ends of an equal-tailed interval of each mixture of several components."""
    inverse = 1 / scales
    offset = centres * inverse
    density_weights = weights * inverse
    mean, se = mixture_moments(weights, centres, scales)
    reach = t_quantile((1 + confidence) / 2, df) * se
    # Both ends in one array: half the calls.
    at = np.stack([mean - reach, mean + reach])
    target = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    target = target.reshape(2, *[1] * mean.ndim)
    least, most = np.full(at.shape, -np.inf), np.full(at.shape, np.inf)
    floor, close = 1e-12 / se, 1e-5 * se
    stretch, shift = inverse * _FINENESS, _REACH - offset * _FINENESS
    done = np.zeros(at.shape, dtype=bool)
    for _ in range(25):
        place = at[..., None] * stretch
        place += shift
        cdf, density = _interpolated(place, df)
        excess = np.einsum("...g,...g->...", weights, cdf) - target
        slope = np.einsum("...g,...g->...", density_weights, density)
        short = excess < 0
        least, most = np.where(short, at, least), np.where(short, most, at)
        # A flat stretch of the mixture would throw Newton far away: at most one se at a time.
        proposal = at + np.minimum(np.maximum(-excess / np.maximum(slope, floor), -se), se)
        near = np.abs(proposal - at) < close
        bad = ~near & ((proposal <= least) | (proposal >= most)) & np.isfinite(least + most)
        if bad.any():
            proposal = np.where(bad, 0.5 * (least + most), proposal)
        # An end that is found stays, so that it does not depend on who else is looked for.
        at = np.where(done, at, proposal)
        done |= near
        if done.all():
            break
    return at[0], at[1]


def two_sided(weights: Array, offset: Array, df: float, *, far_out: bool = True) -> Array:
    """Return twice the smaller tail beyond zero; never 0, however far zero lies out.

    Each tail is summed by itself: one minus the other would leave nothing (or less) of a small one.
    With ``far_out=False`` what is below 2e-6 is only known to be so: enough to hold it against an
    alpha, and faster.
    """
    below = np.einsum("...g,...g->...", weights, _lookup(-offset, df)[0])
    above = np.einsum("...g,...g->...", weights, _lookup(offset.copy(), df)[0])
    smaller = np.minimum(below, above)
    far = smaller < 1e-6  # the table is too coarse there
    if far_out and far.any():
        spread = np.broadcast_to(weights, offset.shape)[far]
        tail = np.einsum("ig,ig->i", spread, t_cdf(-np.abs(offset[far]), df))
        smaller = np.array(smaller, dtype=float)
        smaller[far] = np.maximum(tail, np.finfo(float).tiny)
    return np.asarray(np.minimum(1.0, 2 * smaller))


def together(
    parts: Sequence[tuple[Array, Array, Array]],
) -> tuple[Array, Array, Array]:
    """Return weights (m, 1, g), centres and scales (m, c, g) of several series' mixtures (g,),
    (c, g), (c, g). Where one has fewer components than others, those added weigh nothing."""
    m, c, g = len(parts), len(parts[0][1]), max(len(weights) for weights, *_ in parts)
    weights, centres, scales = np.zeros((m, 1, g)), np.zeros((m, c, g)), np.ones((m, c, g))
    for i, part in enumerate(parts):
        kept = len(part[0])
        weights[i, 0, :kept], centres[i, :, :kept], scales[i, :, :kept] = part
    return weights, centres, scales


def mixture_moments(weights: Array, centres: Array, scales: Array) -> tuple[Array, Array]:
    """Return mean and standard error of each mixture.

    The standard error is that of the scale parameters (as software prints it for a t statistic),
    not the larger standard deviation of t itself.
    """
    mean = np.sum(weights * centres, axis=-1)
    spread = np.sum(weights * (scales**2 + (centres - mean[..., None]) ** 2), axis=-1)
    return np.asarray(mean), np.asarray(np.sqrt(spread))


def mixture_joint(
    weights: Array, values: Array, covariance: Array, df: float
) -> tuple[Array, Array]:
    """Test that q contrasts are zero together, in each mixture.

    Each component has its F statistic (chi-square / q where `df` is infinite) and its tail
    probability; both are averaged over the weights, so that p is the posterior expectation of the
    p value given the autocorrelation.

    Parameters
    ----------
    weights : array (..., g)
    values : array (..., g, q)
    covariance : array (..., g, q, q)
    df : float

    Returns
    -------
    statistic, p : arrays (...)
    """
    q = values.shape[-1]
    solved = np.linalg.solve(covariance, values[..., None])[..., 0]
    statistic = np.einsum("...q,...q->...", values, solved) / q
    tail = special.chdtrc(q, q * statistic) if np.isinf(df) else special.fdtrc(q, df, statistic)
    return (weights * statistic).sum(axis=-1), (weights * tail).sum(axis=-1)
