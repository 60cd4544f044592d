"""Count regressions with an offset equal R's on simulated counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import uploadtrends as ut

NAMES = {"index": "trend", "step": "level[2022-01-01]", "ramp": "slope[2022-01-01]"}


@pytest.fixture(scope="module")
def counts(data: Path) -> pd.DataFrame:
    return pd.read_csv(data / "counts" / "sim_counts.csv", index_col="month", parse_dates=True)


@pytest.fixture(scope="module")
def r(data: Path) -> dict[str, Any]:
    return json.loads((data / "counts" / "reference_R.json").read_text())["results"]


@pytest.mark.parametrize(
    ("method", "covariance", "coefficients", "errors"),
    [
        ("poisson", {}, "poisson", "poisson"),
        ("quasi-poisson", {}, "poisson", "quasipoisson"),
        ("negative-binomial", {}, "negbin", "negbin"),
        ("poisson", {"covariance": "hac", "hac_lags": 1}, "poisson", "poisson/NW_lag1_adjust"),
        ("poisson", {"covariance": "hac", "hac_lags": 6}, "poisson", "poisson/NW_lag6_adjust"),
    ],
)
def test_level_slope_and_trend_match_r(
    method: str,
    covariance: dict[str, Any],
    coefficients: str,
    errors: str,
    counts: pd.DataFrame,
    r: dict[str, Any],
) -> None:
    result = ut.interrupted_time_series(
        counts["uploads"],
        "2022-01-01",
        method=method,
        season=1,
        boundary="inclusive",
        offset=counts["active"],
        **covariance,
    )
    table = result.fits[0].coefficients.set_index("name")
    for theirs, ours in NAMES.items():
        want = r[f"sim_counts/offset/{coefficients}/coef/{theirs}"]
        se = r[f"sim_counts/offset/{errors}/se/{theirs}"]
        assert table.loc[ours, "estimate"] == pytest.approx(want, abs=1e-5 * se)
        assert table.loc[ours, "se"] == pytest.approx(se, rel=1e-5)
