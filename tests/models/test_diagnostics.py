"""What the diagnostics of a fit find, and the test of the shape of the effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.models.adequacy import SHAPE_LEVEL, SHARES
from uploadtrends.models.shapes import KINDS
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


LONG = pd.date_range("2015-01-01", periods=96, freq="MS")
SINCE = np.arange(96) - 58


def fitted(seed: int, effect: np.ndarray, rho: float = 0.4):
    noise = ar1_series(1, 96, rho=rho, sd=0.1, mean=5.0, seed=seed)[0]
    series = pd.Series(np.exp(noise + effect), LONG)
    return ut.interrupted_time_series(series, LONG[58], scale="log").fits[0]


def test_shares_are_of_one_level() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
    assert sum(KINDS.values()) == pytest.approx(1)


@pytest.mark.parametrize("effect", [0.0, -0.5])
def test_a_step_is_seldom_said_to_be_something_else(effect) -> None:
    found = [fitted(seed, effect * (SINCE >= 0)).adequacy.p_shape for seed in range(60)]
    # .05 of 60 is 3; 8 or more would be seen in one run of a hundred.
    assert sum(p <= SHAPE_LEVEL for p in found) <= 7


def test_an_onset_over_half_a_year_is_found_more_often_than_the_joint_test_does() -> None:
    onset = -0.6 * np.clip((SINCE + 1) / 6, 0, 1)
    found = [fitted(seed, onset).adequacy for seed in range(20)]
    alone = sum(one.p_shape <= SHAPE_LEVEL for one in found)
    assert alone >= 16
    assert alone >= sum(one.p <= 0.04 for one in found)


def test_the_summary_says_which_shape_fits_better() -> None:
    fits = [fitted(seed, -0.35 * np.clip((SINCE + 1) / 6, 0, 1)) for seed in range(12)]
    hinted = [fit for fit in fits if fit.adequacy.hint]
    assert hinted
    for fit in hinted:
        assert fit.status == "ok"
        assert fit.adequacy.hint in fit.diagnostics.verdict
        assert "the effect may have another shape: " in fit.sentence
    assert sum("an onset over" in fit.adequacy.hint for fit in hinted) >= len(hinted) - 1


def test_an_overshoot_is_no_onset() -> None:
    """A fall that is largest at first has the sign of an onset of the opposite direction."""
    over = -0.6 * (SINCE >= 0) - 0.6 * ((SINCE >= 0) & (SINCE < 3))
    fit = fitted(1, over)
    assert "an onset" not in fit.reason + fit.adequacy.hint
    assert fit.adequacy.p_shape <= SHAPE_LEVEL
