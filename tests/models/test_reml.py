"""The batch engine against brute force, and its invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from uploadtrends.models.estimators import averaged, reml
from uploadtrends.models.estimators.mixture import mixture_interval
from uploadtrends.simulate import ar1_series


def segmented(n: int, at: int) -> np.ndarray:
    time = np.arange(n, dtype=float)
    return np.column_stack([np.ones(n), time, time >= at, np.maximum(time - at, 0)])


def correlation(phi: float, positions: np.ndarray) -> np.ndarray:
    distance = np.abs(positions[:, None] - positions)
    return np.sign(phi) ** distance * np.abs(phi) ** distance


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    phi=st.sampled_from([-0.83, -0.2, 0.0001, 0.4, 0.97]),
    missing=st.sets(st.integers(1, 28), max_size=8),
)
def test_conditional_fit_is_generalised_least_squares_with_gaps(
    seed: int, phi: float, missing: set[int]
) -> None:
    rng = np.random.default_rng(seed)
    positions = np.array([i for i in range(30) if i not in missing], dtype=float)
    x = segmented(30, 15)[positions.astype(int)]
    y = rng.standard_normal(positions.size) * 7 + 1e5
    fit = reml.conditional(y, x, positions, np.array([phi]))
    r = correlation(phi, positions)
    a = x.T @ np.linalg.solve(r, x)
    beta = np.linalg.solve(a, x.T @ np.linalg.solve(r, y))
    left = y - x @ beta
    n, k = x.shape
    variance = left @ np.linalg.solve(r, left) / (n - k)
    log_likelihood = -0.5 * (
        (n - k) * (np.log(2 * np.pi * variance) + 1)
        + np.linalg.slogdet(r)[1]
        + np.linalg.slogdet(a)[1]
    )
    # The level is 1e5 and its noise 7: what is left of double precision after the inversion.
    assert fit.coefficients[0, 0, 2:] == pytest.approx(beta[2:], rel=1e-6, abs=1e-5)
    assert fit.variance[0, 0] == pytest.approx(variance, rel=1e-5)
    assert fit.covariance[0, 0] == pytest.approx(np.linalg.inv(a), rel=1e-6)
    assert fit.log_likelihood[0, 0] == pytest.approx(log_likelihood, abs=1e-3)


def test_interval_ends_are_quantiles_of_the_mixture() -> None:
    y = ar1_series(1, 48, rho=0.6, seed=4)[0]
    x = segmented(48, 29)
    fit = reml.conditional(y, x)
    weights = fit.weights[0]
    centres, scales = (part[0, 0] for part in reml.contrast_components(fit, np.eye(4)[2:3]))

    def cdf(q: float) -> float:
        return float(weights @ stats.t.cdf((q - centres) / scales, fit.df))

    batch = reml.fit_batch(y, x, np.eye(4)[2:3])
    for got, probability in ((batch.low, 0.025), (batch.high, 0.975)):
        exact = optimize.brentq(lambda q, p=probability: cdf(q) - p, -50, 50, xtol=1e-12)
        assert got[0, 0] == pytest.approx(exact, abs=1e-4 * batch.se[0, 0])
    p = 2 * min(cdf(0.0), 1 - cdf(0.0))
    assert batch.p[0, 0] == pytest.approx(p, abs=1e-5)
    arcsine = np.exp(fit.log_likelihood[0]) / np.sqrt(1 - fit.phi**2)
    assert weights == pytest.approx(arcsine / arcsine.sum(), rel=1e-6)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("df", [8.0, 55.0, np.inf])
def test_mixture_with_far_apart_components(confidence: float, df: float) -> None:
    weights = np.array([0.6, 0.39, 0.01])
    centres, scales = np.array([0.0, 4.0, 40.0]), np.array([1.0, 0.2, 9.0])
    low, high, p = mixture_interval(confidence, weights, centres, scales, df)

    def cdf(q: float) -> float:
        return float(weights @ stats.t.cdf((q - centres) / scales, df))

    assert cdf(float(low)) == pytest.approx((1 - confidence) / 2, abs=1e-4)
    assert cdf(float(high)) == pytest.approx((1 + confidence) / 2, abs=1e-4)
    assert p == pytest.approx(2 * min(cdf(0.0), 1 - cdf(0.0)), abs=1e-5)


def test_batches_equal_single_fits_whether_the_design_is_shared_or_not() -> None:
    y = ar1_series(9, 40, rho=0.4, seed=1)
    x = segmented(40, 24)
    contrasts = np.eye(4)[2:]
    shared = reml.fit_batch(y, x, contrasts, chunk=4)
    own = reml.fit_batch(y, np.repeat(x[None], 9, axis=0), contrasts, chunk=5)
    alone = [reml.fit_batch(row, x, contrasts) for row in y]
    for name in ("estimate", "se", "low", "high", "p"):
        together = getattr(shared, name)
        assert getattr(own, name) == pytest.approx(together, abs=1e-4)
        single = np.concatenate([getattr(fit, name) for fit in alone])
        assert single == pytest.approx(together, abs=1e-4)
    assert shared.df == 36


def test_one_series_with_many_designs() -> None:
    y = ar1_series(1, 40, rho=0.4, seed=2)[0]
    designs = np.stack([segmented(40, at) for at in (15, 20, 25)])
    many = reml.fit_batch(y, designs, np.eye(4)[2:3])
    for i, at in enumerate((15, 20, 25)):
        one = reml.fit_batch(y, segmented(40, at), np.eye(4)[2:3])
        assert many.low[i] == pytest.approx(one.low[0], abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-3, 1e4), shift=st.floats(-1e4, 1e4), seed=st.integers(0, 999))
def test_answers_follow_the_units(scale: float, shift: float, seed: int) -> None:
    y = ar1_series(1, 36, rho=0.5, seed=seed)[0]
    x = segmented(36, 20)
    plain = reml.fit_batch(y, x, np.eye(4)[2:3])
    moved = reml.fit_batch(scale * (y + shift), x, np.eye(4)[2:3])
    for name in ("estimate", "low", "high"):
        assert getattr(moved, name) == pytest.approx(
            scale * getattr(plain, name), rel=1e-3, abs=1e-3 * scale
        )
    assert moved.p == pytest.approx(plain.p, abs=1e-3)


def test_a_series_without_noise_gives_no_interval() -> None:
    x = segmented(30, 15)
    y = np.stack([x @ [1.0, 2.0, 3.0, 4.0], ar1_series(1, 30, seed=0)[0]])
    fit = reml.fit_batch(y, x, np.eye(4)[2:3])
    assert np.isnan(fit.low[0]).all()
    assert np.isnan(fit.p[0]).all()
    assert np.isfinite(fit.low[1]).all()


def test_random_walks_are_reported_as_near_unit_root() -> None:
    walks = np.cumsum(np.random.default_rng(0).standard_normal((200, 72)), axis=1)
    noise = ar1_series(200, 72, rho=0.3, seed=0)
    x = segmented(72, 43)
    near = [reml.fit_batch(y, x, np.eye(4)[2:3]).near_unit_root.mean() for y in (walks, noise)]
    assert near[0] > 10 * near[1]


def test_maximum_is_the_top_of_the_restricted_likelihood() -> None:
    y = ar1_series(1, 60, rho=0.5, seed=8)[0]
    x = segmented(60, 36)
    best = reml.maximum(y, x)
    around = reml.conditional(y, x, None, np.array([best.phi[0] - 1e-3, best.phi[0] + 1e-3]))
    assert (best.log_likelihood[0, 0] > around.log_likelihood[0]).all()


@pytest.mark.slow
def test_coverage_in_a_short_autocorrelated_series() -> None:
    # R's plug-in REML covers .899 here; 3,000 repetitions, Monte Carlo error .004.
    y = ar1_series(3000, 24, rho=0.4, seed=11)
    fit = reml.fit_batch(y, segmented(24, 14), np.eye(4)[2:3])
    coverage = ((fit.low < 0) & (fit.high > 0)).mean()
    assert 0.93 < coverage < 0.975


@pytest.mark.parametrize("engine", [reml, averaged])
def test_equal_designs_are_grouped_and_every_series_keeps_its_place(engine) -> None:
    n = 30
    time = np.arange(n, dtype=float)
    two = [np.column_stack([np.ones(n), time, time >= at]) for at in (12, 17)]
    y = ar1_series(16, n, rho=0.3, seed=4)
    which = np.array([0, 1, 1, 0] * 4)
    line = np.eye(3)[2:]
    found = engine.fit_batch(y, np.stack(two)[which], line)
    for i, design in enumerate(which):
        alone = engine.fit_batch(y[i], two[design], line)
        np.testing.assert_allclose(found.low[i], alone.low[0], atol=1e-3)
        np.testing.assert_allclose(found.estimate[i], alone.estimate[0], atol=1e-5)
        assert found.phi[i] == pytest.approx(alone.phi[0])
