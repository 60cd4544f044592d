"""Estimators for Gaussian series: integrated REML-AR1, OLS with Newey-West, Prais-Winsten."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.models.estimators import reml
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.families import solve_markov
from uploadtrends.models.estimators.whitened import LONG
from uploadtrends.models.settings import Settings

UNIT_ROOT_WARNING = 0.2
"""Posterior weight of phi above `reml.NEAR_UNIT_ROOT` from which a note is written."""


def fit_reml(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """REML with AR(1) errors, phi integrated out or (``phi="maximum"``) at its maximum."""
    if settings.phi == "maximum":
        fit = reml.maximum(y, x, positions)
    else:
        fit = reml.conditional(y, x, positions, prior=settings.phi_prior)
    weights = fit.weights[0]
    centre = float(weights @ fit.phi)
    near = float(weights[fit.phi > reml.NEAR_UNIT_ROOT].sum())
    phi = {"estimate": centre}
    notes: tuple[str, ...] = ()
    if settings.phi == "integrate":
        edges = np.cumsum(weights)
        tail = (1 - settings.confidence) / 2
        phi["low"] = float(np.interp(tail, edges, fit.phi))
        phi["high"] = float(np.interp(1 - tail, edges, fit.phi))
        phi["near_unit_root"] = near
        if near > UNIT_ROOT_WARNING:
            notes = (reml.near_unit_root_note(near),)
    elif abs(centre) > reml.NEAR_UNIT_ROOT:
        notes = (f"autocorrelation near 1 (phi {centre:.3f}): do not trust the intervals",)
    covariance = fit.covariance[0] * fit.variance[0][:, None, None]
    beta = weights @ fit.coefficients[0]
    raw = y - x @ beta
    best = int(np.argmax(fit.log_likelihood[0]))
    return Estimate(
        weights=weights,
        coefficients=fit.coefficients[0],
        covariance=covariance,
        df=degrees(settings, fit.df),
        sigma=np.sqrt(fit.variance[0]),
        residuals=whiten(raw, positions, centre) / np.sqrt(weights @ fit.variance[0]),
        raw_residuals=raw,
        phi=phi,
        extra={
            "log_likelihood": float(fit.log_likelihood[0, best]),
            "sigma": float(np.sqrt(weights @ fit.variance[0])),
        },
        rows=linear_rows(x, positions, weights, fit.phi),
        notes=notes,
    )


def linear_rows(x: Array, positions: Array, weights: Array, phi: Array) -> Array:
    """Return the coefficients as linear combinations of the outcome, averaged over phi (k, n)."""
    kept = np.flatnonzero(weights > 1e-4 * weights.max())
    share = weights[kept] / weights[kept].sum()
    x, positions = np.ascontiguousarray(x), np.ascontiguousarray(positions)
    told = x.tobytes(), positions.tobytes(), x.shape
    if x.size <= LONG:
        return np.asarray(np.tensordot(share, _maps(*told, phi.tobytes())[kept], axes=(0, 0)))
    # Those of a long design are neither kept nor held together: they would fill the memory.
    return np.asarray(
        sum(w * _maps.__wrapped__(*told, phi[[i]].tobytes())[0]
            for w, i in zip(share, kept, strict=True))
    )  # fmt: skip


@lru_cache(maxsize=16)
def _maps(design: bytes, places: bytes, shape: tuple[int, int], phi: bytes) -> Array:
    """Return the map (g, k, n) from the outcome to the coefficients at every phi."""
    x, positions, rho = np.frombuffer(design).reshape(shape), *map(np.frombuffer, (places, phi))
    orthonormal, triangle = np.linalg.qr(x)
    weighted, _ = solve_markov(orthonormal, np.diff(positions), rho, np.zeros(rho.size))
    across = weighted.transpose(0, 2, 1)
    return np.asarray(np.linalg.inv(triangle) @ np.linalg.solve(across @ orthonormal, across))


def whiten(rows: Array, positions: Array, phi: float) -> Array:
    """Return u_1 = z_1, u_i = (z_i - r_i z_(i-1)) / sqrt(1 - r_i**2), r_i = phi**d_i; (n, ...)."""
    distance = np.diff(positions)
    r = np.sign(phi) ** distance * np.abs(phi) ** distance
    r = r.reshape(-1, *[1] * (rows.ndim - 1))
    return np.concatenate([rows[:1], (rows[1:] - r * rows[:-1]) / np.sqrt(1 - r**2)])


def least_squares(y: Array, x: Array) -> tuple[Array, Array, Array]:
    """Return coefficients, (X'X)^-1 and residuals."""
    orthonormal, triangle = np.linalg.qr(x)
    inverse = np.linalg.inv(triangle)
    beta = inverse @ (orthonormal.T @ y)
    return beta, inverse @ inverse.T, y - x @ beta


def hac_lags(n: int) -> int:
    """Return the bandwidth floor(4 (n / 100)**(2/9)) of Newey & West (1994)."""
    return int(np.floor(4 * (n / 100) ** (2 / 9)))


def newey_west_covariance(scores: Array, bread: Array, positions: Array, lags: int) -> Array:
    """Return the Bartlett-kernel sandwich with the small-sample factor n / (n - k).

    Newey & West (1987); R: ``sandwich::NeweyWest(prewhite = FALSE, adjust = TRUE)``. Rows are
    paired by their distance in the calendar, so a gap does not bring distant rows together.

    Parameters
    ----------
    scores : array (n, k)
        x_i times the residual.
    bread : array (k, k)
        Inverse of the (weighted) cross products.
    positions : array (n,)
    lags : int
    """
    n, k = scores.shape
    if lags >= n:
        raise InputError(
            f"a bandwidth of {lags} does not fit into {n} periods",
            column="hac_lags",
            value=lags,
            fix=f"leave it out for {hac_lags(n)}, the rule of Newey and West",
        )
    grid = np.zeros((int(positions[-1] - positions[0]) + 1, k))
    grid[(positions - positions[0]).astype(int)] = scores
    meat = grid.T @ grid
    for lag in range(1, lags + 1):
        pairs = grid[lag:].T @ grid[:-lag]
        meat += (1 - lag / (lags + 1)) * (pairs + pairs.T)
    return np.asarray(bread @ meat @ bread * n / (n - k))


def fit_ols_hac(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Ordinary least squares with Newey-West standard errors and n - k degrees of freedom."""
    n, k = x.shape
    lags = hac_lags(n) if settings.hac_lags is None else settings.hac_lags
    beta, inverse, residuals = least_squares(y, x)
    covariance = newey_west_covariance(x * residuals[:, None], inverse, positions, lags)
    sigma = float(np.sqrt(residuals @ residuals / (n - k)))
    return single(
        beta,
        covariance,
        degrees(settings, n - k),
        sigma,
        residuals / sigma,
        residuals,
        extra={"hac_lags": float(lags), "sigma": sigma},
        notes=(
            "Newey-West intervals are too short in series of this length; "
            "use them as a sensitivity analysis",
        )
        if n < 200
        else (),
    )


def fit_prais_winsten(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Prais-Winsten (1954), iterated, the first row kept.

    rho is the sum of e_t e_(t-1) over the sum of e_(t-1)**2 of neighbouring periods. statsmodels
    GLSAR drops the first row and is not this.
    """
    n, k = x.shape
    neighbours = np.flatnonzero(np.diff(positions) == 1)
    if neighbours.size < 3:
        neighbours = np.arange(n - 1)
    rho = 0.0
    beta, _, residuals = least_squares(y, x)
    count = 0
    while count < 500:
        count += 1
        before = residuals[neighbours]
        updated = float(
            np.clip(residuals[neighbours + 1] @ before / (before @ before), -0.99, 0.99)
        )
        settled = abs(updated - rho) < 1e-12
        rho = updated
        # Scaled by sqrt(1 - rho^2): the usual Prais-Winsten rows, whose variance is sigma2.
        factor = np.sqrt(1 - rho**2)
        beta, inverse, white = least_squares(
            factor * whiten(y, positions, rho), factor * whiten(x, positions, rho)
        )
        residuals = y - x @ beta
        if settled:
            break
    variance = float(white @ white / (n - k))
    return single(
        beta,
        inverse * variance,
        degrees(settings, n - k),
        float(np.sqrt(variance / (1 - rho**2))),
        white / np.sqrt(variance),
        residuals,
        phi={"estimate": rho},
        extra={"sigma2": variance, "iterations": float(count)},
        notes=("Prais-Winsten treats the autocorrelation as known: its intervals are too short",),
    )


def single(
    beta: Array,
    covariance: Array,
    df: float,
    sigma: float,
    residuals: Array,
    raw: Array,
    *,
    phi: dict[str, float] | None = None,
    extra: dict[str, float] | None = None,
    notes: tuple[str, ...] = (),
) -> Estimate:
    """Return an estimate with one component."""
    return Estimate(
        weights=np.ones(1),
        coefficients=beta[None],
        covariance=covariance[None],
        df=df,
        sigma=np.array([sigma]),
        residuals=residuals,
        raw_residuals=raw,
        phi=phi or {},
        extra=extra or {},
        notes=notes,
    )


def degrees(settings: Settings, residual: float) -> float:
    """Return the degrees of freedom of the intervals: residual ones, infinite for normal."""
    return np.inf if settings.quantiles == "normal" else float(residual)


def autocorrelation(residuals: Array, lags: int) -> Array:
    """Return the autocorrelations at lags 1 to `lags`."""
    centred = residuals - residuals.mean()
    total = centred @ centred
    return np.array([centred[lag:] @ centred[:-lag] / total for lag in range(1, lags + 1)])
