"""The covariance averaged over families: exact algebra, the same answer by every route."""

from __future__ import annotations

import numpy as np
import pytest

from uploadtrends.models.estimators import averaged, estimate, families, reml
from uploadtrends.simulate import ar1_series


def segmented(n: int, at: int) -> np.ndarray:
    time = np.arange(n, dtype=float)
    return np.column_stack([np.ones(n), time, time >= at, np.maximum(time - at, 0)])


def test_members_are_the_stated_families() -> None:
    chosen = families.members()
    prior = np.exp(chosen.log_prior)
    for name, weight in families.FAMILY_WEIGHTS.items():
        assert prior[chosen.family == name].sum() == pytest.approx(weight)
    assert chosen.phi.size == 99
    rho = families.correlations(50)
    assert (rho[:, 0] == 1).all()
    # Hosking (1981): rho_1 = d / (1 - d); rho_2 = rho_1 (1 + d) / (2 - d).
    slow = np.flatnonzero(chosen.family == "long-memory")
    d = chosen.fraction[slow]
    np.testing.assert_allclose(rho[slow, 1], d / (1 - d))
    np.testing.assert_allclose(rho[slow, 2], d / (1 - d) * (1 + d) / (2 - d))
    noisy = np.flatnonzero(chosen.family == "ar1-plus-noise")[7]
    want = (1 - chosen.share[noisy]) * chosen.phi[noisy] ** 3
    assert rho[noisy, 3] == pytest.approx(want)


@pytest.mark.parametrize("out", [[], [3, 4, 17], [0], list(range(5, 30))])
def test_gaps_cost_their_rows_only(out: list[int]) -> None:
    positions = np.delete(np.arange(40.0), out)
    inverse, log_determinant = families.inverse_correlations(positions)
    lags = np.abs(np.subtract.outer(positions, positions)).astype(int)
    matrices = families.correlations(40)[:, lags]
    identity = np.broadcast_to(np.eye(positions.size), matrices.shape)
    np.testing.assert_allclose(inverse @ matrices, identity, atol=1e-8)
    np.testing.assert_allclose(log_determinant, np.linalg.slogdet(matrices)[1], atol=1e-8)


@pytest.mark.parametrize("out", [[], [3, 4, 17]])
def test_long_series_are_solved_without_a_matrix(out: list[int]) -> None:
    positions = np.delete(np.arange(40.0), out)
    columns = np.random.default_rng(1).standard_normal((positions.size, 3))
    inverse, log_determinant = families.inverse_correlations(positions)
    found, streamed = families.solve(columns, positions)
    np.testing.assert_allclose(found, inverse @ columns, atol=1e-9)
    np.testing.assert_allclose(streamed, log_determinant, atol=1e-9)


def test_long_and_short_route_give_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = ar1_series(3, 90, rho=0.5, seed=4), segmented(90, 50)
    short = averaged.fit_batch(y, x, np.eye(4)[2:])
    monkeypatch.setattr(families, "DENSE", 50)
    averaged._machine.cache_clear()
    long = averaged.fit_batch(y, x, np.eye(4)[2:])
    averaged._machine.cache_clear()
    np.testing.assert_allclose(long.low, short.low, atol=1e-9)
    np.testing.assert_allclose(long.p, short.p, atol=1e-9)


@pytest.mark.parametrize("out", [[], [3, 17, 18]])
def test_many_series_have_the_weights_of_each_alone(out: list[int]) -> None:
    """Squares in directions that members share, against r'P r with P of every member."""
    y, x = ar1_series(12, 60, rho=0.6, seed=6), segmented(60, 36)
    positions = np.delete(np.arange(60.0), out)
    rows = positions.astype(int)
    known = averaged.machine(x[rows], positions)
    residuals = y[:, rows] - (y[:, rows] @ known.orthonormal) @ known.orthonormal.T
    lags = np.abs(np.subtract.outer(rows, rows))
    for g, rho in enumerate(families.correlations(60)):
        inverse = np.linalg.inv(rho[lags])
        beta = np.linalg.solve(x[rows].T @ inverse @ x[rows], x[rows].T @ inverse @ residuals.T)
        left = residuals.T - x[rows] @ beta
        want = np.einsum("nm,nm->m", left, inverse @ left)
        np.testing.assert_allclose(known.quadratic(residuals)[:, g], want, rtol=1e-9)
        np.testing.assert_allclose(known.quadratic(residuals[:1])[0, g], want[0], rtol=1e-9)
    alone = np.concatenate([known.weights(one[None, rows])[0] for one in y])
    np.testing.assert_allclose(known.weights(y[:, rows])[0], alone, atol=1e-12)


