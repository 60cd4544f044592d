from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

from uploadtrends.breaks import change_points, count_posterior
from uploadtrends.breaks.counts import count_date_posterior
from uploadtrends.errors import InputError
from uploadtrends.events import Event


@pytest.mark.parametrize(
    ("name", "prior"), [("bayes_gamma_1_1", (1.0, 1.0)), ("bayes_gamma_half_0001", (0.5, 0.001))]
)
def test_coal_posterior_equals_r(coal: pd.Series, data: Path, name: str, prior: tuple) -> None:
    expected = json.loads((data / "coal" / "reference_R.json").read_text())[name]
    found = count_posterior(coal, n_changes=1, prior=prior)
    # k periods in the old regime: the new one begins at position k.
    probability = found.dates["change 1"].to_numpy()
    assert int(np.argmax(probability)) == expected["mode_k"] == 41
    assert probability[41] == pytest.approx(expected["mode_prob"], abs=1e-12)
    assert np.arange(112) @ probability == pytest.approx(expected["mean_k"], abs=1e-9)
    for top in expected["top"]:
        assert probability[top["k"]] == pytest.approx(top["prob"], abs=1e-12)
    (row,) = found.to_frame().itertuples()
    assert row.date.year == 1892  # first year of the new regime: last of the old one is 1891
    assert row.median.year - 1851 == expected["median_k"] == 40
    assert [row.low.year - 1851, row.high.year - 1851] == expected["ci95_k"] == [36, 46]


def test_coal_segmentations_equal_r(coal: pd.Series, data: Path) -> None:
    expected = json.loads((data / "coal" / "reference_R.json").read_text())
    for case in expected["optimal_partition_poisson"].values():
        if isinstance(case, dict):
            found = change_points(
                coal, cost="poisson", penalty=float(case["pen"]), season=False
            ).fits[0]
            assert [c.position for c in found.changes] == np.atleast_1d(case["cpts"]).tolist()


def test_coal_change_in_the_verb(coal: pd.Series) -> None:
    (change,) = change_points(coal, cost="poisson", penalty="mbic").fits[0].changes
    assert change.date.year == 1892
    assert (change.low.year, change.high.year) == (1887, 1897)
    assert change.before == pytest.approx(3.09756097561)
    assert change.after == pytest.approx(0.9014084507042)


def test_several_changes_equal_summing_over_every_segmentation() -> None:
    values = np.array([3, 2, 4, 9, 8, 11, 2, 1, 3, 2.0])
    n = len(values)
    index = pd.date_range("2020-01-01", periods=n, freq="MS")
    found = count_posterior(pd.Series(values, index), max_changes=3)

    def evidence(bounds: tuple[int, ...]) -> float:
        total = 0.0
        for low, high in pairwise(bounds):
            s, m = values[low:high].sum(), high - low
            total += gammaln(1 + s) - (1 + s) * np.log(1 + m)
        return total

    weights = np.zeros(4)
    any_change = np.zeros(n)
    shares = {}
    for m in range(4):
        ways = list(combinations(range(1, n), m))
        prior = 0.5**m / len(ways)
        for changes in ways:
            weight = np.exp(evidence((0, *changes, n))) * prior
            weights[m] += weight
            any_change[list(changes)] += weight
            shares[changes] = weight
    assert found.number.to_numpy() == pytest.approx(weights / weights.sum(), rel=1e-9)
    assert found.any_change.to_numpy() == pytest.approx(any_change / weights.sum(), rel=1e-9)
    assert found.n_changes == int(np.argmax(weights))
    second = np.zeros(n)
    for changes, weight in shares.items():
        if len(changes) == 2:
            second[changes[1]] += weight
    given = count_posterior(pd.Series(values, index), n_changes=2).dates["change 2"]
    assert given.to_numpy() == pytest.approx(second / second.sum(), rel=1e-9)


def test_probability_near_an_event(coal: pd.Series) -> None:
    found = count_posterior(coal, n_changes=1)
    probability = found.dates["change 1"]
    near = found.probability_near(Event("1891-06-01"), weeks=60)
    assert near == pytest.approx(probability["1891-01-01":"1892-01-01"].sum())
    assert found.probability_near("1891-06-01", weeks=10_000) == pytest.approx(1.0)
    assert found.probability_near("1930-06-01", weeks=10) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(InputError, match="exactly one"):
        found.probability_near(["1891-06-01", "1900-01-01"], weeks=5)


def test_overdispersed_counts_have_wider_posteriors() -> None:
    rng = np.random.default_rng(0)
    values = rng.poisson(np.repeat([10.0, 15.0], 30)).astype(float)
    spread = [
        np.sqrt(np.cov(places, aweights=probability))
        for places, probability in (
            count_date_posterior(values),
            count_date_posterior(values, size=5.0),
        )
    ]
    assert spread[1] > 1.3 * spread[0]


def test_quiet_counts_have_no_change() -> None:
    rng = np.random.default_rng(1)
    index = pd.date_range("2018-01-01", periods=72, freq="MS")
    found = count_posterior(pd.Series(rng.poisson(12, size=72), index))
    assert found.n_changes == 0
    assert found.to_frame().empty
    assert "0 changes" in found.summary()


def test_only_counts_without_gaps_are_taken(coal: pd.Series) -> None:
    for bad in (coal + 0.5, coal - 100, coal.where(coal.index != coal.index[3])):
        with pytest.raises(InputError, match="whole counts"):
            count_posterior(bad)
