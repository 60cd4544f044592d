"""Restricted likelihood of a regression with AR(1) errors, the autocorrelation integrated out.

Given phi everything is closed form (Harville 1974): with d the distance in periods to the row
before and r = phi**d, the rows are whitened by u_1 = z_1, u_i = (z_i - r_i z_(i-1)) /
sqrt(1 - r_i**2), so a gap in the calendar costs nothing but its row. The restricted likelihood
over a grid of phi, times the arcsine prior (Berger & Yang 1994), weights t distributions with
n - k degrees of freedom; the ends of an interval are quantiles of that mixture. Plugging in the
best phi instead ignores that phi is estimated and covers too seldom in short series.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.estimate import alike
from uploadtrends.models.estimators.mixture import mixture_interval, mixture_moments
from uploadtrends.models.estimators.whitened import whitened

PHI_GRID: Array = np.round(np.arange(-0.97, 0.9901, 0.02), 2)
"""Midpoints of the cells over which phi is integrated."""

PRIORS = {"arcsine": -0.5, "uniform": 0.0}
"""Exponent of 1 - phi**2 in the prior. Arcsine (Berger & Yang 1994) is the default: it holds its
coverage up to phi = .9. Uniform gives shorter intervals of slopes in short series and covers
less above phi = .7; validation/its_coverage.py compares them."""

CARRIED = 1e-7
"""Components with less than this share of the weight (the largest, of one series; 1 of many) are
left out of a mixture."""

NEAR_UNIT_ROOT = 0.94
"""Posterior weight above this phi is reported: there a step and a wandering level look alike."""


def near_unit_root_note(near: float) -> str:
    """Say what a posterior weight near the unit root means for the intervals."""
    return (
        f"autocorrelation near 1 (posterior weight {near:.2f} above {NEAR_UNIT_ROOT}): a level "
        "change and a wandering level look alike, and intervals of the slope and of late effects "
        "cover less than they say"
    )


@dataclass(frozen=True)
class Conditional:
    """The fit of each series given each phi. Axes: series (m), grid (g), coefficients (k)."""

    phi: Array
    """(g,)"""
    log_likelihood: Array
    """(m, g), restricted, including its constants."""
    rotated: Array
    """(m, g, k) coefficients of the orthonormal design."""
    inverse: Array
    """(m or 1, g, k, k) of its whitened cross products."""
    back: Array
    """(m or 1, k, k) from the orthonormal design to the given one."""
    variance: Array
    """(m, g), marginal variance of the errors."""
    df: int
    noiseless: Array
    """(m,) whether the design fits the series to rounding, so that nothing is known of chance."""
    prior: str = "arcsine"

    @cached_property
    def coefficients(self) -> Array:
        """(m, g, k)"""
        return np.asarray(self.rotated @ np.swapaxes(self.back, 1, 2))

    @cached_property
    def covariance(self) -> Array:
        """(m or 1, g, k, k), to be multiplied by `variance`."""
        back = self.back[:, None]
        return np.asarray(back @ self.inverse @ np.swapaxes(back, 2, 3))

    @cached_property
    def weights(self) -> Array:
        """(m, g): posterior weight of each phi."""
        logs = self.log_likelihood + PRIORS[self.prior] * np.log1p(-(self.phi**2))
        logs = np.exp(logs - np.max(logs, axis=1, keepdims=True))
        return np.asarray(logs / np.sum(logs, axis=1, keepdims=True))


@dataclass(frozen=True)
class BatchFit:
    """What `fit_batch` returns. Axes: series (m), contrasts (c)."""

    estimate: Array
    se: Array
    low: Array
    high: Array
    p: Array
    phi: Array
    """(m,) posterior mean of the autocorrelation."""
    near_unit_root: Array
    """(m,) posterior weight of phi above `NEAR_UNIT_ROOT`."""
    df: int


def conditional(
    outcomes: Array,
    design: Array,
    positions: Array | None = None,
    phi: Array = PHI_GRID,
    prior: str = "arcsine",
) -> Conditional:
    """Fit every series at every phi.

    Parameters
    ----------
    outcomes : array (m, n)
        One series a row, without missing values (drop the rows and give `positions`).
    design : array (n, k) or (m, n, k)
        Shared by all series, or one for each. Full column rank.
    positions : array (n,), optional
        Calendar position of each row in whole periods, increasing; 0, 1, 2, ... by default.
    phi : array (g,)
        Autocorrelations in (-1, 1).
    prior : {"arcsine", "uniform"}
    """
    outcomes = np.atleast_2d(np.asarray(outcomes, dtype=float))
    design = np.ascontiguousarray(design, dtype=float)
    n, k = design.shape[-2:]
    distance = np.ones(n - 1) if positions is None else np.diff(np.asarray(positions, dtype=float))
    known = whitened(design, distance, phi)
    shared = known.orthonormal.shape[0] == 1
    # Not `@`, whose last digits depend on how many series there are: draws of effects would, too.
    first = np.einsum("snk,mn->mk" if shared else "mnk,mn->mk", known.orthonormal, outcomes)
    residuals = outcomes - np.einsum(
        "snk,mk->mn" if shared else "mnk,mk->mn", known.orthonormal, first
    )
    b, rss = known.cross_products(residuals)
    theta = (
        (known.inverse[0] @ b.transpose(1, 2, 0)).transpose(2, 0, 1)
        if shared
        else np.einsum("mgij,mgj->mgi", known.inverse, b)
    )
    noiseless = (residuals**2).sum(axis=1) <= 1e-22 * (outcomes**2).sum(axis=1)
    rss = np.maximum(rss - np.einsum("mgk,mgk->mg", theta, b), 1e-290)
    df = n - k
    variance = rss / df
    log_likelihood = -0.5 * (
        df * (np.log(2 * np.pi) + np.log(variance) + 1) + known.log_determinant
    )
    rotated = theta + first[:, None, :]
    return Conditional(
        phi, log_likelihood, rotated, known.inverse, known.back, variance, df, noiseless, prior
    )


def contrast_components(fit: Conditional, contrasts: Array) -> tuple[Array, Array]:
    """Return centre and scale (m, c, g) of each contrast given each phi."""
    contrasts = np.asarray(contrasts, dtype=float)
    if contrasts.ndim == 2:
        contrasts = contrasts[None]
    rotated = contrasts @ fit.back
    centres = np.swapaxes(fit.rotated @ np.swapaxes(rotated, 1, 2), 1, 2)
    half = np.einsum("mck,mgkl->mgcl", *_together(rotated, fit.inverse))
    unit = np.einsum("mgcl,mcl->mcg", *_together(half, rotated))
    scales = np.sqrt(np.maximum(unit, 0.0) * fit.variance[:, None, :])
    return centres, np.maximum(scales, np.finfo(float).tiny)


def _together(one: Array, other: Array) -> tuple[Array, Array]:
    """Broadcast the leading axis of two arrays."""
    m = max(one.shape[0], other.shape[0])
    return (
        np.broadcast_to(one, (m, *one.shape[1:])),
        np.broadcast_to(other, (m, *other.shape[1:])),
    )


def fit_batch(
    outcomes: Array,
    design: Array,
    contrasts: Array,
    *,
    positions: Array | None = None,
    confidence: float = 0.95,
    prior: str = "arcsine",
    chunk: int = 128,
) -> BatchFit:
    """Fit many series (or many designs) at once and return intervals of contrasts.

    Parameters
    ----------
    outcomes : array (m, n) or (n,)
        One series a row; a single series is used with every design.
    design : array (n, k) or (m, n, k)
        One design for all series (fastest), or one for each.
    contrasts : array (c, k) or (m, c, k)
        Linear combinations of the coefficients.
    positions : array (n,), optional
        Calendar position of the rows (for gaps).
    confidence : float
        Of the two-sided intervals.
    prior : {"arcsine", "uniform"}
        Of the autocorrelation.
    chunk : int
        Series treated at a time; bounds the memory.

    Returns
    -------
    BatchFit
        Arrays (m, c). The same numbers as `interrupted_time_series(method="reml-ar1")` gives;
        NaN for a series that the design fits without any noise.
    """

    def fitted(outcomes: Array, design: Array, contrasts: Array) -> Intervals:
        fit = conditional(outcomes, design, positions, prior=prior)
        found = fit.weights, *contrast_components(fit, contrasts), fit.noiseless
        return intervals(confidence, found, fit.df, fit.phi, fit.phi > NEAR_UNIT_ROOT)

    return in_pieces(fitted, outcomes, design, contrasts, chunk)


Intervals = tuple[Array, ...]
"""The fields of `BatchFit` but for the last."""


def in_pieces(
    fitted: Callable[[Array, Array, Array], Intervals],
    outcomes: Array,
    design: Array,
    contrasts: Array,
    chunk: int,
) -> BatchFit:
    """Fit `chunk` series at a time (outcomes, design or designs, contrasts); arguments as those of
    `fit_batch`. Series of equal designs are fitted together."""
    outcomes = np.atleast_2d(np.asarray(outcomes, dtype=float))
    design, contrasts = np.asarray(design, dtype=float), np.asarray(contrasts, dtype=float)
    m, n = max(outcomes.shape[0], design.shape[0] if design.ndim == 3 else 1), outcomes.shape[1]
    outcomes = np.broadcast_to(outcomes, (m, n))
    if groups := equal_designs(design, contrasts):
        every = [
            in_pieces(fitted, outcomes[rows], design[rows[0]], contrasts, chunk) for rows in groups
        ]
        return put_together(every, groups)
    pieces = []
    for part in (slice(start, start + chunk) for start in range(0, m, chunk)):
        own = (each[part] if each.ndim == 3 else each for each in (design, contrasts))
        pieces.append(fitted(outcomes[part], *own))
    estimate, se, low, high, p, phi, near = map(np.concatenate, zip(*pieces, strict=True))
    return BatchFit(estimate, se, low, high, p, phi, near, df=n - design.shape[-1])


def equal_designs(design: Array, contrasts: Array) -> list[Array]:
    """Return the places of equal designs among many (m, n, k), where there are few different ones.

    Series of one design are fitted together; an empty list says that it is not worth while.
    """
    if design.ndim != 3 or contrasts.ndim == 3 or len(design) < _WORTH_GROUPING:
        return []
    places = alike(one.tobytes() for one in design)
    return [np.array(rows) for rows in places] if 4 * len(places) <= len(design) else []


_WORTH_GROUPING = 8


def put_together(parts: list[BatchFit], groups: list[Array]) -> BatchFit:
    """Return one batch from those of its groups, every series in its place."""
    order = np.argsort(np.concatenate(groups))
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])[order]
        for field in fields(BatchFit)
        if field.name != "df"
    }
    return BatchFit(**joined, df=parts[0].df)


def intervals(
    confidence: float, found: tuple[Array, ...], df: int, phi: Array, near: Array
) -> Intervals:
    """Return what `BatchFit` says of mixtures over autocorrelations `phi` (g,), some of which are
    `near` a unit root: weights (m, g), centres and scales (m, c, g), and who is noiseless (m,)."""
    weights, centres, scales, noiseless = found
    # Components without weight in any series cost time and add nothing.
    carried = weights.max(axis=0) > CARRIED
    spread, centres, scales = (
        part[..., carried] for part in (weights[:, None, :], centres, scales)
    )
    estimate, se = mixture_moments(spread, centres, scales)
    low, high, p = mixture_interval(confidence, spread, centres, scales, df)
    for unknown in (se, low, high, p):
        unknown[noiseless] = np.nan
    return estimate, se, low, high, p, weights @ phi, weights[:, near].sum(axis=1)


def maximum(outcome: Array, design: Array, positions: Array | None = None) -> Conditional:
    """Return the fit at the phi with the greatest restricted likelihood (R: nlme::gls, REML).

    The grid is zoomed in on four times, each time to a twentieth of its step.
    """
    phi, step = PHI_GRID, 0.02
    for _ in range(5):
        fit = conditional(outcome, design, positions, phi)
        best = float(phi[int(np.argmax(fit.log_likelihood[0]))])
        phi = np.clip(best + step * np.linspace(-1, 1, 41), -0.99999, 0.99999)
        step /= 20
    return conditional(outcome, design, positions, np.array([best]))
