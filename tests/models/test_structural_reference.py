"""Structural models whose trend and season wander: every field of the dense reference.

tests/data/nile is R's, tests/data/state_space simulated (CC0, seed 20260701); the numbers are those
of dense least squares with an exact diffuse start (numpy), not of a filter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.models.comparison.unobserved import unobserved

DATA = Path(__file__).parent.parent / "data"
TREND = "local linear trend"
VARIANCES = {
    "sigma2.irregular": "variance_epsilon",
    "sigma2.level": "variance_level",
    "sigma2.trend": "variance_slope",
    "sigma2.seasonal": "variance_seas",
}


@pytest.fixture(scope="module")
def monthly() -> pd.DataFrame:
    return pd.read_csv(DATA / "state_space" / "sim_monthly.csv")


def fitted(y: np.ndarray, level: str, cycle: int | None, x: np.ndarray | None = None) -> Any:
    unit = float(y.std())
    return unit, unobserved(y / unit, np.empty((len(y), 0)) if x is None else x, level, cycle)


def hold(y: np.ndarray, level: str, cycle: int | None, want: dict[str, float]) -> None:
    """Hold likelihood, variances, forecasts and smoothed levels against the reference."""
    unit, fit = fitted(y, level, cycle)
    free = len(y) - want["n_diffuse"]
    log_likelihood = fit.llf - free * np.log(unit)
    assert log_likelihood == pytest.approx(want["uc_exact_diffuse_loglik"], abs=1e-5)
    total = sum(fit.params) * unit**2
    for mine, theirs in VARIANCES.items():
        if theirs in want:
            found = dict(zip(fit.model.param_names, fit.params, strict=True))[mine] * unit**2
            assert found == pytest.approx(want[theirs], rel=1e-5, abs=1e-8 * total)
    ahead = fit.get_forecast(12)
    for name, value in want.items():
        kind, _, place = name.rpartition("_")
        at = int("".join(filter(str.isdigit, place)) or 1) - 1
        found = {
            "forecast_mean": lambda at: ahead.predicted_mean[at],
            "forecast_se": lambda at: ahead.se_mean[at],
            "smoothed_level": lambda at: fit.smoothed_state[0, at],
            "smoothed_level_se": lambda at: np.sqrt(fit.smoothed_state_cov[0, 0, at]),
        }.get(kind)
        if found is not None:
            assert found(at) * unit == pytest.approx(value, rel=5e-6), name


def test_local_level_and_trend_of_the_nile() -> None:
    nile = pd.read_csv(DATA / "nile" / "nile.csv").iloc[:, -1].to_numpy(float)
    hold(
        nile,
        "local level",
        None,
        {
            "variance_epsilon": 15098.519504478987,
            "variance_level": 1469.176084443405,
            "uc_exact_diffuse_loglik": -633.464563636246,
            "n_diffuse": 1,
            "forecast_mean_h12": 798.3673028362746,
            "forecast_se_h12": 191.73107399084955,
            "smoothed_level_row50": 834.7629528548846,
            "smoothed_level_se_row1": 63.49938752369355,
        },
    )
    hold(
        nile,
        TREND,
        None,
        {
            "variance_epsilon": 14678.015514203214,
            "variance_level": 1752.7704530013928,
            "variance_slope": 0.0,
            "uc_exact_diffuse_loglik": -631.710689122478,
            "n_diffuse": 2,
            "forecast_mean_h12": 741.7614994288763,
            "forecast_se_h12": 209.43559780748578,
            "smoothed_level_row50": 833.9716088740128,
            "smoothed_level_se_row1": 66.19314264660663,
        },
    )


@pytest.mark.parametrize(
    ("key", "level", "cycle"),
    [
        ("nile/level", "local level", None),
        ("nile/trend", TREND, None),
        ("ukgas_log10/BSM", TREND, 4),
        ("sim_pre/BSM", TREND, 12),
    ],
)
def test_every_field_of_the_reference(
    key: str, level: str, cycle: int | None, shared: Path, monthly: pd.DataFrame
) -> None:
    folder = shared / "reference" / "state_space"
    every = json.loads((folder / "reference_gls.json").read_text())["results"]
    want = {
        name.rpartition("/")[2]: value
        for name, value in every.items()
        if name.startswith(f"structural/{key}/")
    }
    assert len(want) > 14
    y = {
        "nile": lambda: pd.read_csv(folder / "nile.csv")["y"],
        "ukgas_log10": lambda: pd.read_csv(folder / "ukgas.csv")["log10gas"],
        "sim_pre": lambda: monthly["y"][:108],
    }[key.partition("/")[0]]()
    hold(y.to_numpy(float), level, cycle, want)


def test_a_season_that_wanders_beside_a_step(monthly: pd.DataFrame) -> None:
    """sim/stochseason/full: the season's variance is zero, the step that of a fixed season."""
    unit, fit = fitted(
        monthly["y"].to_numpy(), "local level", 12, monthly[["step"]].to_numpy(float)
    )
    step, spread = fit.smoothed_state[-1, -1] * unit, fit.smoothed_state_cov[-1, -1, -1]
    assert step == pytest.approx(-0.28613054175054575, abs=2e-8)
    assert np.sqrt(spread) * unit == pytest.approx(0.09424989095744475, rel=2e-6)


def test_forecasts_from_before_the_event(monthly: pd.DataFrame) -> None:
    """sim/stochseason/pre: what CausalImpact does, predicted and compared."""
    y = monthly["y"].to_numpy()
    unit, fit = fitted(y[:108], "local level", 12)
    ahead = fit.get_forecast(36)
    mean, se = ahead.predicted_mean * unit, ahead.se_mean * unit
    for row, wanted_mean, wanted_se in (
        (109, 4.2172087915431655, 0.11872251526188642),
        (120, 4.2724515004062695, 0.19271044723064376),
        (144, 4.2724515004062695, 0.29906335641867615),
    ):
        assert mean[row - 109] == pytest.approx(wanted_mean, abs=2e-6)
        assert se[row - 109] == pytest.approx(wanted_se, abs=2e-6)
    assert (y[108:] - mean).mean() == pytest.approx(0.045768705830138603, abs=2e-6)


def test_they_are_compared_by_name(monthly: pd.DataFrame) -> None:
    series = pd.Series(monthly["y"].to_numpy(), pd.DatetimeIndex(monthly["month"] + "-01"))
    result = ut.interrupted_time_series(series, "2021-01-01", scale="level", terms="level")
    table = ut.compare(result, ["structural", "local-linear-trend", "basic-structural"]).table
    rows = table.set_index("method")
    # The slope's variance is zero here: the same model as the local level with a trend.
    for name in ("estimate", "se", "p"):
        want = rows.loc["structural", name]
        assert rows.loc["local-linear-trend", name] == pytest.approx(want, rel=1e-5)
    assert rows.loc["basic-structural", "status"] == "exploratory"
    assert rows.loc["basic-structural", "low"] < -0.2861 < rows.loc["basic-structural", "high"]
    counts = pd.Series(np.random.default_rng(1).poisson(3, 60), series.index[:60])
    few = ut.interrupted_time_series(counts, "2015-01-01", scale="counts", terms="level")
    refused = ut.compare(few, ["basic-structural"]).table.iloc[-1]
    assert refused["status"] == "not estimable"
    assert "counts" in refused["reason"]
