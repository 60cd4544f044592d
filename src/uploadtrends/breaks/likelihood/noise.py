"""Autocorrelated noise on the observed periods, and the autocorrelation to give it."""

from __future__ import annotations

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.spacing import Spacing

MAXIMUM_RHO = 0.95


def corrected_rho(rho: float, n: int, parameters: float) -> float:
    """Undo the downward bias of an autocorrelation estimated beside `parameters` regression terms.

    ``(n rho + p) / (n - p - 2)``, clipped to [0, .95]: the first-order correction of Kendall (1954)
    and Marriott & Pope (1954) for a mean (p = 1) and a line (p = 2), carried on to more terms.
    """
    return float(np.clip((n * rho + parameters) / (n - parameters - 2.0), 0.0, MAXIMUM_RHO))


def ar1_noise(
    rng: np.random.Generator, m: int, spacing: Spacing, rho: float, share: float = 0.0
) -> Array:
    """Return (m, n) Gaussian series of unit variance, correlated by rho^d over d periods.

    With a `share` of the variance from white noise on top: what a Poisson count adds to a smooth
    rate.
    """
    noise = ar1_from(rng.standard_normal((spacing.n, m)), spacing, rho)
    if share > 0.0:
        noise = np.sqrt(1.0 - share) * noise
        noise += np.sqrt(share) * rng.standard_normal((spacing.n, m))
    return np.ascontiguousarray(noise.T)


def ar1_from(innovations: Array, spacing: Spacing, rho: float) -> Array:
    """Turn unit innovations (n, m) into AR(1) series of unit variance, in place."""
    if rho > 0.0:
        pull = rho ** np.diff(spacing.times)
        spread = np.sqrt(1.0 - pull**2)
        for t in range(1, spacing.n):  # time first: the recursion runs over whole rows
            innovations[t] = pull[t - 1] * innovations[t - 1] + spread[t - 1] * innovations[t]
    return innovations
