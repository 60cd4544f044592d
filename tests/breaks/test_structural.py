"""Structural-change tests against strucchange (tests/data/*/reference_R.json)."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uploadtrends.breaks.structural import (
    ave_f,
    bai_perron,
    chow,
    exp_f,
    hansen_p_value,
    ols_cusum,
    sup_f,
)
from uploadtrends.breaks.structural.break_interval import argmax_distribution, break_interval
from uploadtrends.errors import InputError


@pytest.fixture(scope="module")
def r_nile(data: Path) -> dict:
    return json.loads((data / "nile" / "reference_R.json").read_text())


@pytest.fixture(scope="module")
def r_interest(data: Path) -> dict:
    return json.loads((data / "realint" / "reference_R.json").read_text())


def years(*dates: pd.Timestamp) -> list[int]:
    return [date.year for date in dates]


def test_nile_f_statistics(nile: pd.Series, r_nile: dict) -> None:
    for test, name in ((sup_f, "supF"), (ave_f, "aveF"), (exp_f, "expF")):
        found = test(nile)
        assert found.statistic == pytest.approx(r_nile[name]["statistic"], abs=1e-10)
        assert found.p == pytest.approx(r_nile[name]["p"], abs=1e-15)
        # R names the last year of the old regime, we the first of the new one.
        assert found.date.year == r_nile["break_year"] + 1 == 1899
    assert sup_f(nile).path.to_numpy()[:10] == pytest.approx(r_nile["Fstats_first10"], abs=1e-10)


def test_nile_cusum_and_chow(nile: pd.Series, r_nile: dict) -> None:
    cusum = ols_cusum(nile)
    assert cusum.statistic == pytest.approx(r_nile["OLS_CUSUM"]["statistic"], abs=1e-11)
    assert cusum.p == pytest.approx(r_nile["OLS_CUSUM"]["p"], rel=1e-8)
    for year in (1898, 1890):
        found = chow(nile, f"{year + 1}-01-01")
        expected = r_nile[f"Chow_after_{year}"]
        assert found.statistic == pytest.approx(expected["statistic"], abs=1e-10)
        assert found.p == pytest.approx(expected["p"], rel=1e-8)


def test_nile_bai_perron(nile: pd.Series, r_nile: dict) -> None:
    found = bai_perron(nile)
    assert years(*found.dates) == [1899]
    low, high = found.intervals[0]
    expected = [year + 1 for year in r_nile["confint95_year"]]
    assert years(low, found.dates[0], high) == expected == [1896, 1899, 1903]
    low, high = bai_perron(nile, confidence=0.9).intervals[0]
    assert years(low, high) == [r_nile["confint90_year"][0] + 1, r_nile["confint90_year"][2] + 1]
    assert found.selection["rss"].to_numpy() == pytest.approx(r_nile["bp"]["RSS"], rel=1e-10)
    assert found.selection["bic"].to_numpy() == pytest.approx(r_nile["bp"]["BIC"], abs=1e-8)
    means = r_nile["segment_means"]
    assert found.coefficients["constant"].tolist() == pytest.approx([means["pre"], means["post"]])
    assert "1899" in found.summary()


def quarters(*dates: pd.Timestamp) -> list[str]:
    """Quarters in the printed form of Bai & Perron: of the last period of the old regime."""
    return [f"{p.year}({p.quarter})" for p in (pd.Period(d, "Q") - 1 for d in dates)]


def test_real_interest_rate(real_interest: pd.Series, r_interest: dict) -> None:
    found = bai_perron(real_interest, min_size=15, breaks=3, covariance="hac")
    assert quarters(*found.dates) == ["1966(4)", "1972(3)", "1980(3)"]
    assert [quarters(*pair) for pair in found.intervals] == [
        ["1965(2)", "1969(3)"],
        ["1969(1)", "1972(4)"],
        ["1980(1)", "1981(1)"],
    ]
    expected = r_interest["RealInt"]
    assert found.coefficients["constant"].tolist() == pytest.approx(expected["coef_3breaks"])
    errors = found.coefficients["constant_se"].tolist()
    assert errors == pytest.approx(expected["se_3breaks_QS_prewhite_AR1"], abs=1e-9)
    assert found.selection["rss"].iloc[3] == pytest.approx(expected["bp"]["RSS"][3])


def test_real_interest_rate_chosen_by_bic(real_interest: pd.Series, r_interest: dict) -> None:
    found = bai_perron(real_interest, min_size=15, covariance="hac")
    expected = r_interest["RealInt"]
    index = found.index
    assert [index.get_loc(date) for date in found.dates] == expected["bp"]["optimal_BIC"]
    assert found.coefficients["constant_se"].tolist() == pytest.approx(expected["se_2breaks_HAC"])
    places = [[index.get_loc(low), index.get_loc(high)] for low, high in found.intervals]
    assert places == [[r[0], r[2]] for r in expected["confint_2breaks_HAC"]["index"]]
    plain = bai_perron(real_interest, min_size=15, breaks=3)
    places = [[index.get_loc(low), index.get_loc(high)] for low, high in plain.intervals]
    assert places == [[r[0], r[2]] for r in expected["confint_3breaks_plain"]["index"]]
    assert found.selection["bic"].to_numpy() == pytest.approx(expected["bp"]["BIC"], abs=1e-8)


def test_real_interest_rate_tests(real_interest: pd.Series, r_interest: dict) -> None:
    expected = r_interest["RealInt"]
    assert sup_f(real_interest).statistic == pytest.approx(expected["supF"]["statistic"])
    assert ols_cusum(real_interest).statistic == pytest.approx(expected["OLS_CUSUM"]["statistic"])
    assert ols_cusum(real_interest).p == pytest.approx(expected["OLS_CUSUM"]["p"])


def test_hansen_grid(r_interest: dict) -> None:
    for row in r_interest["hansen1997_pvalues"]:
        for kind in ("sup", "ave", "exp"):
            found = hansen_p_value(kind, row["x"], row["k"], row["lambda"])
            assert found == pytest.approx(row[f"p_{kind}F"], abs=1e-12)


def test_hansen_refuses_what_is_not_tabulated() -> None:
    with pytest.raises(InputError, match="1 to 40"):
        hansen_p_value("sup", 5.0, 41, 5.0)
    with pytest.raises(InputError, match="unknown statistic"):
        hansen_p_value("max", 5.0, 1, 5.0)


def test_robust_tests_are_calmer_under_autocorrelation() -> None:
    from uploadtrends.simulate import ar1_series

    plain, robust = [], []
    for row in ar1_series(60, 120, rho=0.7, seed=1):
        series = pd.Series(row, pd.date_range("2014-01-01", periods=120, freq="MS"))
        plain.append(ols_cusum(series).p < 0.05)
        robust.append(ols_cusum(series, covariance="hac").p < 0.05)
    assert np.mean(plain) > 0.5
    assert np.mean(robust) < 0.25


def test_trend_regressors_find_a_broken_trend(monthly) -> None:
    time = np.arange(80)
    rng = np.random.default_rng(2)
    series = monthly(0.3 * time - 0.6 * np.maximum(time - 40, 0) + rng.normal(size=80))
    found = bai_perron(series, regressors="trend", breaks=1)
    assert abs(found.index.get_loc(found.dates[0]) - 40) <= 3
    assert list(found.coefficients.columns) == [
        "start",
        "end",
        "constant",
        "constant_se",
        "trend",
        "trend_se",
    ]
    assert sup_f(series, regressors="trend").p < 1e-6
    own = pd.DataFrame({"one": 1.0, "time": time})
    assert bai_perron(series, regressors=own, breaks=1).dates == found.dates


def test_argmax_distribution_is_a_distribution() -> None:
    grid = [argmax_distribution(x, 1.3, 0.8) for x in np.linspace(-200, 200, 81)]
    assert grid[0] == pytest.approx(0, abs=1e-6)
    assert grid[-1] == pytest.approx(1, abs=1e-6)
    assert np.all(np.diff(grid) >= -1e-12)
    # Equal regimes: the limit is symmetric and its 97.5% point is 11 (Yao 1987; Bai 1997).
    lower, upper = break_interval(1.0, 1.0, 1.0, 1.0, 0.025)
    assert upper == pytest.approx(11.03, abs=0.02)
    assert lower == pytest.approx(-upper)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: sup_f(s.where(s.index != s.index[5])), "every period"),
        (lambda s: sup_f(s, trim=0.7), "trim"),
        (lambda s: sup_f(s, covariance="robust"), "unknown covariance"),
        (lambda s: sup_f(s, regressors="nothing"), "unknown regressors"),
        (lambda s: chow(s, "1871-01-01"), "too few periods"),
        (lambda s: chow(s, "1999-01-01"), "too few periods"),
        (lambda s: bai_perron(s, min_size=1), "longer than"),
        (lambda s: bai_perron(s, min_size=40, breaks=3), "do not fit"),
        (lambda s: bai_perron(s, confidence=95), "confidence"),
    ],
)
def test_what_cannot_be_used_is_named(nile: pd.Series, call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(nile)


def test_results_are_small_and_portable(nile: pd.Series) -> None:
    for found in (sup_f(nile), ols_cusum(nile), chow(nile, "1899-01-01"), bai_perron(nile)):
        again = pickle.loads(pickle.dumps(found))
        assert again.summary() == found.summary()
        assert found.to_dict()["table"]
        assert found.call.function
