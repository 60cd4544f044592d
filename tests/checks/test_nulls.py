import numpy as np
import pytest

from uploadtrends.checks.nulls import detection, fit_null, p_values, power_at, smallest_detectable
from uploadtrends.errors import InputError
from uploadtrends.models.estimators import averaged
from uploadtrends.models.estimators.reml import fit_batch
from uploadtrends.simulate import ar1_series

N = 72
TIME = np.arange(N, dtype=float)
LINE = np.column_stack([np.ones(N), TIME / N])
STEP = np.column_stack([LINE, TIME >= 40, np.clip(TIME - 40, 0, None) / N]).astype(float)
LEVEL = np.array([[0.0, 0.0, 1.0, 0.0]])


def test_draws_look_like_what_they_were_fitted_to():
    rng = np.random.default_rng(1)
    shared = ar1_series(1, 400, rho=0.6, sd=1.0, seed=3)[0]
    own = ar1_series(2, 400, rho=0.6, sd=1.0, seed=4)
    outcomes = 5 + 2 * (0.8 * shared + 0.6 * own)
    null = fit_null(outcomes, np.ones((400, 1)))
    drawn = null.draw(300, rng)
    assert drawn.shape == (300, 2, 400)
    assert drawn.mean() == pytest.approx(outcomes.mean(), abs=0.1)
    assert drawn.std() == pytest.approx(outcomes.std(), rel=0.15)
    residual = drawn - drawn.mean(axis=2, keepdims=True)
    lag = (residual[..., 1:] * residual[..., :-1]).mean() / residual.var()
    assert lag == pytest.approx(0.6, abs=0.08)
    between = (residual[:, 0] * residual[:, 1]).mean() / residual.var()
    assert between == pytest.approx(0.64, abs=0.1)


def test_missing_periods_stay_missing():
    outcomes = ar1_series(1, N, rho=0.3, seed=2)
    outcomes[0, 10:13] = np.nan
    drawn = fit_null(outcomes, LINE).draw(5)
    assert np.isnan(drawn[:, 0, 10:13]).all()
    assert np.isfinite(np.delete(drawn, [10, 11, 12], axis=2)).all()


def test_same_seed_same_draws():
    null = fit_null(ar1_series(2, N, rho=0.3, seed=2), LINE)
    np.testing.assert_array_equal(null.draw(4, 7), null.draw(4, 7))
    assert not np.array_equal(null.draw(4, 7), null.draw(4, 8))


def test_constant_series_draws_itself():
    drawn = fit_null(np.full((1, N), 3.0), LINE).draw(2)
    np.testing.assert_allclose(drawn, 3.0, atol=1e-6)


def test_too_few_periods():
    with pytest.raises(InputError, match="observed periods"):
        fit_null(np.arange(4.0)[None], np.column_stack([np.ones(4), np.arange(4)]))


def test_power_against_simulation_from_the_truth():
    """The stated detectable change is found about 80% of the time in fresh data."""
    stated = []
    for seed in range(40):
        low, high = detection(
            ar1_series(1, N, rho=0.4, seed=seed)[0], STEP, LEVEL, n_draws=299, seed=seed
        )
        stated.append(smallest_detectable(low[:, 0], high[:, 0]))
    fresh = fit_batch(ar1_series(4000, N, rho=0.4, seed=999), STEP, LEVEL)
    found = [power_at(fresh.low[:, 0], fresh.high[:, 0], [size])[0] for size in stated]
    assert 0.74 <= np.mean(found) <= 0.90


def test_shifting_the_data_shifts_the_interval():
    """What lets one set of draws serve every effect size."""
    noise = ar1_series(20, N, rho=0.5, seed=11)
    without = fit_batch(noise, STEP, LEVEL)
    shifted = fit_batch(noise + 1.7 * STEP[:, 2], STEP, LEVEL)
    np.testing.assert_allclose(shifted.low, without.low + 1.7, atol=1e-4)
    np.testing.assert_allclose(shifted.high, without.high + 1.7, atol=1e-4)


@pytest.mark.parametrize("n_series", [1, 3, 150])
def test_p_values_are_those_of_a_whole_fit(n_series):
    outcomes = ar1_series(n_series, N, rho=0.5, seed=5) + 2 * (TIME >= 40)
    outcomes[-1] = STEP @ [1.0, 2.0, 3.0, 4.0]  # without noise
    contrasts = np.vstack([LEVEL, [[0.0, 0.0, 0.0, 1.0]]])
    rows = np.flatnonzero(np.arange(N) % 11)
    fitted = averaged.fit_batch(outcomes[:, rows], STEP[rows], contrasts, positions=TIME[rows])
    found = p_values(outcomes[:, rows], STEP[rows], contrasts, TIME[rows])
    np.testing.assert_allclose(found, fitted.p, rtol=0, atol=1e-12)
    assert np.isnan(found[-1]).all()
    assert n_series == 1 or np.ptp(found[:-1]) > 0.01
