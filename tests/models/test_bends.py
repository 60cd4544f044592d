"""Honest trends: bias bounds, critical values, breakdown, and what they do to a result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import uploadtrends as ut
from uploadtrends.checks import conclude
from uploadtrends.familywise import closed_test
from uploadtrends.models import bends
from uploadtrends.models.estimators import averaged
from uploadtrends.models.estimators.estimate import contrasts
from uploadtrends.simulate import ar1_series

N, AT = 60, 36
INDEX = pd.date_range("2018-01-01", periods=N, freq="MS")
EVENT = "2021-01-01"


def series(total_bend: float = 0.0, *, level: float = 0.0, slope: float = 0.0, seed: int = 3):
    time = np.arange(N, dtype=float)
    curvature = 8 * total_bend / N**2
    course = 5 + 0.01 * time + curvature * (time - N / 2) ** 2 / 2
    course += level * (time >= AT) + slope * np.maximum(time - AT, 0)
    return pd.Series(np.exp(course + 0.05 * ar1_series(1, N, rho=0.4, seed=seed)[0]), INDEX)


def maps(positions: np.ndarray) -> np.ndarray:
    x = np.column_stack(
        [np.ones(N), np.arange(N), np.arange(N) >= AT, np.maximum(np.arange(N) - AT, 0)]
    )[positions.astype(int)].astype(float)
    return averaged.machine(x, positions).maps[30][2:]


@pytest.mark.parametrize("out", [[], [4, 5, 36], [20]])
def test_bias_bound_is_reached_by_a_course_and_by_no_other(out: list[int]) -> None:
    positions = np.delete(np.arange(float(N)), out)
    weights = maps(positions)
    bound = bends.worst_bias(weights, positions)
    # A constant bend q: the bias is a'(q t^2 / 2), for a slope that is the worst case.
    q = 3e-4
    bias = weights @ (q * positions**2 / 2)
    assert (np.abs(bias) <= q * bound + 1e-12).all()
    assert bias[1] == pytest.approx(q * bound[1], rel=1e-6)
    # The worst course bends by q in the direction of kappa at every period.
    kinks = np.arange(1, N - 1)
    kappa = weights @ np.maximum(positions[:, None] - kinks, 0)
    for i in range(2):
        worst = np.maximum(positions[:, None] - kinks, 0) @ (q * np.sign(kappa[i]))
        assert weights[i] @ worst == pytest.approx(q * bound[i])


def test_critical_values_are_quantiles_of_the_folded_normal() -> None:
    bias = np.array([0.0, 0.3, 1.0, 2.5, 40.0])
    at = bends.critical_value(bias)
    inside = stats.norm.cdf(at - bias) - stats.norm.cdf(-at - bias)
    np.testing.assert_allclose(inside, 0.95, atol=1e-9)
    assert at[0] == pytest.approx(1.959964, abs=1e-6)


def test_breakdown_is_where_the_interval_meets_zero() -> None:
    middle, se, bias = np.array([-0.3, 0.1, 2.0]), np.full(3, 0.1), np.array([50.0, 50.0, 9.0])
    limit = bends.breakdown(middle, se, bias)
    assert limit[1] == 0
    reach = bends.critical_value(limit * bias / se) * se
    np.testing.assert_allclose(reach[[0, 2]], np.abs(middle)[[0, 2]], rtol=1e-9)


def test_every_row_has_its_bounds() -> None:
    effects = ut.interrupted_time_series(series(level=-0.4), EVENT).effects.set_index("term")
    known = effects[effects["p"].notna()]
    assert (known["low_honest"] <= known["low"] + 1e-9).all()
    assert (known["high_honest"] >= known["high"] - 1e-9).all()
    assert (known["breakdown"] > 0).loc["level"]
    assert (known.loc[known["p"] > 0.06, "breakdown"] == 0).all()
    assert known.loc["level", "depends_on"] == ""
    assert known["periods"].eq(N).all()
    assert known.loc["level", ["starts", "until"]].tolist() == [EVENT, "2022-12-31"]


def test_a_bend_is_not_claimed_as_a_change_of_slope() -> None:
    """A course that bends by 60% over the whole period: every seed has a significant slope."""
    for seed in range(5):
        # On whichever scale the data choose: the bend is one on both.
        result = ut.interrupted_time_series(series(-0.6, seed=seed), EVENT)
        row = result.effects.set_index("term").loc["slope"]
        assert row["p"] < 0.05
        assert row["depends_on"] in ("trend", "both")
        said = conclude(row.to_dict() | {"term": "slope"})
        assert not said.claims
        assert "not distinguishable from a bend in the untreated course" in said.sentence


@pytest.mark.parametrize("breakdown", [0.0005, 0.002])
def test_sizes_of_bends_are_told_only_where_they_tell_why(breakdown: float) -> None:
    """A row may outlast the bend seen before and fall on the other scale all the same."""
    result = ut.interrupted_time_series(series(-0.6, seed=1), EVENT)
    row = result.effects.set_index("term").loc["slope"].to_dict() | {"term": "slope"}
    row |= {"depends_on": "trend", "breakdown": breakdown, "curvature_before": 0.001}
    said = conclude(row).sentence
    assert ("would do" in said) == (breakdown < 0.001)
    assert ("on the other scale" in said) == (breakdown > 0.001)


def test_a_sharp_change_of_slope_is_still_found() -> None:
    row = ut.interrupted_time_series(series(slope=-0.04), EVENT).effects.set_index("term")
    assert row.loc["slope", "depends_on"] == ""
    assert row.loc["slope", "p_adjusted"] < 0.01
    text = ut.interrupted_time_series(series(slope=-0.04), EVENT).summary()
    assert "stands as long as the untreated course bends by less than" in text


def test_a_short_run_before_says_nothing_of_slopes() -> None:
    short = series(slope=-0.06).iloc[AT - 14 :]
    effects = ut.interrupted_time_series(short, EVENT).effects.set_index("term")
    assert effects.loc["slope", "p"] < 0.05
    assert effects.loc["slope", "depends_on"] in ("trend", "both")


def test_without_a_trend_a_straight_course_is_a_bend_too() -> None:
    course = series()
    steps = ut.interrupted_time_series(course, EVENT, terms="level", trend=False)
    row = steps.effects.set_index("term").loc["level"]
    assert row["depends_on"] in ("trend", "both") or row["p"] > 0.05


def test_rows_of_two_terms_need_the_joint_test_and_nothing_more() -> None:
    effects = ut.interrupted_time_series(series(level=-0.2), EVENT).effects
    known = effects[effects["p"].notna()]
    want = np.maximum(known["p"], known["p_joint"])
    np.testing.assert_allclose(known["p_adjusted"], want)
    assert closed_test([0.01], [0.5], [1], 3)[0] == pytest.approx(0.03)
    assert closed_test([0.01], [0.001], [3], 1)[0] == pytest.approx(0.02)
    two = ut.interrupted_time_series({"a": series(), "b": series(level=-0.2)}, EVENT).effects
    two = two[two["group"].eq("b") & two["p"].notna()]
    np.testing.assert_allclose(two["p_adjusted"], np.minimum(1, 2 * want), rtol=1e-6)


def test_a_straight_course_that_bends_nowhere_is_honest_as_it_is() -> None:
    """At M = 0 the honest interval is the plain one, and slopes are given half an error more."""
    fit = ut.interrupted_time_series(series(level=-0.4), EVENT).fits[0]
    untreated = bends.Untreated(fit.prepared, fit.estimate)
    lines = np.eye(len(fit.prepared.design.names))[2:4]
    found = contrasts([fit.estimate], [lines])

    def wider(bend: tuple[float, float], *level_like: bool) -> np.ndarray:
        untreated.__dict__["bend_before"] = bend
        return bends.bounds([untreated], lines[None], found, np.array(level_like)).wider[0]

    np.testing.assert_allclose(wider((0.0, 0.0), True, True), 0, atol=1e-6)
    np.testing.assert_allclose(wider((0.0, 0.0), False, False), 0, atol=1e-6)
    sure, unsure = (wider((1e-3, error), True, False) for error in (0.0, 1e-3))
    assert unsure[0] == sure[0] > 0
    assert unsure[1] > 1.2 * sure[1]
