from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from uploadtrends.arrays import Array
from uploadtrends.breaks import segment
from uploadtrends.breaks.by_ruptures import ruptures_positions
from uploadtrends.breaks.costs import MeanCost
from uploadtrends.breaks.functional import LONGEST, mean_partition, possible_changes
from uploadtrends.breaks.partition import exact_partition

SMALL = st.lists(st.integers(-4, 4), min_size=2, max_size=40)
PENALTY = st.sampled_from([0.0, 0.3, 1.0, 2.5, 7.0, 30.0])


def cost(values: Array, changes: list[int], penalty: float) -> float:
    bounds = np.array([0, *changes, len(values)])
    rss = MeanCost().fit(values).errors(bounds[:-1], bounds[1:]).sum()
    return float(rss + penalty * len(changes))


@given(SMALL, PENALTY, st.integers(1, 6))
@example([0] * 12, 0.0, 2)
@example([1, 1, 1, 2, 2, 2, 1, 1, 1], 1.0, 3)
@settings(max_examples=300, deadline=None)
def test_it_is_the_optimum_of_dynamic_programming_also_among_ties(
    numbers: list[int], penalty: float, minimum: int
) -> None:
    values = np.array(numbers, dtype=float)
    if len(values) < 2 * minimum:
        return
    found = mean_partition(values - values.mean(), penalty, minimum)
    errors = MeanCost().fit(values - values.mean()).errors
    best = exact_partition(errors, len(values), penalty, minimum, slack=np.inf)
    assert cost(values, found, penalty) == pytest.approx(cost(values, best, penalty), abs=1e-9)
    assert np.diff([0, *found, len(values)]).min() >= minimum


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_the_partition_is_that_of_the_compiled_search(seed: int, walk: float) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(3, size=500)
    values = walk * np.cumsum(noise) + noise + 3.0 * (np.arange(500) // rng.integers(5, 400) % 2)
    values = (values - values.mean()) / values.std(ddof=1)
    for penalty in (1.0, 5.0, 2 * np.log(500)):
        theirs = ruptures_positions(values, "kernel", penalty=penalty, min_size=1)[1]
        assert mean_partition(values, penalty, 1) == theirs


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.sampled_from([1.0, 4.0, 12.0]))
@example(4, 4, 1.0)  # where the compiled search drops a start too early
@settings(max_examples=30, deadline=None)
def test_a_shortest_segment_does_not_cost_the_optimum(
    seed: int, least: int, penalty: float
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_t(3, size=400) + 3.0 * (np.arange(400) // rng.integers(5, 300) % 2)
    values = (values - values.mean()) / values.std(ddof=1)
    best = exact_partition(MeanCost().fit(values).errors, 400, penalty, least)
    assert segment(values, penalty=penalty, min_size=least) == best


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 2.0, 8.0]), st.sampled_from([0.0, 0.05]))
@settings(max_examples=90, deadline=None)
def test_no_change_of_the_optimum_is_screened_out(seed: int, penalty: float, walk: float) -> None:
    rng = np.random.default_rng(seed)
    length = int(rng.integers(2, 16 * LONGEST))
    values = (
        rng.normal(size=length) * rng.choice([0.1, 1.0]) + walk * rng.normal(size=length).cumsum()
    )
    values += rng.normal() * (np.arange(length) // rng.integers(1, 200))
    errors = MeanCost().fit(values).errors
    best = exact_partition(errors, length, penalty, 1, slack=np.inf)
    assert set(best) <= set(possible_changes(values, penalty, 1))


def test_little_of_a_long_noise_is_searched_and_both_searches_agree() -> None:
    values = np.random.default_rng(4).normal(size=12_000) + 0.5 * (np.arange(12_000) >= 7000)
    standard = (values - values.mean()) / values.std(ddof=1)
    places = possible_changes(standard, 2 * float(np.log(12_000)), 1)
    assert len(places) < 1200
    found = segment(values, penalty="bic")
    assert found == ruptures_positions(values, "kernel", min_size=1)[1]
    assert len(found) == 1
    assert abs(found[0] - 7000) < 50
