"""AR(1) errors seen through white noise: the sensitivity analysis for `reml-ar1` from n = 72.

A sum of an AR(1) process and white measurement noise looks less autocorrelated than its slow part
is, which makes pure AR(1) intervals too short. Here the share of the variance that is noise is a
second parameter, and both are integrated out on a grid.
"""

from __future__ import annotations

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.kalman import filtered_products
from uploadtrends.models.estimators.linear import UNIT_ROOT_WARNING, degrees, whiten
from uploadtrends.models.estimators.reml import NEAR_UNIT_ROOT, near_unit_root_note
from uploadtrends.models.settings import Settings

PHI_GRID: Array = np.round(np.arange(-0.45, 0.9801, 0.06), 2)
NOISE_SHARES: Array = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
LEAST_POINTS = 72
"""Below this the two parameters can hardly be told apart."""


def fit_ar1_plus_noise(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Regress with errors AR(1) + white noise, both parameters integrated out.

    Prior: arcsine in phi as in `reml`, uniform in the share of noise.
    """
    n, k = x.shape
    orthonormal, triangle = np.linalg.qr(x)
    first = orthonormal.T @ y
    left = y - orthonormal @ first
    phi = np.repeat(PHI_GRID, NOISE_SHARES.size)
    share = np.tile(NOISE_SHARES, PHI_GRID.size)
    products, log_determinant = [], []
    columns = np.column_stack([orthonormal, left])[None]
    for noise in NOISE_SHARES:
        found, determinant = filtered_products(
            columns,
            np.full((1, n), noise),
            PHI_GRID,
            np.full((1, PHI_GRID.size), 1 - noise),
            positions,
        )
        products.append(found[0])
        log_determinant.append(determinant[0])
    z = np.stack(products, axis=1).reshape(-1, k + 1, k + 1)
    log_v = np.stack(log_determinant, axis=1).reshape(-1)
    a, b = z[:, :k, :k], z[:, :k, k]
    inverse = np.linalg.inv(a)
    theta = np.einsum("gkl,gl->gk", inverse, b)
    rss = np.maximum(z[:, k, k] - np.einsum("gk,gk->g", theta, b), np.finfo(float).tiny)
    log_likelihood = -0.5 * ((n - k) * np.log(rss) + log_v + np.linalg.slogdet(a)[1])
    logs = log_likelihood - 0.5 * np.log1p(-(phi**2))
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    variance = rss / (n - k)
    back = np.linalg.inv(triangle)
    coefficients = (theta + first) @ back.T
    covariance = np.einsum("ij,gjl,kl->gik", back, inverse, back, optimize=True)
    raw = y - x @ (weights @ coefficients)
    centre = float(weights @ phi)
    near = float(weights[phi > NEAR_UNIT_ROOT].sum())
    # The correlation at distance one of the sum, by which residuals are whitened.
    seen = float(weights @ (phi * (1 - share)))
    return Estimate(
        weights=weights,
        coefficients=coefficients,
        covariance=covariance * variance[:, None, None],
        df=degrees(settings, n - k),
        sigma=np.sqrt(variance),
        residuals=whiten(raw, positions, seen) / np.sqrt(weights @ variance),
        raw_residuals=raw,
        phi={"estimate": centre, "near_unit_root": near},
        extra={
            "noise_share": float(weights @ share),
            "sigma": float(np.sqrt(weights @ variance)),
        },
        notes=(near_unit_root_note(near),) if near > UNIT_ROOT_WARNING else (),
    )
