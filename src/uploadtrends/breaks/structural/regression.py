"""Regression pieces shared by the structural-change tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.series.grid import as_regular_series


def response_and_design(series: pd.Series, regressors: Any) -> tuple[pd.Series, Array]:
    """Return the regular series and its design matrix (n, k).

    Parameters
    ----------
    series : pandas.Series
        Without missing periods.
    regressors : {"constant", "trend"} or pandas.DataFrame
        ``"constant"``: changes of the mean. ``"trend"``: of mean and slope. A frame is used as it
        is (add a constant column yourself); its rows are found by their dates, or, where its index
        holds none, are those of the series.

    Raises
    ------
    InputError
        If a period is missing or the regressors cannot be used.
    """
    regular = as_regular_series(series)
    if regular.isna().any():
        gap = regular.index[regular.isna()][0]
        raise InputError(
            "a structural test needs every period",
            value=f"{gap:%Y-%m-%d}",
            fix="fill the gap, or cut the series there; change_points takes gaps",
        )
    n = len(regular)
    if isinstance(regressors, pd.DataFrame):
        design = _by_date(regressors, pd.DatetimeIndex(regular.index))
    elif regressors == "constant":
        design = np.ones((n, 1))
    elif regressors == "trend":
        design = np.column_stack([np.ones(n), np.arange(n) / n])
    else:
        raise InputError(
            "unknown regressors", value=regressors, fix='use "constant", "trend" or a DataFrame'
        )
    if not design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError("the regressors are none or collinear", fix="drop or add a column")
    return regular, design


def _by_date(regressors: pd.DataFrame, index: pd.DatetimeIndex) -> Array:
    """Return the columns of a frame at the periods of a series, shape (n, k)."""
    if isinstance(regressors.index, pd.RangeIndex):
        if len(regressors) != len(index):
            raise InputError(
                "the regressors do not fit the series",
                column="regressors",
                value=f"{len(regressors)} rows, not {len(index)}",
                fix="give them the dates of the series as index",
            )
        regressors = regressors.set_axis(index)
    columns = []
    for name, given in regressors.items():
        column = as_regular_series(given).reindex(index)
        if column.isna().any():
            raise InputError(
                f"the regressor has no value for {column.index[column.isna()][0]:%Y-%m-%d}",
                column=str(name),
                fix="give it a value for every period of the series, or cut the series",
            )
        columns.append(column.to_numpy(dtype=float))
    return np.column_stack(columns) if columns else np.empty((len(index), 0))


def refuse_without_error(response: Array, residuals: Array) -> None:
    """Refuse a regression that leaves nothing but rounding: tests would be made of that.

    Raises
    ------
    InputError
        For a series that never changes, or is an exact line of its regressors.
    """
    if np.abs(residuals).max() <= 1e-13 * np.abs(response).max():
        raise InputError(
            "one regression fits every period without any error, so there is nothing to test",
            value=float(response[0]),
            fix="leave this series out",
        )


def least_squares(response: Array, design: Array) -> tuple[Array, Array]:
    """Return coefficients (k,) and residuals (n,)."""
    coefficients: Array = np.asarray(np.linalg.lstsq(design, response, rcond=None)[0])
    return coefficients, response - design @ coefficients


def andrews_covariance(design: Array, residuals: Array) -> Array:
    """Return the HAC covariance of least-squares coefficients, shape (k, k).

    Quadratic spectral kernel, Andrews' (1991) automatic bandwidth from AR(1) fits, VAR(1)
    prewhitening (Andrews & Monahan 1992), factor n / (n - k): `kernHAC` of R package sandwich.
    """
    n = len(design)
    # Constant columns (score = residual) do not steer the bandwidth, unless there is no other.
    steers = ~np.all(np.isclose(design, 1.0), axis=0)
    middle = hac_meat(design * residuals[:, None], steers)
    bread = np.linalg.inv(design.T @ design / n)
    covariance: Array = bread @ middle @ bread / n
    return covariance


def hac_meat(score: Array, steers: NDArray[np.bool_]) -> Array:
    """Return the long-run covariance of scores (n, k), as `andrews_covariance` uses it.

    Parameters
    ----------
    score : array of shape (n, k)
    steers : array of bool, shape (k,)
        Columns whose autocorrelation chooses the bandwidth (all, where none is marked).
    """
    n, k = score.shape
    transition = np.linalg.lstsq(score[:-1], score[1:], rcond=None)[0].T
    white = score[1:] - score[:-1] @ transition.T
    bandwidth = _andrews_bandwidth(white[:, steers] if steers.any() else white)
    lags = np.arange(n - 1)
    weights = _quadratic_spectral(lags / max(bandwidth, 1e-8))
    keep = int(np.flatnonzero(np.abs(weights) > 1e-7)[-1]) + 1
    middle = 0.5 * white.T @ white
    for lag in range(1, keep):
        middle += weights[lag] * white[lag:].T @ white[:-lag]
    middle = (middle + middle.T) * n / (n - k)
    recolour = np.linalg.inv(np.eye(k) - transition)
    meat: Array = recolour @ middle @ recolour.T / n
    return meat


def long_run_variance(values: Array) -> float:
    """Return the long-run variance of a series about its mean (`lrvar` of sandwich, times n)."""
    centred = (values - values.mean())[:, None]
    return float(hac_meat(centred, np.zeros(1, dtype=bool))[0, 0])


def _andrews_bandwidth(score: Array) -> float:
    above, below = 0.0, 0.0
    for column in score.T:
        centred = column - column.mean()
        design = np.column_stack([np.ones(len(column) - 1), centred[:-1]])
        (_, rho), rest = least_squares(centred[1:], design)
        variance = float(rest @ rest) / len(rest)
        rho = float(np.clip(rho, -0.97, 0.97))
        below += variance**2 / (1.0 - rho) ** 4
        above += 4.0 * rho**2 * variance**2 / (1.0 - rho) ** 8
    return float(1.3221 * (len(score) * above / below) ** 0.2) if below > 0.0 else 0.0


def _quadratic_spectral(x: Array) -> Array:
    angle = 6.0 * np.pi * np.where(x < 1e-3, 1.0, x) / 5.0
    kernel = 3.0 / angle**2 * (np.sin(angle) / angle - np.cos(angle))
    near_zero = 1.0 - (6.0 * np.pi * x / 5.0) ** 2 / 10.0  # Taylor expansion
    weights: Array = np.where(x < 1e-3, near_zero, kernel)
    return weights
