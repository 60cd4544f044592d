"""What a statistician asks of a fit, against values that are known."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.simulate import ar1_series

EVENT = "2021-06-01"
INDEX = pd.date_range("2016-01-01", periods=96, freq="MS")


def noise(rho: float, seed: int) -> np.ndarray:
    return ar1_series(1, 96, rho=rho, seed=seed)[0]


@pytest.fixture(scope="module")
def known() -> pd.Series:
    """50 + 0.5 t, minus 12 from June 2021 on, with AR(1) errors."""
    values = 50 + 0.5 * np.arange(1, 97) - 12.0 * (INDEX >= EVENT) + noise(0.4, 4)
    return pd.Series(values, INDEX)


@pytest.fixture(scope="module")
def its(known):
    return ut.interrupted_time_series(
        known, EVENT, terms=("level",), scale="level", season="none", boundary="inclusive"
    )


def test_the_equation_carries_the_estimates(its) -> None:
    fit = its.fits[0]
    values = fit.coefficients.set_index("name")["estimate"]
    equation = fit.equation()
    for value in values:
        assert f"{abs(value):.4g}" in equation.words
        assert f"{abs(value):.4g}" in equation.latex
    assert values[f"level[{EVENT}]"] == pytest.approx(-12, abs=1.5)
    assert equation.latex.startswith("y_t = ")
    assert r"\mathbf{1}_{t \ge \text{2021-06-01}}" in equation.latex
    assert equation.latex.count("{") == equation.latex.count("}")
    assert "long memory" in equation.words
    assert equation._repr_latex_().startswith("$$")


@pytest.mark.parametrize(
    ("settings", "left"),
    [({"scale": "log"}, r"\log y_t"), ({"method": "count-ar1"}, r"\log \mathrm{E}(y_t)")],
)
def test_the_equation_names_its_scale(settings, left) -> None:
    counts = pd.Series(np.random.default_rng(1).poisson(30, 96).astype(float), INDEX)
    fit = ut.interrupted_time_series(counts, EVENT, **settings).fits[0]
    assert fit.equation().latex.startswith(left)
    assert "seasonal terms (sin1, cos1, sin2, cos2)" in fit.equation().words


def test_residuals_are_observed_minus_fitted(its) -> None:
    fit = its.fits[0]
    np.testing.assert_allclose(fit.residuals, fit.observed - fit.fitted, atol=1e-9)


def test_a_prediction_continues_the_lines(its) -> None:
    fit = its.fits[0]
    found = fit.predict(6)
    assert list(found.index) == list(pd.date_range("2024-01-01", periods=6, freq="MS"))
    slope, level = (
        fit.coefficients.set_index("name")["estimate"][name]
        for name in ("trend", f"level[{EVENT}]")
    )
    np.testing.assert_allclose(np.diff(found["estimate"]), slope, atol=1e-8)
    np.testing.assert_allclose(found["estimate"] - found["without"], level, atol=1e-8)
    assert ((found["low"] < found["estimate"]) & (found["estimate"] < found["high"])).all()
    # A longer way off is known less well.
    width = found["high"] - found["low"]
    assert width.iloc[-1] > width.iloc[0]


def test_a_prediction_covers_what_comes() -> None:
    inside = []
    for seed in range(40):
        values = 20 + noise(0.3, seed)
        whole = pd.Series(values, INDEX)
        fit = ut.interrupted_time_series(
            whole.iloc[:84], "2019-06-01", terms=("level",), scale="level", season="none"
        ).fits[0]
        found = fit.predict(12)
        inside.append(whole.iloc[84:].between(found["low"], found["high"]).mean())
    assert 0.88 <= np.mean(inside) <= 1.0


def test_a_prediction_needs_its_covariates(known) -> None:
    covariates = pd.DataFrame(
        {"x": np.sin(np.arange(100))}, pd.date_range("2016", periods=100, freq="MS")
    )
    fit = ut.interrupted_time_series(known, EVENT, covariates=covariates, scale="level").fits[0]
    assert fit.predict(4)["estimate"].notna().all()
    with pytest.raises(InputError, match="ends before the periods to predict"):
        fit.predict(5)
    with pytest.raises(InputError, match="whole number of at least 1"):
        fit.predict(0)


def test_a_refused_series_has_no_equation() -> None:
    short = pd.Series([1.0, 2.0, 4.0, 3.0] * 2, INDEX[:8])
    fit = ut.interrupted_time_series(short, "2016-05-01").fits[0]
    for ask in (fit.equation, fit.predict, fit.bootstrap):
        with pytest.raises(NotEstimableError, match="refused"):
            ask()
    assert fit.residuals.isna().all()


def test_the_bootstrap_is_near_least_squares_and_covers() -> None:
    covered, widths = 0, []
    for seed in range(60):
        values = noise(0.3, 100 + seed)
        fit = ut.interrupted_time_series(
            pd.Series(20 + values - 3.0 * (INDEX >= EVENT), INDEX),
            EVENT,
            terms=("level",),
            scale="level",
            season="none",
            method="ols-hac",
        ).fits[0]
        row = fit.bootstrap(draws=499, seed=seed).iloc[0]
        own = fit.effects.set_index("term").loc["level"]
        assert row["estimate"] == pytest.approx(own["estimate"])
        covered += row["low"] <= -3.0 <= row["high"]
        widths.append((row["high"] - row["low"]) / (own["high"] - own["low"]))
    assert covered >= 50  # of 60; 57 expected at the nominal rate
    assert 0.8 < np.median(widths) < 1.4
    again = [fit.bootstrap(draws=99, seed=3)["low"].iloc[0] for _ in range(2)]
    assert again[0] == again[1]


def test_counts_have_no_bootstrap() -> None:
    counts = pd.Series(np.random.default_rng(1).poisson(3, 96).astype(float), INDEX)
    with pytest.raises(NotEstimableError, match="counts"):
        ut.interrupted_time_series(counts, EVENT, scale="counts").fits[0].bootstrap()


def test_methods_side_by_side_are_those_of_single_calls(known, its) -> None:
    found = ut.compare(its, ["ols-hac", "reml-ar1", "bootstrap"])
    table = found.to_frame().set_index("method")
    assert list(table.index) == ["reml-averaged (reported)", "ols-hac", "reml-ar1", "bootstrap"]
    for method in ("ols-hac", "reml-ar1"):
        alone = its.refit(method=method).effects.set_index("term").loc["level"]
        assert table.loc[method, "estimate"] == pytest.approx(alone["estimate"])
        assert table.loc[method, "p"] == pytest.approx(alone["p"])
    assert "ols-hac" in repr(found)
    assert re.search(r"over 4 methods", found.summary())


def test_a_comparison_takes_settings_under_a_name_of_ones_own(its) -> None:
    found = ut.compare(its, {"plugged in": {"method": "reml-ar1", "phi": "maximum"}})
    alone = its.refit(method="reml-ar1", phi="maximum").effects
    assert found.table["se"].iloc[1] == pytest.approx(alone["se"].iloc[0])
    with pytest.raises(InputError, match="did you mean 'phi'"):
        ut.compare(its, {"x": {"phii": "maximum"}})
    with pytest.raises(InputError, match="unknown method"):
        ut.compare(its, ["ols-hc"])
    with pytest.raises(InputError, match="only an interrupted time series"):
        ut.compare(its.effects)


def test_a_method_that_cannot_says_why(its) -> None:
    table = ut.compare(its, ["count-ar1"]).table
    assert table["status"].iloc[1] == "not estimable"
    assert table["reason"].iloc[1]


def test_diagnostics_are_drawn(its) -> None:
    drawing = its.fits[0].plot_diagnostics()
    assert len(drawing.axes) >= 3
    residuals = its.fits[0].diagnostics.residuals
    np.testing.assert_allclose(drawing.data["residual"], residuals)
    ranks = drawing.data.sort_values("residual")["normal_quantile"]
    assert ranks.is_monotonic_increasing
    assert abs(ranks.iloc[0] + ranks.iloc[-1]) < 1e-9
    assert "Autocorrelations" in drawing.alternative
