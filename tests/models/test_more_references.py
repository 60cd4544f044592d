"""Numbers of R 4.2.2 (stats, nlme 3.1-162, pscl) and of dense least squares, to the digit.

The data are simulated (CC0): tests/data/sarima (seed 20260301), counts (20260402), gls (20260601
and 20260602), state_space (20260701); nile is R's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.models import effect_sizes, gls
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.units import untreated

DATA = Path(__file__).parent.parent / "data"


def monthly(name: str, column: str = "y") -> pd.Series:
    table = pd.read_csv(DATA / f"{name}.csv")
    index = pd.DatetimeIndex(table["month"] + "-01")
    return pd.Series(table[column].to_numpy(float), index)


def row(result: Any, term: str) -> pd.Series:
    return result.effects.set_index("term").loc[term]


def test_seasonal_arima_with_regressors() -> None:
    """arima(z, c(1,0,0), list(order = c(1,0,0), period = 12), xreg = cbind(t, step))."""
    result = ut.interrupted_time_series(
        monthly("sarima/sim_sarima"),
        "2019-01-01",
        method="arima",
        order=(1, 0, 0),
        seasonal=(1, 0, 0, 12),
        terms="level",
        season="none",
        scale="level",
    )
    level, fit = row(result, "level"), result.fits[0].estimate
    assert level["estimate"] == pytest.approx(2.38941774482108, abs=2e-4)
    assert level["se"] == pytest.approx(0.578812605336673, rel=1e-3)
    assert fit.extra["ar_L1"] == pytest.approx(0.458066657026665, abs=1e-4)
    assert fit.extra["ar_S_L12"] == pytest.approx(0.405439502012086, abs=1e-4)
    assert fit.extra["log_likelihood"] == pytest.approx(-264.160745949838, abs=1e-3)


def test_differences_take_out_the_intercept() -> None:
    """arima(z, c(1,0,0), list(order = c(0,1,1), period = 12), xreg = step)."""
    result = ut.interrupted_time_series(
        monthly("sarima/sim_sarima"),
        "2019-01-01",
        method="arima",
        order=(1, 0, 0),
        seasonal=(0, 1, 1, 12),
        terms="level",
        season="none",
        trend=False,
        scale="level",
    )
    level = row(result, "level")
    assert level["estimate"] == pytest.approx(3.13634294915105, abs=1e-4)
    assert level["se"] == pytest.approx(0.596114756033009, rel=1e-3)
    # Without the effect the series is the observed one less the effect.
    fit = result.fits[0]
    without = fit.counterfactual["estimate"]
    np.testing.assert_allclose(fit.observed[without.index] - without, level["estimate"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"arma_order": (1, 0, 0)}, 'method="arima"'),
        ({"order": (1, 0)}, "3 whole numbers"),
        ({"seasonal": (0, 1, 1)}, "4 whole numbers"),
    ],
)
def test_orders_have_their_lengths(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ut.interrupted_time_series(monthly("sarima/sim_sarima"), "2019-01-01", **options)


@pytest.mark.parametrize(
    ("method", "step", "se", "log_likelihood", "logit"),
    [
        (
            "zero-inflated-poisson",
            -0.134645342399277,
            0.452695351466186,
            -154.003869789393,
            -0.4853337,
        ),
        ("hurdle-poisson", -0.0154440676450085, 0.436363128930785, -152.737982434866, 0.25131444),
    ],
)
def test_zero_inflated_and_hurdle(
    method: str, step: float, se: float, log_likelihood: float, logit: float
) -> None:
    """zeroinfl(y ~ index + step + ramp + sin1 + cos1 | 1) and hurdle(...), pscl."""
    result = ut.interrupted_time_series(
        monthly("counts/sim_zero_inflated"), "2022-01-01", method=method, season=1
    )
    level, extra = row(result, "level"), result.fits[0].estimate.extra
    assert level["estimate"] == pytest.approx(step, abs=1e-5)
    assert level["se"] == pytest.approx(se, rel=1e-3)
    assert extra["log_likelihood"] == pytest.approx(log_likelihood, abs=1e-6)
    assert extra["zero_logit"] == pytest.approx(logit, abs=1e-5)
    # The fitted means are those of all periods, zeros of their own kind among them.
    fit = result.fits[0]
    assert fit.fitted.sum() == pytest.approx(fit.observed.sum(), rel=0.02)


def test_local_level_with_regression_is_dense_least_squares() -> None:
    """Exact diffuse likelihood and smoothed law, by brute force (numpy)."""
    result = ut.interrupted_time_series(
        monthly("state_space/sim_monthly"),
        "2021-01-01",
        method="structural",
        trend=False,
        terms="level",
        season="dummies",
        scale="level",
    )
    fit = result.fits[0]
    found = fit.estimate
    assert found.extra["noise_sd"] ** 2 == pytest.approx(0.005972311031196689, rel=1e-5)
    assert found.extra["level_sd"] ** 2 == pytest.approx(0.0026026081730568516, rel=1e-5)
    assert row(result, "level")["estimate"] == pytest.approx(-0.2861305430825606, abs=1e-7)
    assert row(result, "level")["se"] == pytest.approx(0.09424989073295102, rel=1e-6)
    rows, offset, noise = untreated(fit.prepared, found)
    for place, mean, spread in (
        (109, 4.204148658477436, 0.08009648116415326),
        (115, 4.9130440782745, 0.10470220241448247),
        (144, 4.610139660348083, 0.10876469855693541),
    ):
        at = rows[place - 1]
        assert at @ found.mean + offset[place - 1] == pytest.approx(mean, abs=1e-6)
        variance = at @ found.covariance[0] @ at + noise[place - 1, place - 1]
        assert np.sqrt(variance) == pytest.approx(spread, abs=1e-6)
    # One band for every period, none of them without a width.
    band = fit.counterfactual
    assert np.isfinite(band).all().all()
    assert (band["high"] - band["low"]).max() < 3 * (band["high"] - band["low"]).min()


def test_a_level_that_does_not_wander_is_a_mean() -> None:
    """Nile, step in 1899: the level's variance is zero, and the answer that of least squares."""
    table = pd.read_csv(DATA / "nile" / "nile.csv")
    index = pd.date_range("1871-01-01", periods=100, freq="YS")
    series = pd.Series(table.iloc[:, -1].to_numpy(float), index)
    result = ut.interrupted_time_series(
        series, "1899-01-01", method="structural", trend=False, terms="level", scale="level"
    )
    level = row(result, "level")
    assert level["estimate"] == pytest.approx(-247.777777777778, abs=1e-6)
    assert level["se"] == pytest.approx(28.435201971134152, rel=1e-6)
    assert result.fits[0].estimate.extra["log_likelihood"] == pytest.approx(
        -618.1092649210, abs=1e-6
    )
    assert level["relative_low"] < level["relative"] < level["relative_high"] < -15


