from __future__ import annotations

import numpy as np
import pytest
from scipy.special import fdtrc

from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing
from uploadtrends.breaks.season import (
    find_season,
    season_p_value,
    seasonal_component,
    without_step,
)
from uploadtrends.simulate import ar1_series

WAVE = np.sin(2 * np.pi * np.arange(96) / 12)


def test_a_clear_season_is_found_and_removed() -> None:
    noise = ar1_series(1, 96, rho=0.4, step=3, step_at=50, seed=1)[0]
    values = noise + 2 * WAVE
    assert find_season(values, 12) == 12
    assert np.std(seasonal_component(values, 12) - 2 * WAVE) < 0.5
    assert seasonal_component(values, 12)[:12].sum() == pytest.approx(0, abs=1e-9)


def test_autocorrelation_and_steps_do_not_pass_for_a_season() -> None:
    p = [season_p_value(row, 12) for row in ar1_series(150, 96, rho=0.8, seed=2)]
    assert np.mean(np.array(p) < 0.05) < 0.12
    walks = np.random.default_rng(3).normal(size=(150, 96)).cumsum(axis=1)
    assert np.mean([find_season(row, 12) is not None for row in walks]) < 0.04
    steps = ar1_series(100, 96, step=6, step_at=40, seed=4)
    assert np.mean([find_season(row, 12) is not None for row in steps]) < 0.04


def dense_p_value(values: np.ndarray, period: int, when: np.ndarray) -> float:
    """The same test by orthogonal projections on matrices of all rows."""
    spacing, phase = Spacing.of(when), np.unique(when % period, return_inverse=True)[1]
    count = int(phase.max()) + 1
    dummies = (phase == np.arange(count)[:, None]).astype(float)
    found = []
    for i in range(len(RHO_GRID)):
        line = spacing.line[i]
        rss = []
        for columns in (spacing.constant[i][None], spacing.whiten_at(i, dummies)):
            basis = np.linalg.qr(np.vstack([columns, line]).T)[0]
            left = spacing.whiten_at(i, values)
            for _ in range(2):
                left = left - basis @ (basis.T @ left)
            rss.append(left @ left)
        free = len(values) - count - 1
        ratio = (rss[0] - rss[1]) / (count - 1) / (rss[1] / free)
        price = len(values) * np.log(rss[1]) + spacing.log_det[i]
        found.append((price, float(fdtrc(count - 1, free, ratio))))
    return min(found)[1]


@pytest.mark.parametrize("period", [4, 7, 12, 52])
@pytest.mark.parametrize("slope", [0.0, 1000.0])
def test_the_p_value_is_that_of_dense_matrices_also_beside_a_steep_line(
    period: int, slope: float
) -> None:
    rng = np.random.default_rng(period)
    when = np.flatnonzero(rng.random(260) < 0.8)
    when = when - when[0]
    for times in (when, np.arange(len(when))):
        values = np.cumsum(rng.normal(size=len(times))) + 3 * rng.normal(size=len(times))
        values = values + slope * times
        assert season_p_value(values - values.mean(), period, times) == pytest.approx(
            dense_p_value(values, period, times), rel=1e-8
        )


def test_row_numbers_as_dates_still_show_a_season() -> None:
    noise = ar1_series(1, 96, rho=0.2, seed=5)[0]
    assert find_season(noise + 3 * WAVE, 7) == 12
    assert find_season(noise + 3 * WAVE, None) == 12


def test_two_years_are_not_enough() -> None:
    assert find_season((5 * WAVE)[:24] + np.random.default_rng(6).normal(size=24), 12) is None


@pytest.mark.parametrize("at", [9, 18, 24, 27])
@pytest.mark.parametrize("season", [0.0, 8.0])
def test_a_step_among_three_years_is_no_part_of_the_season(at: int, season: float) -> None:
    noise = np.random.default_rng(at).normal(size=36)
    values = noise + season * WAVE[:36] + 12 * (np.arange(36) >= at)
    left = without_step(values, 12)
    if not season:  # the step alone explains it: nothing to take out
        assert np.array_equal(left, values)
        return
    assert (left - values)[[0, at - 1, at, 35]] == pytest.approx([0, 0, -12, -12], abs=2.5)
    assert find_season(left - left.mean(), 12) == 12
    assert np.abs(seasonal_component(left, 12) - season * WAVE[:36]).max() < 3


def test_four_years_and_gapless_constants_are_left_alone() -> None:
    long = WAVE[:48] + 9 * (np.arange(48) > 20)
    assert without_step(long, 12) is long
    assert without_step(np.full(36, 2.0), 12).tolist() == [2.0] * 36
