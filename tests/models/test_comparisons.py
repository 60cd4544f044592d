"""Comparative designs, offsets, confounders, and the alternatives to the default."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.models.estimators import latent
from uploadtrends.models.estimators.linear import newey_west_covariance
from uploadtrends.simulate import ar1_series, count_series

INDEX = pd.date_range("2018-01-01", periods=72, freq="MS")
EVENT = "2021-09-01"
PLAIN = {"scale": "level", "season": "none"}


def level(result: ut.models.InterruptedTimeSeries, term: str = "level") -> pd.Series:
    return result.effects.set_index("term").loc[term]


@pytest.fixture(scope="module")
def shock() -> np.ndarray:
    """Common movement that hits series and control alike."""
    return 12 * ar1_series(1, 72, rho=0.7, seed=5)[0]


@pytest.fixture(scope="module")
def treated(shock: np.ndarray) -> pd.Series:
    noise = ar1_series(1, 72, rho=0.3, sd=2, seed=6)[0]
    return pd.Series(100 + shock + noise - 10.0 * (np.arange(72) >= 44), INDEX)


@pytest.fixture(scope="module")
def control(shock: np.ndarray) -> pd.Series:
    return pd.Series(80 + shock + ar1_series(1, 72, rho=0.3, sd=2, seed=7)[0], INDEX)


@pytest.mark.parametrize("control_as", ["difference", "covariate"])
def test_a_control_series_removes_what_is_common(
    control_as: str, treated: pd.Series, control: pd.Series
) -> None:
    alone = level(ut.interrupted_time_series(treated, EVENT, **PLAIN))
    result = ut.interrupted_time_series(
        treated, EVENT, control=control, control_as=control_as, **PLAIN
    )
    compared = level(result)
    assert compared["high"] - compared["low"] < 0.6 * (alone["high"] - alone["low"])
    assert compared["low"] < -10 < compared["high"]
    assert any("control" in note for note in result.fits[0].notes)
    fit = result.fits[0]
    # Fitted and counterfactual stay in the unit of the series, whatever the control did.
    assert fit.fitted.corr(fit.observed) > 0.95
    assert fit.counterfactual["estimate"].mean() == pytest.approx(100, abs=25)


def test_difference_equals_fitting_the_difference(treated: pd.Series, control: pd.Series) -> None:
    compared = ut.interrupted_time_series(
        treated, EVENT, control=control, control_as="difference", **PLAIN
    )
    by_hand = ut.interrupted_time_series(treated - control, EVENT, **PLAIN)
    for name in ("estimate", "low", "high", "p"):
        assert level(compared)[name] == pytest.approx(level(by_hand)[name])


@pytest.mark.parametrize("scale", ["level", "counts"])
def test_a_missing_control_leaves_no_number(
    scale: str, treated: pd.Series, control: pd.Series
) -> None:
    holed = control.copy()
    holed.iloc[[10, 60, 71]] = np.nan
    data = treated if scale == "level" else treated.round()
    result = ut.interrupted_time_series(data, EVENT, control=holed, scale=scale, season="none")
    fit = result.fits[0]
    assert fit.fitted[holed.isna()].isna().all()
    assert fit.counterfactual.loc["2023-01-01"].isna().all()
    assert (
        fit.counterfactual.drop(pd.to_datetime(["2023-01-01", "2023-12-01"])).notna().all(axis=None)
    )
    assert np.isfinite(level(result, "cumulative")["absolute_low"])
    assert np.isnan(level(result, "effect_end")["relative"]) == (scale == "level")


def test_offset_on_the_log_scale_is_a_rate(treated: pd.Series, control: pd.Series) -> None:
    offset = ut.interrupted_time_series(treated, EVENT, offset=control, season="none")
    ratio = ut.interrupted_time_series(treated / control * 50, EVENT, season="none", scale="log")
    assert level(offset)["estimate"] == pytest.approx(level(ratio)["estimate"])
    as_offset = ut.interrupted_time_series(
        treated, EVENT, control=control, control_as="offset", season="none"
    )
    assert level(as_offset)["estimate"] == pytest.approx(level(ratio)["estimate"])


def test_a_control_for_each_series(treated: pd.Series, control: pd.Series) -> None:
    data = {("a", "x"): treated, ("b", "x"): treated}
    result = ut.interrupted_time_series(data, EVENT, control={"a": control, "b": control}, **PLAIN)
    assert len(result.fits) == 2
    with pytest.raises(InputError, match="no control series"):
        ut.interrupted_time_series(data, EVENT, control={"a": control}, **PLAIN)


def test_days_in_the_month_are_an_exposure() -> None:
    days = INDEX.days_in_month.to_numpy()
    counts = np.random.default_rng(4).poisson(400 * days)
    series = pd.Series(counts.astype(float), INDEX)
    plain, exposed = (
        ut.interrupted_time_series(series, EVENT, season="none", exposure=exposure)
        for exposure in (None, "days")
    )
    assert level(exposed)["se"] < 0.6 * level(plain)["se"]


def test_confounder_and_instrument_break_absorb_their_own_steps(treated: pd.Series) -> None:
    jumped = treated + 60.0 * (INDEX >= "2019-06-01")
    naive = level(ut.interrupted_time_series(jumped, EVENT, **PLAIN))
    for option in ({"confounders": ["2019-06-01"]}, {"instrument_breaks": ["2019-06-01"]}):
        held = level(ut.interrupted_time_series(jumped, EVENT, **PLAIN, **option))
        assert held["se"] < naive["se"]
        assert held["low"] < -10 < held["high"]


def test_covariates_enter_by_date() -> None:
    driver = pd.Series(
        np.random.default_rng(1).standard_normal(80),
        pd.date_range("2017-09-01", periods=80, freq="MS"),
    )
    y = 50 + 5 * driver.reindex(INDEX) + pd.Series(ar1_series(1, 72, sd=0.5, seed=1)[0], INDEX)
    result = ut.interrupted_time_series(y, EVENT, covariates=driver.to_frame("driver"), **PLAIN)
    table = result.fits[0].coefficients.set_index("name")
    assert table.loc["driver", "estimate"] == pytest.approx(5, abs=0.3)


def test_pulse_and_gradual_onset_are_recovered() -> None:
    base = ar1_series(1, 72, rho=0.2, sd=0.5, mean=50, seed=2)[0]
    pulse = base.copy()
    pulse[44:46] += 9
    found = ut.interrupted_time_series(
        pd.Series(pulse, INDEX), EVENT, terms=("level", "pulse"), pulse_periods=2, **PLAIN
    )
    assert level(found, "pulse")["estimate"] == pytest.approx(9, abs=1)
    assert level(found)["estimate"] == pytest.approx(0, abs=1)
    slow = base + 9 * np.clip((np.arange(72) - 43) / 6, 0, 1)
    found = ut.interrupted_time_series(
        pd.Series(slow, INDEX), EVENT, terms="level", onset_periods=6, **PLAIN
    )
    assert level(found)["estimate"] == pytest.approx(9, abs=1)
    assert level(found, "effect_3m")["estimate"] == pytest.approx(4.5, abs=0.6)


def test_washout_keeps_the_calendar(treated: pd.Series) -> None:
    result = ut.interrupted_time_series(treated, EVENT, washout=3, **PLAIN)
    blanked = treated.copy()
    blanked.iloc[44:47] = np.nan
    positions = result.fits[0].prepared.design.positions
    assert positions.tolist() == [i for i in range(72) if i not in (44, 45, 46)]
    assert level(result, "slope")["estimate"] == pytest.approx(
        level(ut.interrupted_time_series(blanked, EVENT, **PLAIN), "slope")["estimate"], rel=1e-6
    )


@pytest.mark.parametrize("method", ["arma", "ar1-plus-noise", "structural", "prais-winsten"])
def test_alternatives_find_the_same_step(method: str, treated: pd.Series) -> None:
    result = ut.interrupted_time_series(treated, EVENT, method=method, **PLAIN)
    found = level(result)
    assert found["method"] == method
    assert found["low"] < -10 < found["high"]
    assert result.fits[0].counterfactual.notna().all(axis=None)
    assert "Diagnostics" in result.summary()


def test_structural_level_wanders_and_is_part_of_the_fit() -> None:
    walk = pd.Series(np.cumsum(np.random.default_rng(5).standard_normal(72)) + 100, INDEX)
    result = ut.interrupted_time_series(walk, EVENT, method="structural", trend=False, **PLAIN)
    fit = result.fits[0]
    assert fit.estimate.extra["level_sd"] > fit.estimate.extra["noise_sd"]
    assert fit.fitted.corr(fit.observed) > 0.95
    level_row = level(result)
    assert level_row["low"] < 0 < level_row["high"]
    gap = fit.fitted[fit.counterfactual.index] - fit.counterfactual["estimate"]
    assert gap.iloc[0] == pytest.approx(level_row["estimate"])


def test_newey_west_pairs_rows_by_calendar_distance() -> None:
    rng = np.random.default_rng(0)
    scores, bread = rng.standard_normal((30, 2)), np.eye(2)
    together = np.arange(30.0)
    apart = together + 100.0 * (together >= 15)
    white = scores.T @ scores * 30 / 28
    assert newey_west_covariance(scores, bread, together, 0) == pytest.approx(white)
    near = newey_west_covariance(scores, bread, together, 1)
    split = newey_west_covariance(scores, bread, apart, 1)
    across = 0.5 * (np.outer(scores[15], scores[14]) + np.outer(scores[14], scores[15])) * 30 / 28
    assert near - split == pytest.approx(across)


def test_count_batch_equals_single_fits() -> None:
    y = count_series(5, 48, mean=12, rho=0.4, seed=3).astype(float)
    index = INDEX[:48]
    first = ut.interrupted_time_series(
        pd.Series(y[0], index), "2020-05-01", method="count-ar1", season="none"
    )
    design = first.fits[0].prepared.design
    contrasts = np.eye(4)[2:]
    batch = latent.fit_count_batch(y, design.fitted, contrasts, chunk=2)
    for i in range(5):
        result = ut.interrupted_time_series(
            pd.Series(y[i], index), "2020-05-01", method="count-ar1", season="none"
        )
        for j, term in enumerate(("level", "slope")):
            for name in ("estimate", "low", "high"):
                assert level(result, term)[name] == pytest.approx(
                    getattr(batch, name)[i, j], abs=1e-3
                )
    zeros = np.where(np.arange(48) >= 28, 0.0, y[:1])
    assert np.isnan(latent.fit_count_batch(zeros, design.fitted, contrasts).low).all()


@pytest.mark.slow
def test_counts_cover_where_poisson_does_not() -> None:
    y = count_series(400, 72, mean=30, rho=0.4, latent_sd=0.3, seed=9).astype(float)
    time = np.arange(72.0)
    x = np.column_stack([np.ones(72), time, time >= 43, np.maximum(time - 43, 0)])
    ours = latent.fit_count_batch(y, x, np.eye(4)[2:3])
    coverage = ((ours.low < 0) & (ours.high > 0)).mean()
    beta, mean, _ = latent.poisson_means(y, np.broadcast_to(x, (400, 72, 4)), np.zeros(72))
    information = np.einsum("nk,mn,nl->mkl", x, mean, x)
    se = np.sqrt(np.linalg.inv(information)[:, 2, 2])
    naive = (np.abs(beta[:, 2]) < 1.96 * se).mean()
    assert 0.92 < coverage < 0.99
    assert naive < 0.85


def test_offsets_of_counts_are_exposures() -> None:
    rng = np.random.default_rng(2)
    artists = pd.Series(rng.integers(20, 200, 72).astype(float), INDEX)
    counts = pd.Series(rng.poisson(0.05 * artists).astype(float), INDEX)
    result = ut.interrupted_time_series(
        counts, EVENT, method="count-ar1", season="none", offset=artists
    )
    table = result.fits[0].coefficients.set_index("name")
    assert np.exp(table.loc["intercept", "estimate"]) == pytest.approx(0.05, rel=0.5)
    band = result.fits[0].counterfactual
    inside = result.fits[0].observed[band.index].between(band["low"], band["high"]).mean()
    assert inside > 0.85
