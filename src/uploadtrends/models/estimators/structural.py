"""A structural time-series alternative: a wandering level, regression, white noise.

For those who come from CausalImpact (Brodersen et al. 2015): local level, seasonal terms and
regression on controls (statsmodels UnobservedComponents), here with the events as intervention
terms of the same model, so that the answer has the same terms as every other method.
"""

from __future__ import annotations

import warnings

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.linear import least_squares
from uploadtrends.models.settings import Settings

AGREEMENT = 1e-2


def fit_structural(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Fit local level + regression by maximum likelihood with a diffuse start.

    The regression coefficients are states of the filter, so that their variance carries the
    wandering of the level; the variances of level and noise are plugged in, which makes the
    intervals somewhat short. The smoothed level is the `path` of the estimate, and the intercept
    its first value.

    Raises
    ------
    NotEstimableError
        If the likelihood cannot be maximised.
    """
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    n, k = x.shape
    places = (positions - positions[0]).astype(int)
    size = int(places[-1]) + 1
    # The level takes the place of the intercept (the first column).
    scale = np.maximum(np.abs(x[:, 1:]).max(axis=0), 1e-12)
    unit = float(y.std())
    start = float(y[0])
    outcome = np.full(size, np.nan)
    outcome[places] = (y - start) / unit
    regressors = np.zeros((size, k - 1))
    regressors[places] = x[:, 1:] / scale
    model = UnobservedComponents(
        outcome, level="llevel", exog=regressors, mle_regression=False, use_exact_diffuse=True
    )
    _, _, rough = least_squares(y / unit, x)
    noise = float(rough.var())
    fits = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for share in (0.5, 0.05, 0.005):
            try:
                fits.append(
                    model.fit(
                        start_params=[noise * (1 - share), noise * share],
                        method="lbfgs",
                        maxiter=500,
                        disp=False,
                        cov_type="none",
                    )
                )
            except (ValueError, np.linalg.LinAlgError):
                continue
    if not fits:
        raise NotEstimableError("the structural model's likelihood could not be maximised")
    best = max(fits, key=lambda fit: float(fit.llf))
    if sum(float(best.llf) - float(fit.llf) < AGREEMENT for fit in fits) < 2:
        raise NotEstimableError("the structural model's likelihood has several optima")
    state = np.asarray(best.smoothed_state)
    spread = np.asarray(best.smoothed_state_cov)
    irregular, wander = (float(value) for value in best.params[:2])
    level = state[0] * unit + start
    beta = np.concatenate([[level[0]], state[1:, -1] * unit / scale])
    factor = np.concatenate([[unit], unit / scale])
    covariance = spread[:, :, -1] * np.outer(factor, factor)
    covariance[0, 0] = spread[0, 0, 0] * unit**2
    # The path carries the level's own variance; the intercept stays apart from the coefficients.
    covariance[0, 1:] = covariance[1:, 0] = 0.0
    path = level - level[0]
    raw = y - x @ beta - path[places]
    forecast = np.asarray(best.filter_results.standardized_forecasts_error[0])[places]
    burned = forecast.copy()
    burned[:k] = 0.0
    scale_y = burned[k:].std() or 1.0
    return Estimate(
        weights=np.ones(1),
        coefficients=beta[None],
        covariance=covariance[None],
        df=np.inf,
        sigma=np.array([np.sqrt(irregular) * unit]),
        residuals=np.where(np.arange(n) < k, 0.0, burned / scale_y),
        raw_residuals=raw,
        extra={
            "level_sd": np.sqrt(wander) * unit,
            "noise_sd": np.sqrt(irregular) * unit,
            "log_likelihood": float(best.llf),
        },
        path=path,
        notes=("variances of level and noise are plugged in: intervals are somewhat short",),
    )
