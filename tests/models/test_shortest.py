"""Shortest intervals on a range of autocorrelations: coverage, bound, place in a result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.models.estimators.shortest import solve
from uploadtrends.simulate import ar1_series

N, AT = 48, 28
TIME = np.arange(N, dtype=float)
X = np.column_stack([np.ones(N), TIME, TIME >= AT, np.maximum(TIME - AT, 0)])
SLOPE = np.array([0.0, 0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def level():
    return solve(X, TIME, np.array([0.0, 0.0, 1.0, 0.0]), up_to=0.6)


@pytest.fixture(scope="module")
def slope():
    return solve(X, TIME, SLOPE, up_to=0.6)


def test_it_holds_on_the_range_and_is_as_short_as_it_says(level) -> None:
    for rho, ratio in ((0.0, level.ratio[0]), (0.6, level.ratio[-1])):
        y = ar1_series(1500, N, rho=rho, seed=5) * np.sqrt(1 - rho**2)
        y = y / y.std()
        low, high = level.interval(y)
        covered = ((low <= 0) & (high >= 0)).mean()
        assert covered == pytest.approx(0.95, abs=0.018)
        v = rho ** np.abs(np.subtract.outer(TIME, TIME))
        spread = np.linalg.inv(X.T @ np.linalg.solve(v, X))[2, 2]
        oracle = 2 * 1.959964 * np.sqrt(spread)
        assert (high - low).mean() / oracle == pytest.approx(ratio, rel=0.05)


def test_it_moves_and_grows_with_the_series(level) -> None:
    """Adding what the design spans moves it; other units stretch it."""
    y = ar1_series(3, N, rho=0.4, seed=6)
    low, high = level.interval(y)
    moved = level.interval(y + X @ np.array([3.0, 0.1, -2.0, 0.5]))
    np.testing.assert_allclose(moved[0], low - 2, atol=1e-5)
    np.testing.assert_allclose(moved[1], high - 2, atol=1e-5)
    np.testing.assert_allclose(level.interval(7 * y)[1], 7 * high, rtol=1e-5)


def test_a_wider_range_costs_and_nothing_is_below_one(level, slope) -> None:
    wider = solve(X, TIME, SLOPE, up_to=0.9)
    assert (level.ratio > 1).all()
    assert wider.ratio.max() > slope.ratio.max()
    assert wider.phi[-1] == 0.9
    assert level.bound <= level.ratio.max()


def test_a_result_gives_its_shortest_intervals() -> None:
    index = pd.date_range("2019-01-01", periods=N, freq="MS")
    series = pd.Series(50 + ar1_series(1, N, rho=0.3, seed=8)[0] - 6 * (TIME >= AT), index)
    its = ut.interrupted_time_series(series, str(index[AT].date()), scale="level", season="none")
    table = its.shortest(up_to=0.6).set_index("term")
    own = its.effects.set_index("term").loc["level"]
    found = table.loc["level"]
    assert found["width_ratio"] == pytest.approx(
        (found["high"] - found["low"]) / (own["high"] - own["low"])
    )
    assert table.loc["slope", "width_ratio"] < 1.1
    assert found["width_ratio"] < 1.1
    assert found["low"] < -6 < found["high"]
    assert list(table.index) == ["level", "slope"]
    with pytest.raises(InputError, match="autocorrelation"):
        its.shortest(up_to=1.0)


def test_the_bound_lies_below_every_interval_that_holds(slope) -> None:
    """More rounds raise the bound on the largest ratio, never beyond what is reached."""
    better = solve(X, TIME, SLOPE, up_to=0.6, rounds=3)
    assert slope.bound <= better.bound <= slope.ratio.max()
