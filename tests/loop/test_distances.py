"""Distances of sets of embeddings: what they read where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from uploadtrends.errors import InputError
from uploadtrends.loop import distances


def spectrum(d: int) -> np.ndarray:
    values = 1 / np.arange(1, d + 1)
    return np.sqrt(values * d / values.sum())


def draw(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_normal((n, d)) * spectrum(d)


def test_the_plain_distance_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(1)
    for n, d in ((60, 10), (40, 64)):
        one, other = draw(rng, n, d), draw(rng, n + 7, d) + 0.3
        a, b = np.cov(one.T), np.cov(other.T)
        root = linalg.sqrtm(a @ b).real
        shift = one.mean(axis=0) - other.mean(axis=0)
        textbook = shift @ shift + np.trace(a + b - 2 * root)
        assert distances.plain_frechet(one, other) == pytest.approx(textbook, rel=2e-5)


def test_at_few_works_the_plain_distance_is_mostly_bias_and_the_default_is_not() -> None:
    rng = np.random.default_rng(2)
    plain, default = [], []
    for _ in range(4):
        one, other, third = (draw(rng, 270, 768) for _ in range(3))
        plain.append(distances.plain_frechet(one, other))
        default.append(distances.frechet_distance(one, other, basis=third))
    assert np.mean(plain) == pytest.approx(340, rel=0.05)
    assert abs(np.mean(default)) < 6


def test_a_true_distance_is_found_under_collapse() -> None:
    rng = np.random.default_rng(3)
    d, found, truth = 768, [], []
    for _ in range(3):
        other, third = draw(rng, 270, d), draw(rng, 270, d)
        basis = distances.principal_basis(third, 64)
        flat = rng.standard_normal((270, 20)) @ np.diag(spectrum(d)[:20]) @ np.eye(20, d)
        found.append(distances.frechet_distance(flat, other, basis=third))
        kept = basis.directions
        a = kept @ np.diag(spectrum(d) ** 2) @ kept.T
        b = kept[:, :20] @ np.diag(spectrum(d)[:20] ** 2) @ kept[:, :20].T
        truth.append(np.trace(a + b - 2 * linalg.sqrtm(a @ b).real))
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=12)


def test_pairs_pull_the_kernel_distance_down_unless_they_are_dropped() -> None:
    rng = np.random.default_rng(4)
    one = draw(rng, 270, 256)
    other = 0.8 * one + 0.6 * draw(rng, 270, 256)
    assert distances.kernel_distance(one, other) < -0.01
    assert abs(distances.kernel_distance(one, other, paired=True)) < 0.02


def test_the_bracket_holds_the_truth_under_pairing() -> None:
    rng = np.random.default_rng(5)
    one = draw(rng, 270, 512)
    other = 0.8 * one + 0.6 * draw(rng, 270, 512)
    low, high = distances.frechet_bracket(one, other)
    assert low < 3
    assert high > 50


def test_variety_counts_what_is_different() -> None:
    assert distances.vendi_score(np.ones((50, 8))) == pytest.approx(1)
    assert distances.vendi_score(np.eye(12)) == pytest.approx(12)
    assert distances.class_number(np.repeat(np.arange(4), 5)) == pytest.approx(4)
    assert distances.class_number(np.zeros(9)) == pytest.approx(1)


def test_precision_and_recall_tell_too_few_modes_from_wrong_ones() -> None:
    rng = np.random.default_rng(6)
    centres = np.array([[0.0, 0.0], [20.0, 0.0]])
    real = centres[rng.integers(2, size=200)] + rng.standard_normal((200, 2))
    one_mode = rng.standard_normal((200, 2))
    precision, recall = distances.precision_recall(one_mode, real)
    assert precision > 0.95
    assert recall < 0.7
    assert distances.precision_recall(real + 500, real) == (0.0, 0.0)


def test_too_few_works_are_refused() -> None:
    few = np.ones((29, 4))
    with pytest.raises(InputError, match="30 works"):
        distances.frechet_distance(few, few)
    with pytest.raises(InputError, match="different encoders"):
        distances.kernel_distance(np.ones((30, 4)), np.ones((30, 5)))
    with pytest.raises(InputError, match="column 'k'"):
        distances.precision_recall(few[:5], few)
