"""What the diagnostics of a fit find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.simulate import ar1_series

INDEX = pd.date_range("2018-01-01", periods=72, freq="MS")
EVENT = "2021-09-01"


def series(step: float = -15, slope: float = 0.0, seed: int = 3, rho: float = 0.4) -> pd.Series:
    y = ar1_series(
        1, 72, rho=rho, sd=4, mean=100, step=step, step_at=44, slope_change=slope, seed=seed
    )
    return pd.Series(y[0], INDEX, name="works")


def test_diagnostics_find_autocorrelation_that_the_model_leaves() -> None:
    walk = series(rho=0.8, seed=2)
    options = {"scale": "level", "season": "none"}
    plain = ut.interrupted_time_series(walk, EVENT, method="ols-hac", **options)
    assert "residual autocorrelation is left" in plain.fits[0].diagnostics.verdict
    table = plain.fits[0].diagnostics.to_frame()
    assert set(table.columns) == {"check", "statistic", "p"}
    found = plain.fits[0].diagnostics
    assert len(found.influence) == len(found.residuals) == 72
    assert found.autocorrelations[1] > 0.3


def test_diagnostics_find_a_bent_trend() -> None:
    bent = series(step=0, rho=0.0) + 0.02 * np.minimum(np.arange(72.0) - 22, 22) ** 2
    fit = ut.interrupted_time_series(bent, EVENT, scale="level", season="none").fits[0]
    assert fit.diagnostics.slope_stability is not None
    assert fit.diagnostics.slope_stability[1] < 0.05
    assert "bends" in fit.diagnostics.verdict


def test_leverage_and_cook_match_statsmodels() -> None:
    import statsmodels.api as sm

    result = ut.interrupted_time_series(
        series(), EVENT, method="ols-hac", scale="level", season="none"
    )
    fit = result.fits[0]
    theirs = sm.OLS(fit.prepared.y, fit.prepared.design.fitted).fit().get_influence()
    ours = fit.diagnostics.influence
    assert ours["leverage"].to_numpy() == pytest.approx(theirs.hat_matrix_diag)
    assert ours["cooks_distance"].to_numpy() == pytest.approx(theirs.cooks_distance[0])
    assert ours["studentised_residual"].to_numpy() == pytest.approx(
        theirs.resid_studentized_external
    )
