"""Intervals of one component are two-sided and exact: R's qt and pt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.models.estimators.mixture import mixture_interval

ONE = np.ones(1)


@pytest.mark.parametrize(
    ("df", "confidence", "quantile"),
    [
        (np.inf, 0.95, 1.959963985),  # qnorm(.975)
        (np.inf, 0.90, 1.644853627),  # qnorm(.95)
        (10.0, 0.95, 2.228138852),  # qt(.975, 10)
        (3.0, 0.99, 5.840909310),  # qt(.995, 3)
    ],
)
def test_one_component_has_the_two_sided_interval(
    df: float, confidence: float, quantile: float
) -> None:
    centre, scale = np.array([2.0]), np.array([0.5])
    low, high, _ = mixture_interval(confidence, ONE, centre, scale, df)
    assert float(low) == pytest.approx(2 - 0.5 * quantile, abs=1e-8)
    assert float(high) == pytest.approx(2 + 0.5 * quantile, abs=1e-8)
    # p is two-sided, too: at the end of the interval it is one minus the confidence.
    for sign in (-1, 1):
        p = mixture_interval(confidence, ONE, sign * quantile * scale, scale, df)[2]
        assert float(p) == pytest.approx(1 - confidence, abs=1e-8)


def test_many_equal_components_are_one() -> None:
    weights, centres, scales = np.full(5, 0.2), np.full((1, 5), 1.3), np.full((1, 5), 0.7)
    many = mixture_interval(0.95, weights, centres, scales, 12.0)
    one = mixture_interval(0.95, ONE, centres[:, :1], scales[:, :1], 12.0)
    for ours, exact in zip(many, one, strict=True):
        assert float(ours[0]) == pytest.approx(float(exact[0]), abs=1e-4)


@pytest.mark.parametrize("scale", ["level", "log"])
def test_draws_have_the_moments_of_the_estimate(scale):
    """What percentages and bands are made of; a root on the wrong side goes unseen otherwise."""
    noise = np.random.default_rng(4).normal(0, 4, 96)
    series = pd.Series(
        90 + 0.2 * np.arange(96) + noise, pd.date_range("2016", periods=96, freq="MS")
    )
    (fit,) = ut.interrupted_time_series(series, "2022-01", scale=scale, season="harmonics").fits
    draws, _ = fit.estimate.draws
    se = fit.coefficients["se"].to_numpy()
    assert draws.std(axis=0) == pytest.approx(se, rel=0.08)
    assert draws.mean(axis=0) == pytest.approx(fit.estimate.mean, abs=0.05 * se.max())
