from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadtrends.breaks import penalty_path, segment
from uploadtrends.breaks.costs import (
    AutoregressiveCost,
    LinearCost,
    MeanCost,
    MeanVarianceCost,
    NegativeBinomialCost,
    PoissonCost,
    cost_named,
)
from uploadtrends.breaks.partition import (
    cost_table,
    errors_of,
    exact_partition,
    partitions_by_number,
)
from uploadtrends.breaks.ruptures_bridge import for_ruptures
from uploadtrends.errors import InputError

COSTS = [MeanCost, MeanVarianceCost, LinearCost, PoissonCost, NegativeBinomialCost]


def total(errors, changes: list[int], n: int, penalty: float) -> float:
    bounds = np.array([0, *changes, n])
    return float(errors(bounds[:-1], bounds[1:]).sum() + penalty * len(changes))


@given(st.lists(st.integers(0, 9), min_size=8, max_size=11), st.sampled_from(COSTS))
@settings(max_examples=60, deadline=None)
def test_exact_search_equals_trying_everything(values: list[int], kind: type) -> None:
    n, penalty, minimum = len(values), 2.0, 3
    errors = errors_of(kind().fit(np.array(values, dtype=float)))
    options = [
        list(changes)
        for k in range(3)
        for changes in combinations(range(minimum, n - minimum + 1), k)
        if all(b - a >= minimum for a, b in zip((0, *changes), (*changes, n), strict=True))
    ]
    best = min(total(errors, changes, n, penalty) for changes in options)
    found = exact_partition(errors, n, penalty, minimum)
    assert total(errors, found, n, penalty) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("kind", [*COSTS, AutoregressiveCost])
def test_ruptures_finds_the_same_with_our_costs(kind: type) -> None:
    rng = np.random.default_rng(5)
    values = rng.poisson(np.repeat([8, 20, 12], [30, 25, 35])).astype(float)
    cost = kind()
    theirs = ruptures.Pelt(custom_cost=for_ruptures(cost), jump=1, min_size=4)
    penalty = 3 * np.log(90)
    ours = exact_partition(errors_of(cost.fit(values)), 90, penalty, max(4, cost.min_size))
    assert theirs.fit(values).predict(pen=penalty)[:-1] == ours


def test_a_cost_of_ruptures_is_taken_as_it_is() -> None:
    values = np.repeat([0.0, 4.0], 20) + np.random.default_rng(1).normal(size=40)
    theirs = ruptures.Pelt(model="rbf", jump=1, min_size=2).fit(values).predict(pen=3.0)[:-1]
    assert segment(values, cost=ruptures.costs.CostRbf(), penalty=3.0) == theirs == [20]


@pytest.mark.parametrize("kind", [*COSTS, AutoregressiveCost])
def test_many_segments_at_once_equal_one_at_a_time(kind: type) -> None:
    values = np.random.default_rng(2).poisson(6, size=40).astype(float)
    cost = kind().fit(values)
    starts = np.arange(0, 25)
    assert cost.errors(starts, 35) == pytest.approx([cost.error(int(s), 35) for s in starts])


def test_costs_are_likelihoods() -> None:
    from scipy import stats

    values = np.random.default_rng(3).negative_binomial(3, 0.2, size=30).astype(float)
    gaussian = -2 * stats.norm.logpdf(values, values.mean(), values.std()).sum()
    assert MeanVarianceCost().fit(values).error(0, 30) == pytest.approx(gaussian)
    mean, size = values.mean(), 3.0
    constant = -2 * (stats.nbinom.logpmf(values, size, size / (size + mean))).sum()
    from scipy.special import gammaln

    factorials = -2 * (gammaln(values + size) - gammaln(size) - gammaln(values + 1)).sum()
    cost = NegativeBinomialCost(size=size).fit(values).error(0, 30)
    assert cost + factorials == pytest.approx(constant)


