"""OLS-based CUSUM test of a stable regression (Ploberger & Kramer 1992)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.breaks.structural.outcome import StructuralTest
from uploadtrends.breaks.structural.regression import (
    hac_covariance,
    least_squares,
    response_and_design,
)
from uploadtrends.result import Call


def ols_cusum(
    series: pd.Series, *, regressors: Any = "constant", covariance: str = "ols"
) -> StructuralTest:
    """Test whether cumulated residuals stray further than those of a stable regression.

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods, n of them.
    regressors : {"constant", "trend"} or pandas.DataFrame
        The p-value is that of a regression with a constant; with a trend it is conservative.
    covariance : {"ols", "hac"}
        ``"hac"`` scales by the long-run variance of the residuals instead of their variance.

    Returns
    -------
    StructuralTest
        `path` is the empirical fluctuation process, its end points included in the maximum. The
        date is the period after the one where it is furthest from zero.
    """
    call = Call.of(locals(), series, function="ols_cusum")
    regular, design = response_and_design(series, regressors)
    n, k = design.shape
    _, residuals = least_squares(regular.to_numpy(), design)
    if covariance == "hac":
        variance = float(hac_covariance(np.ones((n, 1)), residuals)[0, 0]) * n
    else:
        variance = float(residuals @ residuals) / (n - k)
    process = np.cumsum(residuals) / np.sqrt(max(variance, 1e-300) * n)
    value = float(np.abs(process).max())
    turns = np.arange(1, 101)
    # Law of the supremum of a Brownian bridge.
    terms = (-1.0) ** (turns + 1) * np.exp(-2.0 * (turns * value) ** 2)
    p = float(np.clip(2.0 * terms.sum(), 0.0, 1.0)) if value > 0.2 else 1.0
    index = pd.DatetimeIndex(regular.index)
    date = index[min(int(np.argmax(np.abs(process))) + 1, n - 1)]
    return StructuralTest(
        name="OLS-CUSUM",
        statistic=value,
        p=p,
        date=date,
        path=pd.Series(process, index=index, name="cusum"),
        sentence=f"cumulated residuals stray to {value:.4g}, p = {p:.3g}",
        call=call,
    )
