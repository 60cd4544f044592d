"""Every number of R on the two reference series, to the tolerance that methods state."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut

# The published convention: the month of the ban counts as after, the slope starts at 1.
SICILY = {"boundary": "inclusive", "ramp_start": 1, "scale": "level", "season": "none"}
COUNTS = {"boundary": "inclusive", "ramp_start": 1, "terms": "level"}
NILE = {"terms": "level", "trend": False, "scale": "level"}
BAN = "2005-01-10"


class Reference(NamedTuple):
    """A series, how it is modelled here, and what R says of the same regressions."""

    series: pd.Series
    date: str
    options: dict[str, Any]
    r: dict[str, Any]


@pytest.fixture(params=["nile", "sicily"])
def linear(request: pytest.FixtureRequest) -> Reference:
    """The Nile ships with R; the other series may not be copied, and is skipped without it."""
    get = request.getfixturevalue
    if request.param == "nile":
        return Reference(get("nile"), "1899-01-01", NILE, get("nile_r"))
    return Reference(get("rate"), BAN, SICILY, get("sicily_r")["linear_rate_its"])


NAMES = {
    "(Intercept)": "intercept",
    "intercept": "intercept",
    "time": "trend",
    "smokban": f"level[{BAN}]",
    "slope": f"slope[{BAN}]",
    "smokban:I(time - 36)": f"slope[{BAN}]",
    "step": "level[1899-01-01]",
    "Hsin1": "sin1",
    "Hcos1": "cos1",
    "Hsin2": "sin2",
    "Hcos2": "cos2",
}


def compare(
    result: ut.models.InterruptedTimeSeries,
    reference: dict[str, Any],
    tolerance: float,
    *,
    interval: bool = True,
    se_tolerance: float | None = None,
) -> None:
    """Compare estimate, standard error and interval of every coefficient R reports."""
    table = result.fits[0].coefficients.set_index("name")
    for name, want in reference.items():
        if name in ("ar1",):
            continue
        got = table.loc[NAMES[name]]
        # Relative to the standard error: some coefficients are near zero by accident.
        assert got["estimate"] == pytest.approx(want["estimate"], abs=tolerance * want["se"]), name
        assert got["se"] == pytest.approx(want["se"], rel=se_tolerance or tolerance), name
        if interval:
            for end, theirs in (("low", "lower"), ("high", "upper")):
                assert got[end] == pytest.approx(want[theirs], abs=2 * tolerance * want["se"]), name


@pytest.mark.parametrize(("key", "lags"), [("lag1_adjust", 1), ("lag6_adjust", 6), ("rule", None)])
def test_newey_west_matches_sandwich(key: str, lags: int | None, linear: Reference) -> None:
    series, date, options, r = linear
    fit = ut.interrupted_time_series(series, date, method="ols-hac", hac_lags=lags, **options)
    compare(fit, r["newey_west"][key], 1e-6)


def test_newey_west_bandwidth_is_the_rule_of_r(linear: Reference) -> None:
    series, date, options, r = linear
    fit = ut.interrupted_time_series(series, date, method="ols-hac", **options)
    assert fit.fits[0].estimate.extra["hac_lags"] == r["newey_west"]["rule_lag"]


def test_prais_winsten_keeps_the_first_row(linear: Reference) -> None:
    series, date, options, r = linear
    reference = r["prais_winsten_iterated"]
    result = ut.interrupted_time_series(series, date, method="prais-winsten", **options)
    compare(result, reference["coef"], 1e-6)
    assert result.fits[0].phi["estimate"] == pytest.approx(reference["rho"], abs=1e-8)
    assert result.fits[0].estimate.extra["sigma2"] == pytest.approx(reference["sigma2"])


def test_dropping_the_first_row_would_give_another_standard_error(rate: pd.Series) -> None:
    result = ut.interrupted_time_series(rate, BAN, method="prais-winsten", **SICILY)
    level = result.effects.set_index("term").loc["level"]
    assert level["se"] == pytest.approx(9.03, abs=0.005)  # statsmodels GLSAR: 9.20


def test_reml_maximum_matches_nlme(linear: Reference) -> None:
    series, date, options, r = linear
    reference = r["gls_ar1_REML"]
    result = ut.interrupted_time_series(series, date, method="reml-ar1", phi="maximum", **options)
    compare(result, reference["coef"], 1e-4)
    fit = result.fits[0]
    assert fit.phi["estimate"] == pytest.approx(reference["ar"]["Phi"], abs=1e-4)
    assert fit.estimate.extra["sigma"] == pytest.approx(reference["sigma"], rel=1e-4)
    assert fit.estimate.extra["log_likelihood"] == pytest.approx(reference["logLik"], abs=1e-4)


def test_integrating_phi_out_widens_the_interval_a_little(rate: pd.Series) -> None:
    narrow, wide = (
        ut.interrupted_time_series(rate, BAN, method="reml-ar1", phi=phi, **SICILY)
        .effects.set_index("term")
        .loc["level"]
        for phi in ("maximum", "integrate")
    )
    ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert 1.0 < ratio < 1.25
    assert wide["estimate"] == pytest.approx(narrow["estimate"], abs=0.1 * narrow["se"])


def test_arma_matches_arima_to_three_digits(linear: Reference) -> None:
    series, date, options, r = linear
    reference = r["arima100_ML"]
    result = ut.interrupted_time_series(series, date, method="arma", **options)
    compare(result, reference["coef"], 5e-4)
    extra = result.fits[0].estimate.extra
    assert extra["log_likelihood"] == pytest.approx(reference["loglik"], abs=1e-4)
    assert extra["ar1"] == pytest.approx(reference["coef"]["ar1"]["estimate"], abs=1e-4)
    assert extra["ar1_se"] == pytest.approx(reference["coef"]["ar1"]["se"], abs=5e-4)


@pytest.mark.parametrize(
    ("method", "season", "terms", "key", "options"),
    [
        ("poisson", "none", "level", "model1_poisson", {}),
        ("quasi-poisson", "none", "level", "model2_quasipoisson", {}),
        ("quasi-poisson", 2, "level", "model3_quasi_harmonic2", {}),
        ("quasi-poisson", 2, ("level", "slope"), "model4_quasi_harm_slope", {}),
        ("negative-binomial", 2, "level", "negbin_harmonic2", {}),
    ],
)
def test_count_regressions_match_glm(
    method: str,
    season: Any,
    terms: Any,
    key: str,
    options: dict[str, Any],
    sicily: pd.DataFrame,
    sicily_r: Any,
) -> None:
    # R prints these intervals from normal quantiles, and quasi-Poisson p values from t.
    result = ut.interrupted_time_series(
        sicily["aces"],
        BAN,
        method=method,
        season=season,
        offset=sicily["stdpop"],
        quantiles="normal",
        **{**COUNTS, "terms": terms},
    )
    reference = sicily_r[key]
    compare(result, reference["coef"], 1e-5)
    extra = result.fits[0].estimate.extra
    assert extra["pearson_dispersion"] == pytest.approx(reference["pearson_dispersion"], rel=1e-6)
    assert extra["deviance"] == pytest.approx(reference["deviance"], rel=1e-6)
    level = result.effects.set_index("term").loc["level"]
    ratio = reference["exp"]["smokban"]
    for got, want in (("relative", "RR"), ("relative_low", "lower"), ("relative_high", "upper")):
        assert 1 + level[got] / 100 == pytest.approx(ratio[want], abs=1e-5)
    if reference["loglik"] is not None:
        assert extra["log_likelihood"] == pytest.approx(reference["loglik"], abs=1e-6)
    again = result.refit(quantiles="auto").effects.set_index("term").loc["level"]
    assert again["p"] == pytest.approx(ratio["p"], rel=1e-3)
    if method == "negative-binomial":
        assert extra["theta"] == pytest.approx(reference["theta"], rel=1e-6)
        assert extra["theta_se"] == pytest.approx(reference["SE_theta"], rel=1e-6)


def test_published_rate_ratios(
    sicily: pd.DataFrame, sicily_published: dict[str, Any], sicily_r: Any
) -> None:
    def fitted(method: str, season: Any, terms: Any = "level") -> Any:
        return ut.interrupted_time_series(
            sicily["aces"],
            BAN,
            method=method,
            season=season,
            offset=sicily["stdpop"],
            quantiles="normal",
            **{**COUNTS, "terms": terms},
        )

    for key, method, season in (
        ("model1_poisson_RR", "poisson", "none"),
        ("model2_quasipoisson_RR", "quasi-poisson", "none"),
        ("model3_quasi_2harmonics_RR", "quasi-poisson", 2),
    ):
        level = fitted(method, season).effects.set_index("term").loc["level"]
        got = [1 + level[c] / 100 for c in ("relative", "relative_low", "relative_high")]
        assert got == pytest.approx(sicily_published[key], abs=5e-5)
    plain = fitted("quasi-poisson", "none").fits[0].estimate.extra
    assert plain["dispersion"] == pytest.approx(sicily_published["dispersion_m2"], abs=5e-5)
    third = fitted("quasi-poisson", 2)
    extra = third.fits[0].estimate.extra
    assert extra["dispersion"] == pytest.approx(sicily_published["dispersion_m3"], abs=5e-5)
    trend = third.fits[0].coefficients.set_index("name").loc["trend", "estimate"]
    assert np.exp(12 * trend) == pytest.approx(sicily_published["trend_per_year_m3"], abs=5e-5)
    # The F test of the slope by analysis of deviance equals R's.
    fourth = fitted("quasi-poisson", 2, ("level", "slope")).fits[0].estimate.extra
    statistic = (extra["deviance"] - fourth["deviance"]) / fourth["dispersion"]
    assert statistic == pytest.approx(sicily_r["F_test_m3_m4"]["F"], rel=1e-4)
    from scipy.stats import f

    assert f.sf(statistic, 1, 51) == pytest.approx(sicily_published["F_test_slope_p"], abs=5e-5)


def test_poisson_with_newey_west(sicily: pd.DataFrame, sicily_r: Any) -> None:
    result = ut.interrupted_time_series(
        sicily["aces"],
        BAN,
        method="poisson",
        covariance="hac",
        hac_lags=3,
        season=2,
        offset=sicily["stdpop"],
        quantiles="normal",
        **COUNTS,
    )
    compare(result, sicily_r["poisson_harmonic2_NeweyWest_lag3_adjust"], 1e-5)


def test_counterfactual_and_averted_events(sicily: pd.DataFrame, sicily_r: Any) -> None:
    result = ut.interrupted_time_series(
        sicily["aces"],
        BAN,
        method="quasi-poisson",
        season=2,
        offset=sicily["stdpop"],
        unit="events",
        **COUNTS,
    )
    reference = sicily_r["counterfactual_model3"]
    fit = result.fits[0]
    after = fit.counterfactual.index
    assert fit.observed[after].sum() == reference["post_obs"]
    assert fit.fitted[after].sum() == pytest.approx(reference["post_fitted"], rel=1e-6)
    assert fit.counterfactual["estimate"].sum() == pytest.approx(
        reference["post_counterfactual"], rel=1e-6
    )
    cumulative = result.effects.set_index("term").loc["cumulative"]
    assert -cumulative["estimate"] == pytest.approx(reference["averted"], rel=1e-5)
    assert cumulative["low"] < cumulative["estimate"] < cumulative["high"]


def test_residual_autocorrelation_matches_r(linear: Reference) -> None:
    from uploadtrends.models.diagnostics import autocorrelation, breusch_godfrey, ljung_box

    series, date, options, r = linear
    reference = r["ols"]
    fit = ut.interrupted_time_series(series, date, method="ols-hac", **options).fits[0]
    residuals = fit.estimate.raw_residuals
    assert autocorrelation(residuals, 12) == pytest.approx(reference["resid_acf"], abs=1e-9)
    assert ljung_box(residuals, 12)[0] == pytest.approx(reference["ljung_box_12"], rel=1e-9)
    godfrey = breusch_godfrey(residuals, fit.prepared.design.fitted, 1)
    assert godfrey[0] == pytest.approx(reference["bg_lag1"], rel=1e-6)
    assert godfrey[2] == pytest.approx(reference["bg_lag1_p"], rel=1e-6)
    assert fit.diagnostics.durbin_watson == pytest.approx(reference["dw"], rel=1e-9)
    assert fit.estimate.extra["sigma"] == pytest.approx(reference["sigma"], rel=1e-9)


@pytest.mark.parametrize(("order", "key"), [((2, 0), "gls_arma20_ML"), ((1, 1), "gls_arma11_ML")])
def test_higher_arma_orders_reach_the_optimum_of_nlme(
    order: tuple[int, int], key: str, linear: Reference
) -> None:
    series, date, options, r = linear
    reference = r[key]
    result = ut.interrupted_time_series(series, date, method="arma", arma_order=order, **options)
    extra = result.fits[0].estimate.extra
    assert extra["log_likelihood"] == pytest.approx(reference["logLik"], abs=1e-3)
    table = result.fits[0].coefficients.set_index("name")
    for name, want in reference["coef"].items():
        assert table.loc[NAMES[name], "estimate"] == pytest.approx(
            want["estimate"], abs=5e-3 * want["se"]
        )
    assert extra["ar1"] == pytest.approx(reference["ar"]["Phi1"], abs=2e-3)