def test_negative_binomial_tends_to_poisson() -> None:
    values = np.random.default_rng(4).poisson(7, size=50).astype(float)
    poisson, limit = PoissonCost().fit(values), NegativeBinomialCost(size=1e9).fit(values)
    # The constants left out differ: 2 sum(y) (log size + 1), the same in every segmentation.
    difference = limit.error(0, 50) - poisson.error(0, 50)
    assert difference == pytest.approx(2 * values.sum() * (np.log(1e9) + 1), rel=1e-6)


def test_overdispersion_does_not_pass_for_changes() -> None:
    rng = np.random.default_rng(6)
    values = rng.negative_binomial(2, 2 / 22, size=100).astype(float)  # mean 20, no change
    assert len(segment(values, cost="poisson", min_size=2)) > 5
    assert segment(values, cost="negative_binomial", min_size=2) == []


def test_size_is_estimated_across_a_change() -> None:
    rng = np.random.default_rng(7)
    mean = np.repeat([20.0, 60.0], 1000)
    values = rng.negative_binomial(4, 4 / (4 + mean)).astype(float)
    assert NegativeBinomialCost().fit(values).fitted_size == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("name", ["poisson", "negative_binomial"])
def test_counts_are_asked_for(name: str) -> None:
    with pytest.raises(InputError, match="counts"):
        cost_named(name).fit(np.array([1.0, 2.5, 3.0]))


def test_an_unknown_cost_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="negative_binomial"):
        segment(np.arange(10.0), cost="nonsense")
    with pytest.raises(InputError, match="unknown penalty"):
        segment(np.arange(10.0), penalty="nonsense")
    with pytest.raises(InputError, match="unknown search"):
        segment(np.arange(10.0), search="nonsense")  # type: ignore[arg-type]


def test_penalty_path_equals_r_changepoint(data: Path) -> None:
    folder = data / "changepoint"
    target = json.loads((folder / "published.json").read_text())["targets"]
    (expected,) = target.values()
    values = pd.read_csv(folder / "crops_mean_seed1.csv")["x"].to_numpy()
    series = pd.Series(values, pd.date_range("2000-01-01", periods=200))
    path = penalty_path(series, low=4, high=1500, standardise=False)
    frame = path.to_frame()
    bounds = [*frame["penalty_low"], frame["penalty_high"].iloc[-1]]
    assert bounds == pytest.approx(expected["transition_penalties"], abs=5e-7)
    assert [list(p) for p in frame["positions"]] == expected["segmentations"]
    assert path.widest.changes == (50, 100, 150)
    assert frame["dates"].iloc[3][0] == pd.Timestamp("2000-02-20")
    assert "7 segmentations" in path.summary()


def test_cost_falls_with_every_change_of_the_path(nile: pd.Series) -> None:
    frame = penalty_path(nile).to_frame()
    assert frame["n_changes"].is_monotonic_decreasing
    assert frame["cost"].is_monotonic_increasing
    assert (frame["penalty_low"].to_numpy()[1:] == frame["penalty_high"].to_numpy()[:-1]).all()


def test_best_segmentations_by_number_nest_costs() -> None:
    values = np.random.default_rng(8).normal(size=60)
    found = partitions_by_number(errors_of(MeanCost().fit(values)), 60, 2, 5)
    assert [len(changes) for changes, _ in found] == [0, 1, 2, 3, 4, 5]
    assert np.all(np.diff([cost for _, cost in found]) <= 1e-9)


def test_a_table_of_costs_gives_the_partition_that_calls_give() -> None:
    values = np.random.default_rng(3).normal(size=90) + 2.0 * (np.arange(90) // 20 % 2)
    errors = LinearCost().fit(values).errors
    table = cost_table(errors, 90, 3)
    assert np.isinf(table[5, 7])
    found = exact_partition(lambda starts, ends: table[starts, ends], 90, 9.0, 3)
    assert found == exact_partition(errors, 90, 9.0, 3)
    assert len(found) >= 2
