"""Counts with a latent AR(1) process, its parameters integrated out (`count-ar1`).

The model is Zeger's (1988): given a latent stationary AR(1) process the counts are Poisson, so that
the working residual z = (y - mu) / mu has variance s2 (D + tau**2 R(phi)) with D = 1 / mu. A Kalman
filter over the columns of [X, z] gives the restricted likelihood for every (phi, tau) of a grid at
once, and s2 enters in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.counts import ONLY_ZEROS, of_no_counts
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.kalman import filtered_products
from uploadtrends.models.estimators.linear import whiten
from uploadtrends.models.estimators.mixture import mixture_interval, mixture_moments
from uploadtrends.models.estimators.reml import BatchFit
from uploadtrends.models.settings import Settings

PHI_GRID: Array = np.round(np.arange(-0.93, 0.9101, 0.08), 2)
TAU_SHAPE: Array = 2.5 * ((np.arange(1, 16) - 0.5) / 15) ** 1.5
SCALE_GRID: Array = 1.5 ** np.arange(7)
LEAST_RATE = 1e-6
"""A fitted mean below this is on its way to zero: a segment of zeros."""
LEAST_MEAN = 0.25
"""Means below this are not allowed to make a count look less noisy than it is."""


@dataclass(frozen=True)
class LatentFit:
    """Fits of m series at every (phi, tau, s2), flattened to g components."""

    converged: np.ndarray
    """(m,) whether Poisson regression converged; a segment of zeros makes it diverge."""
    start: Array
    """(m, k) Poisson coefficients."""
    mean: Array
    """(m, n) Poisson means."""
    weights: Array
    """(m, g)"""
    shifts: Array
    """(m, phi x tau, k) what the latent process adds to the coefficients."""
    covariance: Array
    """(m, phi x tau, k, k), to be multiplied by s2."""
    tau: Array
    """(m, 15)"""


def poisson_means(
    counts: Array, design: Array, offset: Array, iterations: int = 60
) -> tuple[Array, Array, np.ndarray]:
    """Fit Poisson regressions by reweighted least squares.

    Parameters
    ----------
    counts : array (m, n)
    design : array (m, n, k)
    offset : array (n,)

    Returns
    -------
    coefficients (m, k), means (m, n), converged (m,)
    """
    mean = counts + 0.5
    predictor = np.log(mean)
    beta = np.zeros((counts.shape[0], design.shape[2]))
    settled = np.zeros(counts.shape[0], dtype=bool)
    for _ in range(iterations):
        response = predictor - offset + (counts - mean) / mean
        weighted = design * mean[..., None]
        gram = np.einsum("mnk,mnl->mkl", weighted, design)
        right = np.einsum("mnk,mn->mk", weighted, response)
        scale = np.sqrt(np.einsum("mkk->mk", gram))
        gram = gram / (scale[:, :, None] * scale[:, None, :])
        new = np.linalg.solve(gram + 1e-13 * np.eye(gram.shape[1]), (right / scale)[..., None])
        new = new[..., 0] / scale
        predictor = np.clip(np.einsum("mnk,mk->mn", design, new) + offset, -30, 30)
        mean = np.exp(predictor)
        moved = np.abs(np.einsum("mnk,mk->mn", design, new - beta)).max(axis=1)
        beta = new
        settled = moved < 1e-8
        if settled.all():
            break
    # A rate that runs to zero stops moving in double precision before it stops falling.
    return beta, mean, settled & (mean.min(axis=1) > LEAST_RATE)


def latent_components(
    counts: Array, design: Array, positions: Array, offset: Array | None = None
) -> LatentFit:
    """Fit every series at every point of the grid.

    Parameters
    ----------
    counts : array (m, n)
    design : array (n, k) or (m, n, k)
    positions : array (n,)
        Calendar positions, so that gaps weaken the correlation.
    offset : array (n,), optional
    """
    m, n = counts.shape
    design = np.broadcast_to(design, (m, *design.shape[-2:]))
    k = design.shape[2]
    offset = np.zeros(n) if offset is None else offset
    beta, mean, converged = poisson_means(counts, design, offset)
    z = (counts - mean) / mean
    noise = 1 / np.maximum(mean, LEAST_MEAN)
    orthonormal, triangle = np.linalg.qr(design)
    projected = z - np.einsum("mnk,mk->mn", orthonormal, np.einsum("mnk,mn->mk", orthonormal, z))
    spread = np.sqrt((projected**2).sum(axis=1) / max(n - k, 1))
    tau = np.maximum(spread, 1e-6)[:, None] * TAU_SHAPE

    phi = np.repeat(PHI_GRID, TAU_SHAPE.size)
    variance = np.tile(tau**2, (1, PHI_GRID.size))  # (m, phi x tau)
    columns = np.concatenate([orthonormal, z[..., None]], axis=2)
    products, log_determinant = filtered_products(columns, noise, phi, variance, positions)
    a, b, rss = products[..., :k, :k], products[..., :k, k], products[..., k, k]
    inverse = np.linalg.inv(a)
    theta = np.einsum("mgkl,mgl->mgk", inverse, b)
    rss = np.maximum(rss - np.einsum("mgk,mgk->mg", theta, b), 0.0)
    log_a = np.linalg.slogdet(a)[1]
    spacing = np.log(np.tile(np.gradient(TAU_SHAPE), PHI_GRID.size))
    fixed = -0.5 * (log_determinant + log_a) + np.log1p(phi) + spacing
    logs = (
        fixed[..., None] - 0.5 * rss[..., None] / SCALE_GRID - 0.5 * (n - k) * np.log(SCALE_GRID)
    ).reshape(m, -1)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    back = np.linalg.inv(triangle)
    return LatentFit(
        converged=converged,
        start=beta,
        mean=mean,
        weights=weights,
        shifts=np.einsum("mkl,mgl->mgk", back, theta),
        covariance=np.einsum("mij,mgjl,mkl->mgik", back, inverse, back, optimize=True),
        tau=tau,
    )


def fit_count_ar1(
    y: Array, x: Array, positions: Array, offset: Array, settings: Settings
) -> Estimate:
    """Fit counts with a latent AR(1) process; intervals from the normal mixture over the grid.

    Raises
    ------
    NotEstimableError
        If Poisson regression diverges (a segment of the design holds only zeros).
    """
    fit = latent_components(y[None], x, positions, offset)
    if not fit.converged[0]:
        raise NotEstimableError(
            "the values are far below 1: these are no counts, measure in a smaller unit"
            if 0 < y.max() < LEAST_MEAN
            else ONLY_ZEROS
        )
    scales = SCALE_GRID.size
    weights = fit.weights[0]
    keep = weights > 1e-7 * weights.max()
    cell = np.flatnonzero(keep) // scales
    s2 = np.tile(SCALE_GRID, fit.shifts.shape[1])[keep]
    weights = weights[keep] / weights[keep].sum()
    phi = np.repeat(PHI_GRID, TAU_SHAPE.size)[cell]
    tau2 = np.tile(fit.tau[0] ** 2, PHI_GRID.size)[cell]
    coefficients = fit.start[0] + fit.shifts[0][cell]
    beta = weights @ coefficients
    mean = np.exp(x @ beta + offset)
    raw = (y - mean) / mean
    centre = float(weights @ phi)
    dispersion, latent = float(weights @ s2), float(weights @ (s2 * tau2))
    marginal = np.sqrt(dispersion / np.maximum(mean, LEAST_MEAN) + latent)
    carried = latent * mean / (dispersion + latent * mean)
    # Autocorrelation of the standardised counts themselves: the latent one, diluted by noise.
    diluted = centre * float(carried.mean())
    order = np.argsort(phi)
    edges = np.cumsum(weights[order])
    tail = (1 - settings.confidence) / 2
    n, k = x.shape
    return Estimate(
        weights=weights,
        coefficients=coefficients,
        covariance=fit.covariance[0][cell] * s2[:, None, None],
        df=np.inf,
        sigma=np.full(weights.size, np.nan),
        residuals=whiten(raw / marginal, positions, diluted),
        raw_residuals=raw,
        phi={
            "estimate": centre,
            "low": float(np.interp(tail, edges, phi[order])),
            "high": float(np.interp(1 - tail, edges, phi[order])),
        },
        extra={
            "dispersion": dispersion,
            "latent_variance": latent,
            "pearson_dispersion": float(((y - mean) ** 2 / mean).sum() / (n - k)),
        },
        rows=_rows(x, positions, mean, phi=centre, tau2=float(weights @ tau2)),
        notes=(
            *of_no_counts(y),
            *((_SLOW,) if centre > 0.8 else ()),
        ),
    )


_SLOW = "latent autocorrelation above .8: intervals may cover only 90 to 92%"


def _rows(x: Array, positions: Array, mean: Array, *, phi: float, tau2: float) -> Array:
    """Return the coefficients as linear combinations of the working response (k, n).

    At the posterior means of the latent process: its working weights, not averaged over the grid.
    """
    distance = np.abs(np.subtract.outer(positions, positions))
    latent = tau2 * np.sign(phi) ** distance * np.abs(phi) ** distance
    weighted = np.linalg.solve(np.diag(1 / np.maximum(mean, LEAST_MEAN)) + latent, x)
    return np.asarray(np.linalg.solve(x.T @ weighted, weighted.T))


def fit_count_batch(
    counts: Array,
    design: Array,
    contrasts: Array,
    *,
    positions: Array | None = None,
    offset: Array | None = None,
    confidence: float = 0.95,
    chunk: int = 16,
) -> BatchFit:
    """Fit many count series (or designs) at once; arguments and result as `reml.fit_batch`.

    A series whose Poisson regression diverges gets NaN throughout. ``df`` is 0: the quantiles
    are normal.
    """
    counts = np.atleast_2d(np.asarray(counts, dtype=float))
    design = np.asarray(design, dtype=float)
    m = max(counts.shape[0], design.shape[0] if design.ndim == 3 else 1)
    counts = np.broadcast_to(counts, (m, counts.shape[1]))
    positions = np.arange(counts.shape[1], dtype=float) if positions is None else positions
    pieces: list[tuple[Array, ...]] = []
    for first in range(0, m, chunk):
        part = slice(first, first + chunk)
        own = design[part] if design.ndim == 3 else design
        fit = latent_components(counts[part], own, positions, offset)
        rows = np.broadcast_to(contrasts, (fit.start.shape[0], *contrasts.shape[-2:]))
        centres = np.einsum("mck,mgk->mcg", rows, fit.start[:, None] + fit.shifts)
        unit = np.einsum("mck,mgkl,mcl->mcg", rows, fit.covariance, rows, optimize=True)
        centres = np.repeat(centres, SCALE_GRID.size, axis=2)
        spread = np.sqrt((unit[..., None] * SCALE_GRID).reshape(centres.shape))
        weights = fit.weights[:, None, :]
        estimate, se = mixture_moments(weights, centres, spread)
        low, high, p = mixture_interval(confidence, weights, centres, spread, np.inf)
        phi = fit.weights @ np.repeat(PHI_GRID, TAU_SHAPE.size * SCALE_GRID.size)
        failed = ~fit.converged
        for array in (estimate, se, low, high, p):
            array[failed] = np.nan
        pieces.append((estimate, se, low, high, p, phi, np.zeros(phi.size)))
    estimate, se, low, high, p, phi, near = map(np.concatenate, zip(*pieces, strict=True))
    return BatchFit(estimate, se, low, high, p, phi, near, df=0)