def test_ar1_members_alone_are_the_ar1_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all weight on one phi both estimators are GLS at that phi."""
    y, x = ar1_series(1, 60, rho=0.3, seed=5), segmented(60, 36)
    chosen = families.members()
    at = int(np.flatnonzero((chosen.family == "ar1") & (chosen.phi == 0.36))[0])
    known = averaged.machine(x, np.arange(60.0))
    _, variances, _ = known.weights(y)
    given = reml.conditional(y, x, None, np.array([0.36]))
    np.testing.assert_allclose(known.maps[at] @ y[0], given.coefficients[0, 0], rtol=1e-9)
    assert variances[0, at] == pytest.approx(given.variance[0, 0], rel=1e-9)
    np.testing.assert_allclose(known.covariance[at], given.covariance[0, 0], rtol=1e-8)


def test_slow_noise_widens_what_ar1_makes_too_short() -> None:
    """AR(.85) seen through as much white noise: AR(1) alone covers a level in about 83%."""
    n, m = 120, 300
    slow = ar1_series(m, n, rho=0.85, seed=11)
    y = slow + np.random.default_rng(12).standard_normal((m, n))
    line = np.eye(4)[2:]
    ours = averaged.fit_batch(y, segmented(n, 72), line)
    theirs = reml.fit_batch(y, segmented(n, 72), line)
    covered = [((f.low < 0) & (f.high > 0)).mean(axis=0) for f in (ours, theirs)]
    assert covered[0][0] >= 0.90
    assert covered[0][1] >= 0.91
    assert covered[1][1] < 0.85


@pytest.mark.parametrize(("m", "out"), [(3, []), (12, []), (12, [7, 30, 31])])
def test_series_are_whitened_each_by_its_own_correlations(m: int, out: list[int]) -> None:
    rng = np.random.default_rng(7)
    place = np.delete(np.arange(75), out)
    n = place.size
    weights = rng.dirichlet(np.full(families.members().phi.size, 0.1), m)
    rho = weights @ families.correlations(75)
    y, columns = rng.standard_normal((m, n)), rng.standard_normal((n, 3))
    found = families.whitened_series(y, columns, rho, place)
    lags = np.abs(np.subtract.outer(place, place))
    for i in range(m):
        root = np.linalg.cholesky(rho[i][lags])
        expected = np.linalg.solve(root, np.column_stack([columns, y[i]]))
        np.testing.assert_allclose(found[i], expected, atol=1e-10)


@pytest.mark.parametrize("out", [[], [5, 40, 41, 42, 100, 200], list(range(10, 190, 3))])
def test_long_series_are_solved_exactly(out: list[int]) -> None:
    """Closed forms of the inverses, against dense ones of every member."""
    positions = np.delete(np.arange(300.0), out)
    columns = np.random.default_rng(2).normal(size=(positions.size, 3))
    found, log_determinant = families.solve(columns, positions)
    lags = np.abs(np.subtract.outer(positions, positions)).astype(int)
    for i, rho in enumerate(families.correlations(300)):
        np.testing.assert_allclose(found[i], np.linalg.solve(rho[lags], columns), atol=1e-9)
        assert log_determinant[i] == pytest.approx(np.linalg.slogdet(rho[lags])[1], abs=1e-9)


def test_a_root_is_that_of_its_covariance_alone_or_among_others() -> None:
    """Bit for bit, so that draws of a series do not hang on who else is drawn; singular, too."""
    parts = np.random.default_rng(3).standard_normal((20, 6, 6))
    parts[4, :, 5] = parts[4, :, :2] = 0.0
    parts[7, 3] = parts[7, 1] - 2 * parts[7, 0]
    covariance = parts @ parts.transpose(0, 2, 1)
    covariance[9] = 0.0
    found = estimate._roots(covariance)
    np.testing.assert_allclose(found @ found.transpose(0, 2, 1), covariance, atol=1e-12)
    np.testing.assert_array_equal(
        found, np.concatenate([estimate._roots(c[None]) for c in covariance])
    )
    assert (np.triu(found, 1) == 0).all()
