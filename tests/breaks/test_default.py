"""What the calibrated default says of gaps, odd periods, bends, and of every cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from uploadtrends import InputError, change_points
from uploadtrends.breaks.blocks import Blocks
from uploadtrends.breaks.likelihood.each import test_each as every_cut
from uploadtrends.breaks.likelihood.smooth import smooth_course
from uploadtrends.breaks.likelihood.spacing import Spacing
from uploadtrends.breaks.likelihood.unusual import find_odd
from uploadtrends.simulate import ar1_series


def noise(n: int) -> np.ndarray:
    """Return the same normal noise in whatever order tests run."""
    return np.random.default_rng(11).normal(size=n)


@pytest.mark.parametrize(
    ("seed", "missing"),
    list(enumerate([[], range(12, 18), [35], range(33, 36), range(30, 36), range(36, 42)])),
)
def test_a_large_step_beside_missing_months_is_found(monthly, seed: int, missing) -> None:
    values = np.random.default_rng(seed).normal(size=60) + 15.0 * (np.arange(60) >= 36)
    values[list(missing)] = np.nan
    (change,) = change_points(monthly(values)).fits[0].changes
    assert change.low <= pd.Timestamp("2021-01-01") <= change.high


@pytest.mark.parametrize(("seed", "place"), list(enumerate([-1, -2, 1, 30])))
def test_an_incomplete_month_is_named_and_not_dated(monthly, seed: int, place: int) -> None:
    values = np.random.default_rng(seed).poisson(200, 72).astype(float)
    values[place] = np.round(0.4 * values[place])
    found = change_points(monthly(values))
    fit = found.fits[0]
    assert not fit.changes
    assert [fit.index.get_loc(odd.date) for odd in fit.unusual] == [place % 72]
    assert fit.unusual[0].expected == pytest.approx(200, rel=0.1)
    assert "One unusual month: " in found.summary()
    assert len(found.unusual) == 1


def test_a_wandering_series_keeps_its_jumps() -> None:
    walk = np.random.default_rng(2).normal(size=120).cumsum()
    assert find_odd(walk, np.arange(120)) == []


def test_every_date_of_a_long_series_is_tried(monthly) -> None:
    for at in (148, 149, 150, 151, 152, 153):
        values = np.random.default_rng(at).normal(size=300) + 10.0 * (np.arange(300) >= at)
        assert [c.position for c in change_points(monthly(values)).fits[0].changes] == [at]


def test_smooth_growth_is_a_bend_and_has_no_date(monthly) -> None:
    growth = 20 * np.exp(0.03 * np.arange(96)) + noise(96)
    found = change_points(monthly(growth))
    (row,) = found.to_frame().itertuples()
    assert row.status == "smooth"
    assert row.label == "smooth bend"
    assert row.p <= 0.05
    assert pd.isna(row.date)
    assert "a smooth bend, no dated change" in found.summary()
    assert len(found.further) >= 1
    assert np.corrcoef(found.fits[0].fitted, growth)[0, 1] > 0.99


def test_growth_is_a_straight_line_in_logarithms(monthly) -> None:
    growth = 20 * np.exp(0.03 * np.arange(96) + 0.02 * noise(96))
    fit = change_points(monthly(growth), scale="log").fits[0]
    assert fit.status == "no change"
    assert fit.fitted.iloc[-1] == pytest.approx(20 * np.exp(0.03 * 95), rel=0.05)
    halved = growth * np.where(np.arange(96) < 50, 1.0, 0.5)
    (change,) = change_points(monthly(halved), scale="log").fits[0].changes
    assert change.position == 50
    assert change.after / change.before == pytest.approx(0.5, abs=0.1)
    assert "% per month" in change_points(monthly(halved), scale="log").summary() or (
        change.slope_before == change.slope_after
    )
    with pytest.raises(InputError, match="positive values"):
        change_points(monthly(growth - 40), scale="log")


def test_the_smooth_courses_hold_what_they_are_named_for() -> None:
    u = np.linspace(0, 1, 80)
    spacing = Spacing.of(np.arange(80))
    for course in (np.exp(3 * u), 1 / (1 + np.exp((0.5 - u) / 0.128)), u**2, u**3 - u):
        values = (course - course.mean()) / course.std() + 0.02 * noise(80)
        fitted = smooth_course(values, spacing).fitted(values, spacing)
        assert np.corrcoef(fitted, course)[0, 1] > 0.999


def test_a_needless_cut_is_dropped_and_a_needed_one_stays() -> None:
    values = noise(120) + 4.0 * (np.arange(120) >= 60)
    standard = (values - values.mean()) / values.std()
    spacing = Spacing.of(np.arange(120))
    found = every_cut(standard, spacing, (30, 60), gate_p=0.001, level=0.05, trend=False, seed=0)
    assert found.confirmed == (60,)
    assert found.p[60] == 0.001
    assert found.p[30] > 0.05
    two = standard + 3.0 * (np.arange(120) >= 90)
    kept = every_cut(two, spacing, (60, 90), gate_p=0.001, level=0.05, trend=False, seed=0)
    assert kept.confirmed == (60, 90)
    assert max(kept.p.values()) <= 0.05


def test_several_changes_have_p_values_and_joint_intervals(monthly) -> None:
    mean = np.repeat([0.0, 5.0, 0.0], 40)
    found = change_points(monthly(mean + noise(120)), trend=False)
    frame = found.to_frame()
    assert [found.fits[0].changes[i].position for i in (0, 1)] == pytest.approx([40, 80], abs=1)
    assert frame["p_change"].between(0, 0.05).all()
    assert found.changes.equals(frame)


def test_what_wanders_is_not_cut_to_pieces(monthly) -> None:
    rows = ar1_series(12, 120, rho=0.9, step=4, step_at=60, seed=3)
    found = [change_points(monthly(row), trend=False).fits[0] for row in rows]
    assert sum(len(fit.changes) > 1 for fit in found) <= 2


def test_blocks_hold_the_means_and_find_their_rows_again() -> None:
    times = np.delete(np.arange(5000), np.arange(100, 130))
    values = times.astype(float)
    blocks = Blocks.of(values, times)
    assert blocks.size == 3
    assert blocks.values[0] == 1.0
    assert 35 not in blocks.times  # periods 105 to 107 are missing
    assert blocks.first_row(1) == 3
    step = (times >= 2345) * 1.0
    again = Blocks.of(step, times)
    place = int(np.argmax(again.values > 0.5))
    assert again.refine((place,), sloped=False, minimum=3) == [int(np.flatnonzero(step)[0])]


@pytest.mark.parametrize("n", [2500, 20_000])
def test_one_odd_hour_of_a_long_series_is_named_and_not_dated(n: int) -> None:
    values = np.random.default_rng(1).normal(size=n)
    values[777], values[-1] = 60.0, -90.0
    series = pd.Series(values, pd.date_range("2010-01-01", periods=n, freq="h"))
    (fit,) = change_points(series).fits
    assert not fit.changes
    assert sorted(odd.date for odd in fit.unusual) == [series.index[777], series.index[-1]]


def test_a_burst_that_fills_its_block_is_no_single_odd_hour() -> None:
    values = np.random.default_rng(1).normal(size=6000)
    values[3000:3006] += 40.0
    assert Blocks.of(values, np.arange(6000)).odd_rows(trend=True) == []


def test_a_change_beside_an_odd_period_may_have_begun_in_it(monthly) -> None:
    values = np.random.default_rng(2).normal(size=72) + 8.0 * (np.arange(72) >= 36)
    values[36] += 25.0
    (fit,) = change_points(monthly(values)).fits
    assert [odd.date for odd in fit.unusual] == [fit.index[36]]
    (change,) = fit.changes
    assert change.low <= fit.index[36] <= change.high


def test_two_incomplete_months_lie_in_the_interval_of_the_change(monthly) -> None:
    for seed in (0, 2):  # the second has an odd month beside a change
        values = np.random.default_rng(seed).poisson(200, 60).astype(float)
        values[-2:] = np.round(0.4 * values[-2:])
        (fit,) = change_points(monthly(values)).fits
        assert all(change.low <= fit.index[58] <= change.high for change in fit.changes)


@pytest.mark.parametrize("unit", [1e-100, 1e-20, 1e-13, 1e13, 1e100])
def test_the_unit_of_a_series_changes_nothing(monthly, unit: float) -> None:
    values = np.random.default_rng(0).normal(size=48) + 4.0 * (np.arange(48) >= 30)
    (plain,) = change_points(monthly(values)).fits
    (other,) = change_points(monthly(values * unit)).fits
    assert [change.position for change in plain.changes] == [30]
    assert [change.position for change in other.changes] == [30]
    assert other.p == plain.p


def test_a_season_about_zero_and_nothing_else_never_varies(monthly) -> None:
    (fit,) = change_points(monthly(3e-9 * np.sin(2 * np.pi * np.arange(72) / 12))).fits
    assert (fit.status, fit.p) == ("no change", 1.0)


def test_a_large_step_does_not_hide_a_small_one_where_no_trend_is_possible(monthly) -> None:
    for small in (0.0, 3.0, 4.0):
        noise = np.random.default_rng(6).normal(size=90)
        values = noise + np.repeat([0.0, 20.0, 20.0 + small], 30)
        (fit,) = change_points(monthly(values), trend=False).fits
        found = [change.position for change in fit.changes]
        assert found == pytest.approx([30, 60] if small else [30], abs=2)


def test_steps_between_the_dates_of_the_first_pass_are_found(monthly) -> None:
    found = [
        len(change_points(monthly(row + np.repeat([0, 3, -1, 3], 30)), trend=False).fits[0].changes)
        for row in ar1_series(60, 120, rho=0.4, seed=21)
    ]
    assert np.mean(np.array(found) == 3) >= 0.54  # .45 where both dates come from a thinned grid
