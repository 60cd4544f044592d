"""Every regression with seasonal ARIMA errors of R's reference (stats and forecast, R 4.2.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import uploadtrends as ut

AIRLINE: dict[str, Any] = {"order": (0, 1, 1), "seasonal": (0, 1, 1, 12), "trend": False}
SEASONAL = (1, 0, 0, 12)
MODELS: dict[str, dict[str, Any]] = {
    "air/airline_step": {**AIRLINE, "terms": "level"},
    "air/airline_step_ramp": AIRLINE,
    "air_added/airline_step": {**AIRLINE, "terms": "level"},
    "air_added/airline_step_ramp": AIRLINE,
    "air_added/Arima_airline_step_ramp": AIRLINE,
    "air_gap/airline_step_ramp": AIRLINE,
    "sim/ar1_t_step": {"order": (1, 0, 0), "terms": "level"},
    "sim/arma11_t_step": {"order": (1, 0, 1), "terms": "level"},
    "sim/sar100_100_step": {"seasonal": SEASONAL, "terms": "level", "trend": False},
    "sim/sar100_100_t_step": {"seasonal": SEASONAL, "terms": "level"},
    "sim/Arima_100_100_t_step": {"seasonal": SEASONAL, "terms": "level"},
    "sim/sar100_100_t_step_ramp": {"seasonal": SEASONAL},
    "sim/sar100_011_step": {"seasonal": (0, 1, 1, 12), "terms": "level", "trend": False},
    "sim/sar201_100_t_step": {"order": (2, 0, 1), "seasonal": SEASONAL, "terms": "level"},
}
NAMES = {"ar1": "ar_L1", "ar2": "ar_L2", "ma1": "ma_L1", "sar1": "ar_S_L12", "sma1": "ma_S_L12"}


@pytest.mark.parametrize("key", MODELS)
def test_every_seasonal_arima_of_the_reference(key: str, shared: Path) -> None:
    folder = shared / "reference" / "sarima"
    every = json.loads((folder / "reference_R.json").read_text())["results"]
    want = {k.removeprefix(key + "/"): v for k, v in every.items() if k.startswith(key + "/")}
    data = key.partition("/")[0]
    table = pd.read_csv(folder / ("sim_sarima.csv" if data == "sim" else "airpassengers.csv"))
    column = {"air_added": "y_added", "air_gap": "gap"}.get(data, "y")
    first = "2009-01" if data == "sim" else "1949-01"
    index = pd.date_range(first, periods=len(table), freq="MS")
    series = pd.Series(table[column].to_numpy(float), index)
    result = ut.interrupted_time_series(
        series,
        index[table["step"].to_numpy() == 1][0],
        method="arima",
        scale="level",
        season="none",
        ramp_start=1,
        **MODELS[key],
    )
    rows, extra = result.effects.set_index("term"), result.fits[0].estimate.extra
    # R starts differenced states with a large variance, not an infinite one.
    slack = 0.01 if "air" in key or "011" in key else 1e-3
    # Its AR and MA parts all but cancel (their standard errors are 1.5): a ridge.
    ridge = key == "sim/sar201_100_t_step"
    assert extra["log_likelihood"] == pytest.approx(want["loglik"], abs=slack)
    for theirs, term in (("step", "level"), ("ramp", "slope")):
        if f"coef/{theirs}" in want:
            se = want[f"se/{theirs}"]
            assert rows.loc[term, "estimate"] == pytest.approx(
                want[f"coef/{theirs}"], abs=2e-3 * se
            )
            assert rows.loc[term, "se"] == pytest.approx(se, rel=0.01 if ridge else 3e-3)
    for theirs, ours in NAMES.items():
        if f"coef/{theirs}" in want:
            assert extra[ours] == pytest.approx(want[f"coef/{theirs}"], abs=5e-3 if ridge else 5e-4)
            assert extra[f"{ours}_se"] == pytest.approx(
                want[f"se/{theirs}"], rel=0.1 if ridge else 1e-2
            )
