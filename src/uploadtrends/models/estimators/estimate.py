"""What an estimator hands back: a distribution of the coefficients, and the residuals."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.mixture import (
    mixture_interval,
    mixture_joint,
    mixture_moments,
    t_quantile,
    together,
)

DRAWS = 8000


class Contrast(NamedTuple):
    """Linear combinations of the coefficients, one entry each. Shape (c,) throughout, or (m, c) of
    several series."""

    estimate: Array
    se: Array
    low: Array
    high: Array
    p: Array
    minimum_detectable: Array
    """Smallest true value found with 80% power by the two-sided test at this width."""

    @classmethod
    def of(
        cls, confidence: float, weights: Array, centres: Array, scales: Array, df: float
    ) -> Contrast:
        """Return what mixtures with their components along the last axis say."""
        estimate, se = mixture_moments(weights, centres, scales)
        low, high, p = mixture_interval(confidence, weights, centres, scales, df)
        reach = 1 + t_quantile(0.8, df) / t_quantile((1 + confidence) / 2, df)
        return cls(estimate, se, low, high, p, reach * (high - low) / 2)


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
        return Contrast.of(confidence, self.weights[None, :], centres, scales, self.df)

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
        hit = np.flatnonzero(counts)
        roots = _roots(self.covariance[hit]).transpose(0, 2, 1)
        maps = np.concatenate([roots, self.coefficients[hit, None]], axis=1)
        values = np.empty((DRAWS, k))
        ends = np.cumsum(counts[hit]).tolist()
        for start, end, one in zip([0, *ends], ends, maps, strict=False):
            np.matmul(noise[start:end], one, out=values[start:end])
        return values, self.sigma[component] * inflate

    def to_dict(self) -> dict[str, Any]:
        """Return the named numbers that are not coefficients."""
        return {**{f"phi_{name}": value for name, value in self.phi.items()}, **self.extra}


def alike(keys: Iterable[Hashable]) -> list[list[int]]:
    """Return the places of equal keys, in the order in which they come first."""
    found: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        found.setdefault(key, []).append(i)
    return list(found.values())


def contrasts(
    estimates: Sequence[Estimate], lines: Sequence[Array], confidence: float = 0.95
) -> Contrast:
    """Return `Estimate.contrast` of several series (m, c), each with as many lines (c, k)."""
    found = np.empty((len(Contrast._fields), len(estimates), len(lines[0])))
    for places in alike((one.df, one.weights.size == 1) for one in estimates):
        mixtures = together(
            [(estimates[i].weights, *estimates[i].components(lines[i])) for i in places]
        )
        found[:, places] = Contrast.of(confidence, *mixtures, estimates[places[0]].df)
    return Contrast(*found)


def joint_p(estimates: Sequence[Estimate], members: Sequence[int]) -> Array:
    """Return p (m,) of the test that these coefficients are zero together, in each series."""
    found = np.empty(len(estimates))
    for places in alike(one.df for one in estimates):
        some = [estimates[i] for i in places]
        values = np.concatenate([one.coefficients[:, None, members] for one in some])
        spread = np.concatenate([one.covariance[:, None][..., members, :] for one in some])
        weights = np.concatenate([one.weights[:, None] for one in some])
        _, p = mixture_joint(weights, values, spread[..., members], some[0].df)
        starts = np.cumsum([0, *(one.weights.size for one in some)])[:-1]
        found[places] = np.add.reduceat(p, starts)
    return found


@lru_cache(maxsize=16)
def _noise(k: int, df: float) -> tuple[Array, Array]:
    """Return seeded draws of k standard t variates and a one (DRAWS, k + 1), and what inflates
    each of them (DRAWS,)."""
    rng = np.random.default_rng(20220822)
    inflate = np.ones(DRAWS)
    if np.isfinite(df):
        inflate = np.sqrt(df / rng.chisquare(df, DRAWS))
    noise = rng.standard_normal((DRAWS, k)) * inflate[:, None]
    return np.column_stack([noise, np.ones(DRAWS)]), inflate


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
