"""How much of the variance of counts is white, and how persistent the rest: weights, not a guess.

A Poisson count around a slowly swinging rate is AR(1) plus white noise of known variance. The
weight of every (autocorrelation, white share) is its restricted likelihood beside the best change.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.spacing import Spacing

PHI = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96)
PURE = 10.0  # prior odds of plain Poisson counts against any one mixture
_NEGLIGIBLE = 0.02


class Weighted(NamedTuple):
    """One candidate for the noise: its weight, autocorrelation, and share of white variance."""

    weight: float
    rho: float
    share: float


def count_noise(values: Array, columns: Array, spacing: Spacing, counted: float) -> list[Weighted]:
    """Weigh the noise of counts beside the columns (p, n) of the best change.

    Parameters
    ----------
    values : array of shape (n,)
        Standardised counts.
    counted : float
        Variance that counting adds (Poisson: mean / variance of the counts).

    Returns
    -------
    list of Weighted
        Weights sum to 1; those of at most .02 are dropped.
    """
    found = [(_log_weight(np.full(spacing.n, counted), values, columns.T) + np.log(PURE), 0.0, 1.0)]
    for phi in PHI:
        spectrum, vectors = _eigen(spacing, phi)
        rotated, design = vectors.T @ values, vectors.T @ columns.T
        for share in SHARES:
            variances = counted * (1.0 + (1.0 - share) / share * spectrum)
            found.append((_log_weight(variances, rotated, design), phi, share))
    logs = np.array([item[0] for item in found])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    weights[weights <= _NEGLIGIBLE] = 0.0
    if not weights.any():  # spread too thinly for any one to count
        weights[int(np.argmax(logs))] = 1.0
    weights /= weights.sum()
    return [
        Weighted(float(weight), phi, share)
        for weight, (_, phi, share) in zip(weights, found, strict=True)
        if weight
    ]


def _log_weight(variances: Array, values: Array, design: Array) -> float:
    """Restricted log-likelihood where the covariance is diagonal."""
    scaled = design / variances[:, None]
    gram = design.T @ scaled
    moment = scaled.T @ values
    rss = float(values @ (values / variances) - moment @ np.linalg.solve(gram, moment))
    return -0.5 * float(np.log(variances).sum() + np.linalg.slogdet(gram)[1] + rss)


def _eigen(spacing: Spacing, phi: float) -> tuple[Array, Array]:
    return _kept(spacing.n, phi) if spacing.regular else _decompose(spacing.times, phi)


@lru_cache(maxsize=128)
def _kept(n: int, phi: float) -> tuple[Array, Array]:
    return _decompose(np.arange(n, dtype=float), phi)


def _decompose(times: Array, phi: float) -> tuple[Array, Array]:
    spectrum, vectors = np.linalg.eigh(phi ** np.abs(times[:, None] - times[None, :]))
    return np.maximum(spectrum, 0.0), vectors
