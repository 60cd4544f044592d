"""Regression with ARMA errors by exact maximum likelihood (statsmodels SARIMAX), multi-start."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from uploadtrends.errors import NotEstimableError
from uploadtrends.models.diagnostics import autocorrelation
from uploadtrends.models.estimate import Estimate
from uploadtrends.models.linear import least_squares
from uploadtrends.models.mixture import Array
from uploadtrends.models.settings import Settings

AGREEMENT = 1e-3
"""Starts agree when their log-likelihoods differ by less than this."""


def fit_arma(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Regress with ARMA(p, q) errors (R: ``arima(order = c(p, 0, q), xreg = ...)``).

    The likelihood is maximised from several starts on orthonormal regressors; a fit whose best
    value is not reached from at least two of them is refused. Gaps in the calendar are missing
    values of the filter. Intervals use normal quantiles, as R's do.

    Raises
    ------
    NotEstimableError
        If the starts disagree or the information matrix is singular.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    p, q = settings.arma_order
    n, k = x.shape
    orthonormal, triangle = np.linalg.qr(x)
    beta, _, residuals = least_squares(y, orthonormal)
    unit = float(residuals.std())
    # Rows on the whole calendar: a missing period is NaN in the outcome, zero in the regressors.
    places = (positions - positions[0]).astype(int)
    outcome = np.full(places[-1] + 1, np.nan)
    outcome[places] = residuals / unit
    regressors = np.zeros((places[-1] + 1, k))
    regressors[places] = orthonormal
    model = SARIMAX(outcome, exog=regressors, order=(p, 0, q), concentrate_scale=True)
    fits: list[Any] = []
    first = float(np.clip(autocorrelation(residuals, 1)[0], -0.9, 0.9))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in (first, 0.0, 0.5, -0.4):
            arma = np.zeros(p + q)
            if arma.size:
                arma[0] = start
            try:
                fits.append(
                    model.fit(
                        start_params=np.concatenate([np.zeros(k), arma]),
                        method="lbfgs",
                        maxiter=500,
                        pgtol=1e-10,
                        factr=10.0,
                        disp=False,
                        cov_type="none",
                    )
                )
            except (ValueError, np.linalg.LinAlgError):
                continue
    if not fits:
        raise NotEstimableError("no start of the ARMA likelihood converged")
    best = max(fits, key=lambda fit: float(fit.llf))
    reached = sum(float(best.llf) - float(fit.llf) < AGREEMENT for fit in fits)
    if reached < 2:
        raise NotEstimableError(
            f"the ARMA({p},{q}) likelihood has several optima: {len(fits)} starts, "
            f"{reached} reached the best; use fewer parameters or method reml-ar1"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full = model.smooth(best.params, cov_type="approx")
        covariance = np.asarray(full.cov_params())[:k, :k] * unit**2
    if not np.isfinite(covariance).all() or (np.diag(covariance) <= 0).any():
        raise NotEstimableError(f"the information matrix of ARMA({p},{q}) is singular")
    back = np.linalg.inv(triangle)
    coefficients = back @ (beta + np.asarray(best.params[:k]) * unit)
    innovations = np.asarray(full.filter_results.standardized_forecasts_error[0])[places]
    phi = {"estimate": float(best.params[k])} if p else {}
    extra = {
        "sigma2": float(full.scale) * unit**2,
        "log_likelihood": float(best.llf) - n * np.log(unit),
    }
    for i in range(p):
        extra[f"ar{i + 1}"] = float(best.params[k + i])
        extra[f"ar{i + 1}_se"] = float(np.sqrt(full.cov_params()[k + i, k + i]))
    for i in range(q):
        extra[f"ma{i + 1}"] = float(best.params[k + p + i])
    raw = y - x @ coefficients
    return Estimate(
        weights=np.ones(1),
        coefficients=coefficients[None],
        covariance=(back @ covariance @ back.T)[None],
        df=float(n - k) if settings.quantiles == "t" else np.inf,
        sigma=np.array([raw.std()]),
        residuals=innovations,
        raw_residuals=raw,
        phi=phi,
        extra=extra,
        notes=("maximum likelihood takes the ARMA parameters as known: intervals are too short",),
    )
