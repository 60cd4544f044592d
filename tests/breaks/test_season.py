from __future__ import annotations

import numpy as np
import pytest

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
