"""Degenerate input: a clear error, or an answer with its warning; never a silent number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError

METHODS = (
    "reml-ar1",
    "ols-hac",
    "prais-winsten",
    "arma",
    "ar1-plus-noise",
    "structural",
    "poisson",
    "quasi-poisson",
    "negative-binomial",
    "count-ar1",
)


def months(values: object, start: str = "2018-01-01") -> pd.Series:
    array = np.asarray(values, dtype=float)
    return pd.Series(array, pd.date_range(start, periods=array.size, freq="MS"))


def noisy(n: int = 72, seed: int = 0, mean: float = 80) -> pd.Series:
    return months(np.random.default_rng(seed).poisson(mean, n))


def silent(result: ut.models.InterruptedTimeSeries) -> bool:
    """Whether no row holds a number."""
    return bool(result.effects[["estimate", "low", "high", "p"]].isna().all(axis=None))


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize(("value", "why"), [(7.0, "never changes"), (0.0, "every value is zero")])
def test_constant_series_are_refused(method: str, value: float, why: str) -> None:
    result = ut.interrupted_time_series(months([value] * 40), "2020-03-10", method=method)
    assert set(result.effects["status"]) == {"refused"}
    assert result.effects["reason"].str.contains(why).all()
    assert silent(result)
    assert why in result.summary()
    assert result.fits[0].fitted.isna().all()


@pytest.mark.parametrize("n", [1, 5, 11])
def test_fewer_than_twelve_points_are_refused(n: int) -> None:
    result = ut.interrupted_time_series(noisy(n), "2018-06-10")
    assert set(result.effects["status"]) == {"refused"}
    assert f"{n} observed periods, at least 12 needed" in result.effects["reason"].iloc[0]
    assert silent(result)


def test_twelve_points_are_exploratory() -> None:
    result = ut.interrupted_time_series(noisy(12), "2018-07-01")
    assert set(result.effects.dropna(subset="estimate")["status"]) == {"exploratory"}
    assert "exploratory" in result.summary()
    assert "12 points, fewer than 24" in result.effects["reason"].iloc[0]


def test_twelve_points_with_many_terms_are_refused() -> None:
    result = ut.interrupted_time_series(noisy(12), "2018-07-01", season=3)
    assert "coefficients from 12" in result.effects["reason"].iloc[0]


@pytest.mark.parametrize("method", METHODS)
def test_missing_months_are_gaps_for_every_method(method: str) -> None:
    series = noisy()
    series.iloc[[5, 6, 20, 60]] = np.nan
    dropped = series.dropna()
    options = {"method": method, "season": "none"}
    result = ut.interrupted_time_series(series, "2021-03-10", **options)
    absent = ut.interrupted_time_series(dropped, "2021-03-10", **options)
    pd.testing.assert_frame_equal(result.effects, absent.effects)
    assert result.effects["estimate"].notna().all()
    assert not result.fits[0].used.iloc[5]
    assert result.fits[0].fitted.notna().all()


def test_one_outlier_is_named() -> None:
    series = noisy()
    series.iloc[50] = 900
    fit = ut.interrupted_time_series(series, "2021-03-10").fits[0]
    assert "2022-03-01" in fit.diagnostics.verdict
    assert "weigh heavily" in fit.sentence


@pytest.mark.parametrize("date", ["2018-01-01", "2018-01-20", "2023-12-01", "2023-12-31"])
def test_events_in_the_first_or_last_period_are_not_estimable(date: str) -> None:
    result = ut.interrupted_time_series(noisy(), date)
    assert set(result.effects["status"]) == {"not estimable"}
    assert silent(result)
    assert "needed" in result.effects["reason"].iloc[0]
    assert "not estimable" in result.summary()


def test_two_events_in_one_period_become_one_block() -> None:
    result = ut.interrupted_time_series(noisy(), ["2021-03-02", "2021-03-28"])
    assert result.effects["event"].nunique() == 1
    assert "no member has an estimate of its own" in result.effects["reason"].iloc[0]
    assert "no member has an estimate of its own" in result.summary()
    apart = ut.interrupted_time_series(noisy(), ["2021-03-02", "2021-03-28"], merge=False)
    status = apart.effects.groupby("event")["status"].first()
    assert sorted(status) == ["not estimable", "ok"]


def test_collinear_controls_are_an_error_that_names_them() -> None:
    series = noisy()
    twins = pd.DataFrame({"a": noisy(seed=1), "b": 2 * noisy(seed=1)})
    with pytest.raises(InputError, match="column 'b'"):
        ut.interrupted_time_series(series, "2021-03-10", covariates=twins)
    with pytest.raises(InputError, match="control"):
        ut.interrupted_time_series(series, "2021-03-10", control=noisy() * 0 + 3, scale="level")


def test_controls_of_another_frequency_or_time_are_errors() -> None:
    weekly = pd.Series(range(1, 101), pd.date_range("2018-01-01", periods=100, freq="W-MON"))
    with pytest.raises(InputError, match="frequency"):
        ut.interrupted_time_series(noisy(), "2021-03-10", control=weekly.astype(float))
    elsewhere = months([5.0, 6.0, 7.0], start="1990-01-01")
    with pytest.raises(InputError, match="overlap"):
        ut.interrupted_time_series(noisy(), "2021-03-10", control=elsewhere)
    with pytest.raises(InputError, match="positive"):
        ut.interrupted_time_series(noisy(), "2021-03-10", control=noisy() - 80)
    with pytest.raises(InputError, match="offset"):
        ut.interrupted_time_series(noisy(), "2021-03-10", scale="level", offset=noisy())


def test_index_without_order_or_dates() -> None:
    series = noisy()
    with pytest.raises(InputError, match="order"):
        ut.interrupted_time_series(series.iloc[::-1], "2021-03-10")
    with pytest.raises(InputError, match="dates"):
        ut.interrupted_time_series(series.reset_index(drop=True), "2021-03-10")
    with pytest.raises(InputError, match="no events"):
        ut.interrupted_time_series(series, [])
    with pytest.raises(InputError, match="cannot find series"):
        ut.interrupted_time_series([1, 2, 3], "2021-03-10")


def test_time_zones_are_converted() -> None:
    series = noisy()
    zoned = series.tz_localize("UTC")
    one, two = (ut.interrupted_time_series(s, "2021-03-10").effects for s in (series, zoned))
    pd.testing.assert_frame_equal(one, two)


def test_weekly_data_across_year_ends() -> None:
    index = pd.date_range("2019-12-16", periods=160, freq="W-MON")
    series = pd.Series(
        np.random.default_rng(3).poisson(40, 160) + 20.0 * (np.arange(160) > 54), index
    )
    result = ut.interrupted_time_series(series, "2021-01-04", scale="log")
    level = result.effects.set_index("term").loc["level"]
    assert level["low"] < np.log(60 / 40) < level["high"]
    assert level["unit"] == "log ratio"
    assert "week" in result.summary()
    assert result.fits[0].observed.index.freqstr == "W-MON"


@pytest.mark.parametrize("method", ["poisson", "quasi-poisson", "negative-binomial", "count-ar1"])
def test_a_segment_of_zeros_is_refused(method: str) -> None:
    values = np.random.default_rng(1).poisson(6, 60).astype(float)
    values[36:] = 0
    result = ut.interrupted_time_series(months(values), "2021-01-01", method=method)
    assert set(result.effects["status"]) == {"refused"}
    assert "only zeros" in result.effects["reason"].iloc[0]
    assert silent(result)


def test_a_line_without_noise_is_refused() -> None:
    result = ut.interrupted_time_series(months(np.arange(40.0) + 50), "2020-03-10", scale="level")
    assert "without any noise" in result.effects["reason"].iloc[0]
    assert silent(result)


def test_log_of_zero_and_negative_counts_are_refused() -> None:
    series = noisy(mean=3)
    result = ut.interrupted_time_series(series, "2021-03-10", scale="log")
    assert "not positive" in result.effects["reason"].iloc[0]
    result = ut.interrupted_time_series(series - 3, "2021-03-10", method="poisson")
    assert "negative" in result.effects["reason"].iloc[0]


def test_arma_whose_starts_disagree_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from uploadtrends.models.estimators import arma

    # No two starts agree to less than nothing: the refusal of a likelihood with several optima.
    monkeypatch.setattr(arma, "AGREEMENT", 0.0)
    result = ut.interrupted_time_series(noisy(30), "2019-09-10", method="arma")
    assert set(result.effects["status"]) == {"refused"}
    assert "several optima" in result.effects["reason"].iloc[0]
    assert silent(result)


def test_a_random_walk_is_warned_of() -> None:
    walk = np.cumsum(np.random.default_rng(5).standard_normal(72)) + 200
    result = ut.interrupted_time_series(months(walk), "2021-03-10", trend=False, season="none")
    assert any("near 1" in note for note in result.fits[0].notes)
    assert "near 1" in result.summary()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_slow_fit_says_on_a_terminal_what_it_fits(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys
    import time

    from uploadtrends.models import result
    from uploadtrends.series.named import NamedSeries

    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(result, "PATIENCE", 0.01)
    hours = pd.Series(1.0, pd.date_range("2022-01-01", periods=2880, freq="h"))
    with result._said_when_slow([NamedSeries("", "", hours)]):
        time.sleep(0.3)
    said = "fitting one series of 2,880 periods in all ...\n"
    assert shown.getvalue() == (said if terminal else "")
