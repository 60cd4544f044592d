"""Regression with seasonal ARIMA errors by exact maximum likelihood (statsmodels' state space).

As R's ``arima(y, order, seasonal, xreg)``: outcome and regressors are differenced together, so that
an intercept (and a trend, after two differences) drops out; standard errors come from the numerical
Hessian; several starts must agree.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate, Wander
from uploadtrends.models.settings import Settings

AGREEMENT = 1e-3
"""Starts agree when their log-likelihoods differ by less than this."""
_START = (0.0, 0.3, -0.3)
# On a ridge, where AR and MA parts all but cancel, BFGS gives up .006 below the top.
_OPTIMISER = {
    "method": "lbfgs",
    "maxiter": 2000,
    "factr": 10.0,
    "pgtol": 1e-10,
    "disp": False,
    "cov_type": "none",
}


def fit_arima(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Regress with ARIMA(p, d, q)(P, D, Q)_s errors.

    Raises
    ------
    NotEstimableError
        If fewer than two starts reach the best likelihood, or the information is singular.
    """
    p, d, q = settings.order
    seasonal = settings.seasonal or (0, 0, 0, 0)
    places = (positions - positions[0]).astype(int)
    size = int(places[-1]) + 1
    kept = _remaining(x, places, size, d, seasonal)
    scale = np.abs(x[:, kept]).max(axis=0)
    unit = float(y.std())
    outcome = np.full(size, np.nan)
    outcome[places] = y / unit
    regressors = np.zeros((size, len(kept)))
    regressors[places] = x[:, kept] / scale
    best, reached, tried = _maximised(outcome, regressors, (p, d, q), seasonal)
    if reached < 2:
        raise NotEstimableError(
            f"the likelihood of ARIMA{settings.order}{settings.seasonal or ''} has several optima: "
            f"only {reached} of {tried} starts reached the best; use a lower order"
        )
    k = len(kept)
    information = np.asarray(best.cov_params_approx)
    spread = np.diag(information)
    if not (np.isfinite(spread[:k]).all() and (spread[:k] > 0).all()):
        raise NotEstimableError(
            f"the information of ARIMA{settings.order} is singular: its parameters cancel or lie "
            "at the edge; use a lower order"
        )
    factor = unit / scale
    beta = np.zeros(x.shape[1])
    beta[kept] = np.asarray(best.params)[:k] * factor
    covariance = np.zeros((x.shape[1], x.shape[1]))
    covariance[np.ix_(kept, kept)] = information[:k, :k] * np.outer(factor, factor)
    integrated = d + seasonal[1] > 0
    burned = d + seasonal[1] * seasonal[3]
    errors = np.nan_to_num(np.asarray(best.filter_results.standardized_forecasts_error[0]))[places]
    errors[:burned] = 0.0
    raw = y - x @ beta
    names = list(best.model.param_names)[k:]
    extra = {
        name.replace(".", "_"): float(v) for name, v in zip(names, best.params[k:], strict=True)
    }
    extra |= {
        f"{name.replace('.', '_')}_se": float(np.sqrt(s))
        for name, s in zip(names, spread[k:], strict=True)
    }
    extra["sigma2"] = float(best.scale) * unit**2
    n = y.size - burned
    extra["log_likelihood"] = float(best.llf) - n * float(np.log(unit))
    return Estimate(
        weights=np.ones(1),
        coefficients=beta[None],
        covariance=covariance[None],
        df=float(y.size - x.shape[1]) if settings.quantiles == "t" else np.inf,
        sigma=np.array([float(np.sqrt(extra["sigma2"])) if integrated else raw.std()]),
        residuals=errors,
        raw_residuals=raw if not integrated else errors * np.sqrt(extra["sigma2"]),
        extra=extra,
        wander=_observed(y, x, places, size) if integrated else None,
        notes=("maximum likelihood takes the ARMA parameters as known: intervals are too short",),
    )


def _observed(y: Array, x: Array, places: Array, size: int) -> Wander:
    """Return the course of an integrated series: what was observed, without the effects."""
    grid = np.arange(size)
    columns = np.column_stack([np.interp(grid, places, column) for column in x.T])
    return Wander(np.interp(grid, places, y), columns, np.zeros((size, size)), 0.0)


def _remaining(
    x: Array, places: Array, size: int, d: int, seasonal: tuple[int, int, int, int]
) -> list[int]:
    """Return the columns that differencing leaves, each independent of those before it."""
    grid = np.arange(size)
    columns = np.column_stack([np.interp(grid, places, column) for column in x.T])
    for _ in range(d):
        columns = np.diff(columns, axis=0)
    for _ in range(seasonal[1]):
        columns = columns[seasonal[3] :] - columns[: -seasonal[3]]
    kept: list[int] = []
    for j in range(columns.shape[1]):
        chosen = columns[:, [*kept, j]]
        size_j = np.linalg.norm(chosen[:, -1])
        if size_j <= 1e-9 * max(np.abs(x[:, j]).max(), 1e-300) * np.sqrt(len(chosen)):
            continue
        if np.linalg.matrix_rank(chosen / np.linalg.norm(chosen, axis=0)) == len(kept) + 1:
            kept.append(j)
    return kept


def _maximised(
    outcome: Array,
    regressors: Array,
    order: tuple[int, int, int],
    seasonal: tuple[int, int, int, int],
) -> tuple[Any, int, int]:
    """Return the best fit, how many starts reached it, and how many were tried."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    model = SARIMAX(
        outcome,
        exog=regressors if regressors.shape[1] else None,
        order=order,
        seasonal_order=seasonal,
        trend="n",
        concentrate_scale=True,
    )
    k = regressors.shape[1]
    fits = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = np.asarray(model.start_params)
        for value in (None, *_START):
            start = usual.copy()
            if value is not None:
                start[k:] = value
            try:
                fits.append(model.fit(start, **_OPTIMISER))
            except (ValueError, np.linalg.LinAlgError):
                continue
        if not fits:
            raise NotEstimableError(f"the likelihood of ARIMA{order} could not be maximised")
        best = max(fits, key=lambda fit: float(fit.llf))
        reached = sum(float(best.llf) - float(fit.llf) < AGREEMENT for fit in fits)
        final = model.smooth(best.params, cov_type="approx")
    return final, reached, len(fits)
