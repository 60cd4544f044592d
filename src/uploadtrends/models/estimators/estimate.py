"""What an estimator hands back: a distribution of the coefficients, and the residuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.mixture import (
    mixture_interval,
    mixture_joint,
    mixture_moments,
    t_quantile,
)

DRAWS = 8000


@dataclass(frozen=True)
class Contrast:
    """Linear combinations of the coefficients, one entry each. Shape (c,) throughout."""

    estimate: Array
    se: Array
    low: Array
    high: Array
    p: Array
    minimum_detectable: Array
    """Smallest true value found with 80% power by the two-sided test at this width."""


@dataclass(frozen=True)
class Wander:
    """The law of a wandering level, jointly with the coefficients b, given the outcome.

    On every period from the first used row to the last (p): the level minus its first value is
    start - slope b + noise, the noise independent of b.
    """

    start: Array
    """(p,)"""
    slope: Array
    """(p, k)"""
    covariance: Array
    """(p, p) of the noise."""
    step: float
    """Variance of the level's step from one period to the next."""

    def over(self, lead: int, length: int) -> tuple[Array, Array, Array]:
        """Return start, slope and covariance on a grid of `length` periods; `lead` come before.

        Outside the used rows the level stays where it is and its variance grows.
        """
        inside = np.clip(np.arange(length) - lead, 0, self.start.size - 1)
        outside = np.arange(length) - lead - inside
        covariance = self.covariance[np.ix_(inside, inside)]
        same_side = np.sign(outside)[:, None] == np.sign(outside)
        further = np.minimum.outer(np.abs(outside), np.abs(outside))
        return (
            self.start[inside],
            self.slope[inside],
            covariance + self.step * further * same_side,
        )


@dataclass(frozen=True)
class Estimate:
    """Coefficients as a mixture of multivariate t distributions.

    One component for estimators that plug in their variance parameters; one a grid point (g) for
    those that integrate them out.
    """

    weights: Array
    """(g,), sum 1."""
    coefficients: Array
    """(g, k)"""
    covariance: Array
    """(g, k, k)"""
    df: float
    """Degrees of freedom; infinite for normal quantiles."""
    sigma: Array
    """(g,) marginal standard deviation of the errors on the model's scale; NaN for counts."""
    residuals: Array
    """(n,) innovations (whitened residuals), scaled to unit variance where the model is right."""
    raw_residuals: Array
    """(n,) observed minus fitted on the model's scale."""
    phi: Mapping[str, float] = field(default_factory=dict)
    """Autocorrelation: estimate (and its interval and near_unit_root where integrated)."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """Dispersion, theta, log-likelihood and other named numbers of the estimator."""
    notes: tuple[str, ...] = ()
    wander: Wander | None = None
    """Law of a level that wanders, for models that have one."""
    rows: Array | None = None
    """(k, n) the coefficients as linear combinations of the outcome, averaged over components."""

    @cached_property
    def mean(self) -> Array:
        """(k,) point estimates."""
        return np.asarray(self.weights @ self.coefficients)

    def components(self, contrasts: Array) -> tuple[Array, Array]:
        """Return centre and scale (c, g) of each contrast given each component."""
        centres = contrasts @ self.coefficients.T
        variances = ((contrasts @ self.covariance) * contrasts).sum(axis=2).T
        return centres, np.sqrt(np.maximum(variances, np.finfo(float).tiny))

    def contrast(
        self, contrasts: Array, confidence: float = 0.95, extra_variance: Array | None = None
    ) -> Contrast:
        """Return estimate, standard error, interval and p value of each row of `contrasts` (c, k).

        `extra_variance` (c, g) is added to the variances of the contrasts: the errors' own, for an
        interval of a new observation.
        """
        centres, scales = self.components(np.atleast_2d(contrasts))
        if extra_variance is not None:
            scales = np.sqrt(scales**2 + extra_variance)
        weights = self.weights[None, :]
        estimate, se = mixture_moments(weights, centres, scales)
        tail = (1 - confidence) / 2
        low, high, p = mixture_interval(confidence, weights, centres, scales, self.df)
        reach = 1 + t_quantile(0.8, self.df) / t_quantile(1 - tail, self.df)
        return Contrast(
            estimate=estimate,
            se=se,
            low=low,
            high=high,
            p=p,
            minimum_detectable=reach * (high - low) / 2,
        )

    def joint(self, contrasts: Array) -> tuple[float, float, int]:
        """Test that all rows of `contrasts` (q, k) are zero: F (or chi-square / q), p, and q."""
        contrasts = np.atleast_2d(contrasts)
        values = self.coefficients @ contrasts.T
        spread = contrasts @ self.covariance @ contrasts.T
        statistic, p = mixture_joint(self.weights, values, spread, self.df)
        return float(statistic), float(p), contrasts.shape[0]

    @cached_property
    def draws(self) -> tuple[Array, Array]:
        """Seeded draws of the coefficients (DRAWS, k) and of sigma (DRAWS,)."""
        # Systematic sampling of the component: every weight is hit in proportion.
        edges = np.cumsum(self.weights)
        component = np.searchsorted(edges / edges[-1], (np.arange(DRAWS) + 0.5) / DRAWS)
        component = np.minimum(component, self.weights.size - 1)
        k = self.coefficients.shape[1]
        noise, inflate = _noise(k, self.df)
        # The components lie in order: one product for each.
        counts = np.bincount(component, minlength=self.weights.size)
        values = np.empty((DRAWS, k))
        start = 0
        hit = np.flatnonzero(counts)
        for g, root in zip(hit, _roots(self.covariance[hit]), strict=True):
            part = slice(start, start + counts[g])
            np.add(noise[part] @ root.T, self.coefficients[g], out=values[part])
            start += counts[g]
        return values, self.sigma[component] * inflate

    def to_dict(self) -> dict[str, Any]:
        """Return the named numbers that are not coefficients."""
        return {**{f"phi_{name}": value for name, value in self.phi.items()}, **self.extra}


@lru_cache(maxsize=16)
def _noise(k: int, df: float) -> tuple[Array, Array]:
    """Return seeded draws of k standard t variates (DRAWS, k), and what inflates each (DRAWS,)."""
    rng = np.random.default_rng(20220822)
    inflate = np.ones(DRAWS)
    if np.isfinite(df):
        inflate = np.sqrt(df / rng.chisquare(df, DRAWS))
    return rng.standard_normal((DRAWS, k)) * inflate[:, None], inflate


def _roots(covariance: Array) -> Array:
    """Return lower triangular R with R R' the covariance (g, k, k), which may be singular.

    Cholesky's. Unlike eigenvectors, whose signs and order turn on the last digit, it moves with the
    covariance: draws are the same on every machine, of one series or of many together.
    """
    rest, root = covariance.copy(), np.zeros_like(covariance)
    for i in range(covariance.shape[1]):
        pivot = np.sqrt(np.maximum(rest[:, i, i], 0.0))
        known = pivot > 1e-7 * np.sqrt(covariance[:, i, i])
        column = (
            rest[:, i:, i] * np.divide(1.0, pivot, out=np.zeros_like(pivot), where=known)[:, None]
        )
        root[:, i:, i] = column
        rest[:, i:, i:] -= column[:, :, None] * column[:, None, :]
    return root
