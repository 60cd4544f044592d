"""Dates of Gaussian changes: what their intervals hold, they hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from uploadtrends.breaks.likelihood.posterior import credible_interval, date_posterior
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT


def places_of_the_truth(step: float, n: int = 60, repetitions: int = 400) -> np.ndarray:
    """Where the true date stands in its posterior, 0 to 1: uniform if intervals are honest."""
    rng = np.random.default_rng(11)
    found = np.empty(repetitions)
    for i in range(repetitions):
        true = int(rng.integers(MINIMUM_SEGMENT, n - MINIMUM_SEGMENT + 1))  # the prior
        values = rng.normal(size=n) + step * (np.arange(n) >= true)
        dates, probability = date_posterior(values, true, 0, n, trend=False)
        at = int(np.flatnonzero(dates == true)[0])
        found[i] = probability[:at].sum() + rng.random() * probability[at]
    return found


@pytest.mark.parametrize("step", [1.5, 2.5])
def test_date_intervals_are_of_nominal_width(step: float) -> None:
    places = places_of_the_truth(step)
    # Of a uniform variable: mean 1/2, variance 1/12; Monte Carlo errors .014 and .004.
    assert places.mean() == pytest.approx(0.5, abs=0.045)
    assert places.var() == pytest.approx(1 / 12, abs=0.013)
    for level in (0.5, 0.8, 0.95):
        inside = np.mean(np.abs(places - 0.5) <= level / 2)
        assert inside == pytest.approx(level, abs=3.2 * np.sqrt(level * (1 - level) / 400))


@pytest.mark.parametrize(
    ("confidence", "ends"), [(0.5, (4, 6)), (0.8, (3, 7)), (0.9, (2, 8)), (0.97, (1, 9))]
)
def test_an_interval_leaves_half_of_the_rest_on_either_side(
    confidence: float, ends: tuple[int, int]
) -> None:
    weights = np.array([0.02, 0.04, 0.06, 0.18, 0.40, 0.18, 0.06, 0.04, 0.02])
    assert credible_interval((np.arange(1, 10), weights), confidence) == ends
