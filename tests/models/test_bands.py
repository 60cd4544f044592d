"""What a band and a smallest detectable change are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.simulate import count_series


@pytest.fixture(scope="module")
def counts() -> ut.models.InterruptedTimeSeries:
    """Counts of some 500 a month whose rate itself moves by 30%."""
    drawn = count_series(1, 96, mean=500.0, latent_sd=0.3, seed=5)[0]
    series = pd.Series(drawn, pd.date_range("2016-01-01", periods=96, freq="MS"))
    return ut.interrupted_time_series(
        series, "2021-01-10", scale="counts", season="none", terms="level", trend=False
    )


def test_the_band_of_counts_holds_the_latent_variation(counts) -> None:
    fit = counts.fits[0]
    latent = fit.estimate.extra["latent_variance"]
    assert latent == pytest.approx(0.09, rel=0.4)
    band = fit.counterfactual
    width = ((band["high"] - band["low"]) / band["estimate"]).mean()
    # Gamma-Poisson with variance mu + b mu^2, and the level's own error; Poisson alone: 0.18.
    assert width == pytest.approx(2 * 1.96 * np.sqrt(latent * (1 + 1 / 60) + 1 / 500), rel=0.12)
    before = fit.observed[: len(fit.observed) - len(band)]
    inside = before.between(band["low"].iloc[0], band["high"].iloc[0]).mean()
    assert inside == pytest.approx(0.95, abs=0.06)


@pytest.mark.parametrize("scale", ["counts", "log", "level"])
def test_the_smallest_detectable_total_is_two_sided(scale: str) -> None:
    rng = np.random.default_rng(3)
    index = pd.date_range("2016-01-01", periods=96, freq="MS")
    series = pd.Series(rng.poisson(200.0, 96).astype(float), index)
    effects = ut.interrupted_time_series(
        series, "2021-01-10", scale=scale, season="none", terms="level"
    ).effects.set_index("term")
    row = effects.loc["cumulative"]
    # (qnorm(.975) + qnorm(.8)) standard errors: 80% power of a two-sided test at 5%.
    least = 2.801585 if scale != "level" else 2.80
    assert row["minimum_detectable"] / row["se"] == pytest.approx(least, rel=0.03)
