from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from uploadtrends.breaks.likelihood.calibrated import Counts, Gate, gate
from uploadtrends.breaks.likelihood.laws import null_law, p_value
from uploadtrends.breaks.likelihood.mixture import count_noise
from uploadtrends.breaks.likelihood.noise import ar1_noise, corrected_rho
from uploadtrends.breaks.likelihood.spacing import Spacing
from uploadtrends.simulate import ar1_series, count_series


def standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def gates(series: np.ndarray, **options: object) -> list[Gate]:
    spacing = Spacing.of(np.arange(series.shape[1]))
    return [gate(standard(row), spacing, **options) for row in series]


def opened(series: np.ndarray, **options: object) -> float:
    return float(np.mean([found.change for found in gates(series, **options)]))


def test_false_alarms_stay_near_the_level_where_a_fixed_penalty_fails() -> None:
    # 100 series: four standard errors above 5% is 13.7%. The full study is in validation/.
    flat = ar1_series(100, 60, rho=0.6, seed=1)
    drifting = ar1_series(100, 60, rho=0.3, slope=0.05, seed=2)
    assert opened(flat) < 0.13
    assert opened(flat, trend=False) < 0.13
    assert opened(drifting) < 0.13


def test_power_for_a_step_in_the_middle() -> None:
    # n = 72, rho .4: validation finds .49 (2 sd) and .90 (3 sd), .94 and .998 untrended.
    two = ar1_series(100, 72, rho=0.4, step=2, step_at=36, seed=3)
    three = ar1_series(100, 72, rho=0.4, step=3, step_at=36, seed=3)
    assert opened(two) > 0.38
    assert opened(three) > 0.80
    assert opened(two, trend=False) > 0.85


def test_a_rise_that_is_undone_is_found() -> None:
    # One step alone finds this in one series of ten (Vogelsang 1999).
    mean = np.repeat([0.0, 3.0, 0.0], 40)
    found = gates(ar1_series(60, 120, rho=0.2, seed=4) + mean, trend=False)
    assert np.mean([one.change for one in found]) > 0.8
    assert sum(len(one.dates) == 2 for one in found) > 40


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(shift: float, scale: float, seed: int) -> None:
    values = ar1_series(1, 40, rho=0.3, step=2, step_at=20, seed=seed)
    (plain,), (moved,) = gates(values), gates(shift + scale * values)
    assert plain.change == moved.change
    assert plain.p == pytest.approx(moved.p, abs=0.01)


def test_p_and_decision_agree() -> None:
    for found in gates(ar1_series(40, 48, rho=0.2, step=1.5, step_at=20, seed=5)):
        assert found.change == (found.p <= 0.05 + 1e-12)
        assert 0 < found.p <= 1


def test_the_same_seed_gives_the_same_answer() -> None:
    values = ar1_series(1, 50, rho=0.4, step=2, step_at=25, seed=6)
    assert gates(values, seed=7)[0].p == gates(values, seed=7)[0].p


def test_a_p_value_is_never_zero() -> None:
    law = np.arange(99.0)
    assert p_value(1e9, law) == 1 / 100
    assert p_value(-1.0, law) == 1.0
    assert p_value(98.0, law) == 2 / 100


@pytest.mark.parametrize("gone", [[], [2, 3]])
def test_noise_has_unit_variance_and_correlates_by_the_periods_between(gone: list[int]) -> None:
    spacing = Spacing.of(np.delete(np.arange(7), gone))
    noise = ar1_noise(np.random.default_rng(0), 20_000, spacing, 0.8)
    assert noise.std(axis=0) == pytest.approx(np.ones(spacing.n), rel=0.03)
    lags = np.diff(spacing.times)
    found = [np.corrcoef(noise[:, i], noise[:, i + 1])[0, 1] for i in range(spacing.n - 1)]
    assert found == pytest.approx(list(0.8**lags), abs=0.02)


def test_a_share_of_white_noise_keeps_the_variance() -> None:
    noise = ar1_noise(np.random.default_rng(0), 20_000, Spacing.of(np.arange(4)), 0.9, 0.5)
    assert noise.std(axis=0) == pytest.approx(np.ones(4), rel=0.03)
    assert np.corrcoef(noise[:, 0], noise[:, 1])[0, 1] == pytest.approx(0.45, abs=0.03)


def test_correction_of_rho_is_clipped() -> None:
    assert corrected_rho(0.0, 50, 1) == pytest.approx(1 / 47)
    assert corrected_rho(0.4, 50, 2) == pytest.approx(22 / 46)
    assert corrected_rho(0.95, 20, 2) == 0.95


def test_laws_over_gaps_are_not_those_of_a_full_calendar() -> None:
    full = null_law(Spacing.of(np.arange(30)), "constant", 0.8, 0.0, 0, 399)
    apart = null_law(Spacing.of(2 * np.arange(30)), "constant", 0.8, 0.0, 0, 399)
    # Every other month correlates by .64, so a level shift shows less by chance.
    assert np.quantile(apart, 0.95) < np.quantile(full, 0.95)


def test_the_noise_of_counts_is_weighed() -> None:
    spacing = Spacing.of(np.arange(120))
    poisson = np.random.default_rng(1).poisson(30, 120).astype(float)
    swinging = count_series(1, 120, mean=30, rho=0.8, latent_sd=0.5, seed=2)[0].astype(float)
    for counts, white in ((poisson, True), (swinging, False)):
        share = counts.mean() / counts.var()
        found = count_noise(standard(counts), np.ones((1, 120)), spacing, share)
        assert sum(part.weight for part in found) == pytest.approx(1)
        mean_share = sum(part.weight * part.share for part in found)
        assert (mean_share > 0.7) == white


def test_counts_get_a_gate_of_their_own() -> None:
    counts = count_series(40, 72, mean=30, rho=0.8, latent_sd=0.3, seed=3).astype(float)
    spacing = Spacing.of(np.arange(72))
    alarms = {"plain": 0, "counts": 0}
    for row in counts:
        known = Counts(float(row.mean()), float(row.mean() / row.var()))
        alarms["plain"] += gate(standard(row), spacing).change
        alarms["counts"] += gate(standard(row), spacing, counts=known).change
    assert alarms["counts"] < alarms["plain"]
    assert alarms["counts"] <= 8


def test_the_sentence_names_what_the_change_is_held_against() -> None:
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    noise = np.random.default_rng(2).normal(0, 1, 60)
    rises = ut.change_points(pd.Series(0.08 * np.arange(60) + noise, index))
    assert "than a straight line with" in rises.fits[0].sentence
    flat = ut.change_points(pd.Series(noise, index))
    assert "than a constant with" in flat.fits[0].sentence
