"""The exact results for refitted Gaussians, and the loop itself held against them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop.generators import Gaussian, Kernel
from uploadtrends.loop.theory import (
    fresh_needed,
    gaussian_theory,
    log_variance_drift,
    log_variance_spread,
)


def normal(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((n, 1))


def within(loop: Any, metric: str, exact: float, errors: float = 4.0) -> bool:
    last = loop.table[loop.table["metric"] == metric].iloc[-1]
    standard_error = (last["high"] - last["low"]) / 3.92
    return abs(last["mean"] - exact) < errors * standard_error


def test_replace_loses_a_share_at_every_refit() -> None:
    """V_g = lam^g (1 - 1/n)^(g + 1) (Shumailov et al. 2024, the setting)."""
    course = gaussian_theory("replace", n=270, generations=30)
    assert course["variance"].iloc[-1] == pytest.approx((1 - 1 / 270) ** 31, rel=1e-12)
    biased = gaussian_theory("replace", n=20, generations=5, sampling_bias=0.8)
    assert biased["variance"].iloc[-1] == pytest.approx(0.2409, abs=5e-5)
    loop = ut.retraining_loop(
        normal, generator="gaussian", n=20, generations=5, sampling_bias=0.8, repeats=1500
    )
    assert within(loop, "variance", 0.2409)
    assert within(loop, "drift", float(biased["drift"].iloc[-1]))


@given(st.integers(2, 400), st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_what_is_lost_within_is_found_between(n: int, generations: int) -> None:
    course = gaussian_theory("replace", n=n, generations=generations)
    assert course.sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-9)


def test_log_variance_drifts_down() -> None:
    """Mean and variance of the log of a chi-square (digamma, trigamma); Wishart in d dimensions."""
    assert log_variance_drift(270) == pytest.approx(-0.00743, abs=5e-6)
    assert log_variance_drift(20) == pytest.approx(-0.10485, abs=5e-6)
    assert log_variance_spread(270) == pytest.approx(0.00746, abs=5e-6)
    assert log_variance_drift(270, 16) == pytest.approx(-0.5756, abs=5e-5)
    assert log_variance_drift(270, 64) == pytest.approx(-8.674, abs=5e-4)
    loop = ut.retraining_loop(
        lambda n, rng: rng.standard_normal((n, 16)),
        generator="gaussian",
        n=270,
        generations=3,
        repeats=150,
    )
    # Generation 0 is one refit, too: it is fitted to real works.
    assert within(loop, "log_det", 4 * log_variance_drift(270, 16))


def test_accumulating_stops_the_loss() -> None:
    """The product over T of 1 - 1/(T^2 n) is sin(pi/sqrt n)/(pi/sqrt n) (Gerstgrasser et al.)."""
    limit = gaussian_theory("accumulate", n=20, generations=20_000)["variance"].iloc[-1]
    root = np.pi / np.sqrt(20)
    assert limit == pytest.approx(np.sin(root) / root, abs=1e-5)
    loop = ut.retraining_loop(
        normal, generator="gaussian", regime="accumulate", n=20, generations=30, repeats=400
    )
    assert within(loop, "variance", float(loop.theory["variance"].iloc[-1]))


def test_accumulating_biased_samples_still_collapses() -> None:
    course = gaussian_theory("accumulate", n=270, generations=999, sampling_bias=0.9)["variance"]
    assert course[999] / course[99] == pytest.approx(10**-0.1, abs=0.002)
    biased = gaussian_theory("accumulate", n=20, generations=30, sampling_bias=0.8)
    assert biased["variance"].iloc[-1] == pytest.approx(0.4986, abs=5e-5)


@pytest.mark.parametrize(
    ("fresh", "bias", "kept"), [(0.1, 0.8, 0.3571), (0.5, 0.8, 0.8333), (0.3, 0.9, 0.8108)]
)
def test_fresh_data_cap_the_loss(fresh: float, bias: float, kept: float) -> None:
    course = gaussian_theory("fresh", n=10**7, generations=400, sampling_bias=bias, fresh=fresh)
    assert course["variance"].iloc[-1] == pytest.approx(kept, abs=5e-5)
    assert fresh_needed(kept, bias) == pytest.approx(fresh, abs=2e-4)


def test_the_loop_with_fresh_data_follows_its_recursion() -> None:
    loop = ut.retraining_loop(
        normal,
        generator="gaussian",
        regime="fresh",
        fresh=0.25,
        n=40,
        generations=12,
        sampling_bias=0.8,
        repeats=800,
    )
    assert within(loop, "variance", float(loop.theory["variance"].iloc[-1]))
    assert within(loop, "drift", float(loop.theory["drift"].iloc[-1]))


def test_fresh_data_are_worth_less_than_twice_their_number() -> None:
    """lam = 1: the mean's effective sample size over the fresh one is 1 + n_s/(n_f + n_s)."""
    for fresh, worth in ((2 / 3, 1.333), (0.5, 1.5), (0.2, 1.8)):
        n = 3000
        drift = gaussian_theory("fresh", n=n, generations=3000, fresh=fresh)["drift"].iloc[-1]
        assert 1 / drift / (fresh * n) == pytest.approx(worth, abs=0.01)


class Regression:
    """Least squares of a noisy outcome that its own predictions replace."""

    def __init__(self, d: int) -> None:
        self.d = d

    def fit(self, data: np.ndarray, rng: np.random.Generator) -> Regression:
        del rng
        self.beta = np.linalg.lstsq(data[:, : self.d], data[:, self.d], rcond=None)[0]
        self.mean = np.append(np.zeros(self.d), 0.0)
        return self

    def sample(self, n: int, rng: np.random.Generator, bias: float) -> np.ndarray:
        x = rng.standard_normal((n, self.d))
        return np.column_stack([x, x @ self.beta + np.sqrt(bias) * rng.standard_normal(n)])