def test_gls_with_arma_errors_over_gaps() -> None:
    """gls(y ~ index + step + ramp + sin1 + cos1, corARMA(form = ~index, p = 1, q = 1)), nlme."""
    table = pd.read_csv(DATA / "gls" / "sim_ar2_gaps.csv")
    x = np.column_stack([np.ones(len(table)), table[["index", "step", "ramp", "sin1", "cos1"]]])
    fit = gls(table["y"], x, table["index"], errors="arma", order=(1, 1))
    assert fit.parameters["ar1"] == pytest.approx(0.845635147788961, abs=1e-5)
    assert fit.parameters["ma1"] == pytest.approx(-0.378787022417537, abs=1e-5)


def test_gls_at_irregular_times() -> None:
    """gls(y ~ day + step, corExp(form = ~day, nugget = TRUE)), nlme, REML."""
    table = pd.read_csv(DATA / "gls" / "sim_irregular.csv")
    x = np.column_stack([np.ones(len(table)), table[["day", "step"]]])
    fit = gls(table["y"], x, table["day"], errors="exponential+noise")
    assert fit.parameters["range"] == pytest.approx(2.86900286222088, abs=1e-4)
    assert fit.parameters["noise_share"] == pytest.approx(0.408848296553619, abs=1e-5)
    alone = gls(table["y"], x, table["day"])
    assert alone.parameters["phi"] == pytest.approx(0.00133012145048535, abs=1e-7)
    with pytest.raises(InputError, match="whole times"):
        gls(table["y"], x, table["day"], errors="arma")


def test_effect_sizes_as_other_tools_print_them() -> None:
    rng = np.random.default_rng(3)
    y = 50 + 0.1 * np.arange(60) - 5 * (np.arange(60) >= 40) + rng.standard_normal(60)
    difference, d = effect_sizes(y, 40)
    # coef(indicator) + b coef(interaction), b = (n - s) / 2 with s counted from 1.
    x = np.column_stack(
        [np.ones(60), np.arange(60), np.arange(60) >= 40, np.maximum(np.arange(60) - 40, 0)]
    ).astype(float)
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    assert difference.estimate == pytest.approx(beta[2] + 9.5 * beta[3])
    post, without = x[40:] @ beta, x[40:, :2] @ beta[:2]
    spread = np.sqrt((post.var(ddof=1) + without.var(ddof=1)) / 2)
    assert d.estimate == pytest.approx(difference.estimate / spread)
    assert d.low < d.estimate < d.high


def test_effect_sizes_of_the_reference(shared: Path) -> None:
    """its2es' formulas in R, on its own series; the limits of d are Monte Carlo."""
    import json

    numbers = json.loads((shared / "reference/effect_sizes/reference_R.json").read_text())[
        "results"
    ]
    table = pd.read_csv(shared / "reference/effect_sizes/sim.csv")
    for model in ("full", "level", "slope"):
        key = f"sim_y/no_season/{model}/all/"
        difference, d = effect_sizes(table["y"], 72, model=model)
        for name, got in (
            ("mean_difference", difference.estimate),
            ("se", difference.se),
            ("lower", difference.low),
            ("cohens_d", d.estimate),
        ):
            assert got == pytest.approx(numbers[key + name], rel=1e-9)
        width = numbers[key + "d_upper_mc2000"] - numbers[key + "d_lower_mc2000"]
        assert abs(d.high - numbers[key + "d_upper_mc2000"]) < 0.05 * width
        key = f"sim_count/offset_no_season/quasipoisson/{model}/"
        (ratio,) = effect_sizes(
            table["count"], 72, model=model, family="quasi-poisson", offset=np.log(table["pop"])
        )
        assert ratio.estimate == pytest.approx(numbers[key + "RR"], rel=1e-9)
        assert ratio.se == pytest.approx(numbers[key + "se"], rel=1e-6)


def test_estimators_are_found_by_name() -> None:
    result = ut.interrupted_time_series(monthly("sarima/sim_sarima"), "2019-01-01", season="none")
    again = estimate(result.fits[0].prepared)
    np.testing.assert_array_equal(again.mean, result.fits[0].estimate.mean)
