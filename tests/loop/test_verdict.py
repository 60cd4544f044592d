"""Has it come to rest? Plateaus are found, drifts are not called plateaus."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop.verdict import broken_line


def course(kind: str, sd: float, seed: int, total: int = 100, artworks: int = 270) -> np.ndarray:
    """Rise .30 over `total` iterations; AR(1) .8 within artworks, .08 between them."""
    rng = np.random.default_rng(seed)
    t = np.arange(1, total + 1)
    mean = {
        "broken": 0.3 * np.minimum(t / 66, 1),
        "log": 0.3 * np.log1p(t) / np.log1p(total),
        "linear": 0.3 * t / total,
        "flat": 0 * t,
    }[kind]
    noise = np.zeros((total, artworks))
    innovations = rng.standard_normal((total, artworks))
    noise[0] = innovations[0]
    for i in range(1, total):
        noise[i] = 0.8 * noise[i - 1] + 0.6 * innovations[i]
    return mean[:, None] + sd * noise + 0.08 * rng.standard_normal(artworks)


@pytest.mark.parametrize(
    ("kind", "sd", "wanted", "never"),
    [
        ("broken", 0.05, "plateau", "drift"),
        ("broken", 0.15, "plateau", "drift"),
        ("log", 0.05, "drift", "plateau"),
        ("linear", 0.15, "drift", "plateau"),
        ("flat", 0.15, "no change", "plateau"),
    ],
)
def test_verdicts(kind: str, sd: float, wanted: str, never: str) -> None:
    found = Counter(ut.convergence(course(kind, sd, seed)).verdict for seed in range(10))
    assert found[wanted] >= 7
    assert found[never] == 0


def test_a_plateau_is_dated_with_an_interval() -> None:
    found = ut.convergence(course("broken", 0.15, 3))
    assert found.iteration == pytest.approx(60, abs=6)  # within 10% of the change before the bend
    assert found.interval[0] <= 60 <= found.interval[1]
    assert "within 10% of its total change" in found.summary()


def test_a_drift_has_a_date_that_moves_with_the_run_and_is_not_called_convergence() -> None:
    """Cut at 100 a slow drift dates itself near two thirds, as a true plateau might."""
    long = course("log", 0.02, 1, total=300)
    dates = [ut.convergence(long[:total]).iteration for total in (75, 150, 300)]
    assert dates[0] < dates[1] < dates[2]
    assert "did not come to rest" in ut.convergence(long).summary()


def test_a_broken_line_is_found_where_it_bends() -> None:
    assert broken_line(course("broken", 0.02, 1).mean(axis=1)) == pytest.approx(66, abs=1)


def test_no_verdict_on_too_little() -> None:
    with pytest.raises(InputError, match="20 iterations of 10 artworks"):
        ut.convergence(np.ones((19, 30)))
    with pytest.raises(InputError, match="column 'band'"):
        ut.convergence(course("flat", 0.1, 1, artworks=12), band=1.5)