@pytest.mark.parametrize(("regime", "factor"), [("replace", 10.0), ("accumulate", 1.5498)])
def test_regression_errors_add_up_or_stay(regime: str, factor: float) -> None:
    """Test error c g under replace, c sum 1/i^2 <= c pi^2/6 under accumulate (Gerstgrasser)."""
    d, n, generations, truth = 5, 40, 10, np.ones(5)
    errors = []

    class Watched(Regression):
        def fit(self, data: np.ndarray, rng: np.random.Generator) -> Regression:
            super().fit(data, rng)
            errors.append(float(((self.beta - truth) ** 2).sum()))
            return self

    def draw(m: int, rng: np.random.Generator) -> np.ndarray:
        x = rng.standard_normal((m, d))
        return np.column_stack([x, x @ truth + rng.standard_normal(m)])

    ut.retraining_loop(
        draw, generator=Watched(d), regime=regime, n=n, generations=generations - 1, repeats=300
    )
    found = np.reshape(errors, (300, generations))[:, -1]
    exact = d / (n - d - 1) * factor
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(300) + 0.02 * exact


def test_categories_die_out_as_genes_drift() -> None:
    """Refitted shares are the Wright-Fisher process: diversity falls by 1 - 1/n a generation."""

    class Shares:
        def fit(self, data: np.ndarray, rng: np.random.Generator) -> Shares:
            del rng
            self.p = data.mean(axis=0)
            return self

        def sample(self, n: int, rng: np.random.Generator, bias: float) -> np.ndarray:
            del bias
            return np.eye(len(self.p))[rng.choice(len(self.p), n, p=self.p)]

    start = np.array([0.02, 0.08, 0.2, 0.3, 0.4])
    ends, lost = [], []

    class Watched(Shares):
        def fit(self, data: np.ndarray, rng: np.random.Generator) -> Shares:
            super().fit(data, rng)
            ends.append(1 - (self.p**2).sum())
            lost.append(self.p[0] == 0)
            return self

    ut.retraining_loop(
        lambda n, rng: np.eye(5)[rng.choice(5, n, p=start)],
        generator=Watched(),
        n=50,
        generations=20,
        repeats=400,
    )
    last = np.reshape(ends, (400, 21))[:, -1]
    exact = (1 - (start**2).sum()) * (1 - 1 / 50) ** 21
    assert abs(last.mean() - exact) < 4 * last.std() / 20
    assert np.reshape(lost, (400, 21))[:, -1].mean() > 0.8  # a 2% class is lost in most runs


def test_a_kernel_estimate_spreads_instead() -> None:
    """V' = (V + h^2)(1 - 1/n)."""
    h, n, variance = 0.2, 50, 1 - 1 / 50
    for _ in range(10):
        variance = (variance + h**2) * (1 - 1 / n)
    loop = ut.retraining_loop(normal, generator=Kernel(h), n=n, generations=9, repeats=600)
    assert within(loop, "variance", variance)


def test_wasserstein_risk_grows_with_every_generation() -> None:
    """E W2^2 is about 1.5 g/M for the unbiased variance (Shumailov et al. 2024)."""
    n, generations, repeats = 270, 10, 400

    class Unbiased(Gaussian):
        def fit(self, data: np.ndarray, rng: np.random.Generator) -> Gaussian:
            super().fit(data, rng)
            self.root = self.root * np.sqrt(len(data) / (len(data) - 1))
            risks.append(float(self.mean[0] ** 2 + (abs(self.root[0, 0]) - 1) ** 2))
            return self

    risks: list[float] = []
    ut.retraining_loop(
        normal, generator=Unbiased(), n=n, generations=generations - 1, repeats=repeats
    )
    last = np.reshape(risks, (repeats, generations))[:, -1]
    assert abs(last.mean() - 1.5 * generations / n) < 4 * last.std() / np.sqrt(repeats)


@pytest.mark.parametrize(
    ("settings", "column"),
    [
        ({"n": 1}, "n"),
        ({"generations": 0}, "generations"),
        ({"sampling_bias": 0.0}, "sampling_bias"),
        ({"fresh": 1.5, "regime": "fresh"}, "fresh"),
        ({"fresh": [0.1, 0.2], "regime": "fresh", "generations": 3}, "fresh"),
        ({"regime": "recycle"}, "regime"),
        ({"generator": "gan"}, "generator"),
        ({"generator": object()}, "generator"),
        ({"repeats": 1}, "repeats"),
        ({"data": np.ones((50, 2)), "n": 51}, "data"),
        ({"data": np.array([1.0, 2.0])}, "data"),
    ],
)
def test_settings_that_no_loop_can_run_with(settings: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError, match=f"column '{column}'"):
        ut.retraining_loop(**{"n": 20, "generations": 2, "repeats": 2, **settings})


def test_on_digits_replacing_collapses_and_accumulating_does_not() -> None:
    kept = {
        regime: ut.retraining_loop(
            generator="gaussian", regime=regime, generations=12, sampling_bias=0.8, repeats=2
        ).course("recall")["mean"]
        for regime in ("replace", "accumulate")
    }
    assert kept["replace"].iloc[-1] < 0.1 < kept["accumulate"].iloc[-1]
    assert kept["replace"].iloc[0] > 0.6
