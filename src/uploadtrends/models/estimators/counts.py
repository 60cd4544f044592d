"""Generalised linear models for counts: Poisson, quasi-Poisson, negative binomial."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.linear import hac_lags, newey_west_covariance
from uploadtrends.models.settings import Settings

_SHORT = "its intervals take the counts as independent in time and are too short if they are not"
MAX_THETA = 1e7
ONLY_ZEROS = "a stretch of the series holds only zeros, so no rate can be fitted"


def fit_poisson(
    y: Array, x: Array, positions: Array, offset: Array, settings: Settings
) -> Estimate:
    """Poisson regression (R: ``glm(family = poisson)``); normal quantiles."""
    fit = _glm(y, x, offset, None)
    return _estimate(fit, y, x, positions, settings, 1.0, np.inf, note=f"Poisson: {_SHORT}")


def fit_quasi_poisson(
    y: Array, x: Array, positions: Array, offset: Array, settings: Settings
) -> Estimate:
    """Quasi-Poisson regression (R: ``family = quasipoisson``); t quantiles on n - k."""
    fit = _glm(y, x, offset, None)
    dispersion = float(fit.pearson_chi2 / fit.df_resid)
    return _estimate(
        fit,
        y,
        x,
        positions,
        settings,
        dispersion,
        float(fit.df_resid),
        extra={"dispersion": dispersion},
        note=f"quasi-Poisson: {_SHORT}",
    )


def fit_negative_binomial(
    y: Array, x: Array, positions: Array, offset: Array, settings: Settings
) -> Estimate:
    """Negative binomial regression with theta by maximum likelihood (R: ``MASS::glm.nb``).

    Alternates between the coefficients given theta and theta given the means (Venables & Ripley
    2002); standard errors take theta as known, as there.
    """
    mean = _glm(y, x, offset, None).fittedvalues
    theta, fit = np.inf, None
    for _ in range(100):
        updated = _theta(y, mean)
        fit = _glm(y, x, offset, updated)
        mean = fit.fittedvalues
        settled = abs(np.log(updated / theta)) < 1e-10 if np.isfinite(theta) else False
        theta = updated
        if settled or theta >= MAX_THETA:
            break
    notes = f"negative binomial: {_SHORT}"
    if theta >= MAX_THETA:
        notes += "; no overdispersion, so this is Poisson regression"
    return _estimate(
        fit,
        y,
        x,
        positions,
        settings,
        1.0,
        np.inf,
        extra={
            "theta": theta,
            "theta_se": float(1 / np.sqrt(_information(y, mean, theta))),
            "latent_variance": 1 / theta,
        },
        weights=mean / (1 + mean / theta),
        note=notes,
    )


def _glm(y: Array, x: Array, offset: Array, theta: float | None) -> Any:
    import warnings

    import statsmodels.api as sm

    family = (
        sm.families.Poisson() if theta is None else sm.families.NegativeBinomial(alpha=1 / theta)
    )
    with warnings.catch_warnings():
        # Divergence is caught below, with a sentence instead of a warning.
        warnings.simplefilter("ignore")
        try:
            model = sm.GLM(y, x, family=family, offset=offset)
            fit = model.fit(tol=1e-12, maxiter=200)
            if not fit.converged:  # deviances of large counts are rounded to more than that
                fit = model.fit(tol_criterion="params", tol=1e-12, rtol=1e-9, maxiter=200)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise NotEstimableError(f"the regression could not be fitted ({error})") from error
    predictor = x @ fit.params
    if (
        not fit.converged
        or not np.isfinite(predictor).all()
        or (fit.fittedvalues < 1e-7 * min(1.0, y.mean())).any()
    ):
        raise NotEstimableError(ONLY_ZEROS)
    return fit


def _theta(y: Array, mean: Array) -> float:
    def score(log_theta: float) -> float:
        theta = np.exp(log_theta)
        return float(
            np.sum(
                special.digamma(theta + y)
                - special.digamma(theta)
                + np.log(theta / (theta + mean))
                + (mean - y) / (theta + mean)
            )
        )

    low, high = np.log(1e-4), np.log(MAX_THETA)
    if score(high) >= 0:
        return MAX_THETA
    return float(np.exp(scipy.optimize.brentq(score, low, high, xtol=1e-13)))


def _information(y: Array, mean: Array, theta: float) -> float:
    """Observed information of theta (MASS::theta.ml)."""
    return float(
        np.sum(
            -special.polygamma(1, theta + y)
            + special.polygamma(1, theta)
            - 1 / theta
            + 2 / (mean + theta)
            - (y + theta) / (mean + theta) ** 2
        )
    )


def _estimate(
    fit: Any,
    y: Array,
    x: Array,
    positions: Array,
    settings: Settings,
    dispersion: float,
    df: float,
    *,
    extra: dict[str, float] | None = None,
    weights: Array | None = None,
    note: str,
) -> Estimate:
    n, k = x.shape
    mean = np.asarray(fit.fittedvalues)
    weights = mean if weights is None else weights
    bread = np.linalg.inv(x.T @ (x * weights[:, None]))
    if settings.covariance == "hac":
        lags = hac_lags(n) if settings.hac_lags is None else settings.hac_lags
        scores = x * ((y - mean) * weights / mean)[:, None]
        covariance = newey_west_covariance(scores, bread, positions, lags)
        df = float(n - k)
        note = "Newey-West standard errors are too small in series of this length"
    else:
        covariance = bread * dispersion
    if settings.quantiles != "auto":
        df = np.inf if settings.quantiles == "normal" else float(n - k)
    variance = dispersion * mean**2 / weights
    pearson = (y - mean) / np.sqrt(mean**2 / weights)
    return Estimate(
        weights=np.ones(1),
        coefficients=np.asarray(fit.params)[None],
        covariance=covariance[None],
        df=df,
        sigma=np.array([np.nan]),
        residuals=(y - mean) / np.sqrt(variance),
        raw_residuals=(y - mean) / mean,
        extra={
            "pearson_dispersion": float(pearson @ pearson / (n - k)),
            "deviance": float(fit.deviance),
            "log_likelihood": float(fit.llf),
            **(extra or {}),
        },
        notes=(note, *(() if dispersion != 1.0 else of_no_counts(y))),
    )


def of_no_counts(y: Array) -> tuple[str, ...]:
    """Say of values that are no counts what a model of counts makes of them."""
    if not (y % 1).any():
        return ()
    return (
        "the values are no whole numbers: errors as those of counts change with their unit, those "
        "of quasi-poisson and of the log scale do not",
    )
