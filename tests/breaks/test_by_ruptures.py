"""ruptures' own searches give what ruptures gives, with our dates."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import ruptures

from uploadtrends import InputError, change_points
from uploadtrends.breaks import segment
from uploadtrends.breaks.by_ruptures import SEARCHES, ruptures_positions

RNG = np.random.default_rng(5)
STEPS = np.repeat([0.0, 4.0, 1.0], 24) + RNG.normal(size=72)


def scaled(values: np.ndarray) -> np.ndarray:
    return ((values - values.mean()) / values.std(ddof=1)).reshape(-1, 1)


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_finds_two_steps(monthly, search: str) -> None:
    options = {"n_changes": 2} if search == "dynp" else {}
    found = change_points(monthly(STEPS), search=search, **options).fits[0]
    assert [c.position for c in found.changes] == pytest.approx([24, 48], abs=1)
    assert search in found.penalty
    assert "ruptures" in found.penalty
    assert np.isnan(found.p)


@pytest.mark.parametrize(
    ("search", "engine"),
    [
        ("pelt", lambda: ruptures.Pelt(model="l2", jump=1, min_size=2)),
        ("binseg", lambda: ruptures.Binseg(model="l2", jump=1, min_size=2)),
        ("bottom-up", lambda: ruptures.BottomUp(model="l2", jump=1, min_size=2)),
        ("kernel", lambda: ruptures.KernelCPD(kernel="linear", jump=1, min_size=2)),
    ],
)
def test_positions_are_those_of_ruptures(search: str, engine) -> None:
    price = 2 * float(np.log(72))
    direct = engine().fit(scaled(STEPS)).predict(pen=price)[:-1]
    assert ruptures_positions(STEPS, search, min_size=2)[1] == direct


def test_costs_of_ruptures_kernels_and_objects() -> None:
    direct = ruptures.Pelt(model="rbf", jump=1, min_size=2).fit(scaled(STEPS)).predict(pen=3.0)
    assert ruptures_positions(STEPS, "pelt", cost="rbf", penalty=3.0, min_size=2)[1] == direct[:-1]
    found = ruptures_positions(STEPS, "kernel", cost="rbf", n_changes=2, min_size=2)[1]
    assert found == pytest.approx([24, 48], abs=1)
    cost = ruptures.costs.CostL1()
    assert ruptures_positions(STEPS, "dynp", cost=cost, n_changes=2)[1] == pytest.approx(
        [24, 48], abs=1
    )
    counts = RNG.poisson(np.repeat([20, 5], 36)).astype(float)
    assert ruptures_positions(counts, "pelt", cost="poisson")[1] == pytest.approx([36], abs=1)


def total(values: np.ndarray, changes: list[int], price: float) -> float:
    parts = pairwise([0, *changes, len(values)])
    return float(sum(((values[a:b] - values[a:b].mean()) ** 2).sum() + price for a, b in parts))


def test_the_plain_search_for_means_is_exact_and_the_same() -> None:
    price = 2 * float(np.log(120))
    for seed in range(6):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=120) + 2.0 * (np.arange(120) // 30 % 2)
        signal = scaled(values)
        for minimum in (1, 2, 5):
            plain = segment(values, penalty="bic", min_size=minimum)
            direct = ruptures.Dynp(model="l2", jump=1, min_size=minimum).fit(signal)
            tried = [[], *(direct.predict(n_bkps=k)[:-1] for k in range(1, 9))]
            best = min(total(signal, changes, price) for changes in tried)
            assert total(signal, plain, price) <= best + 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search": "exhaustive"}, "unknown search"),
        ({"search": "dynp"}, "number of changes"),
        ({"search": "pelt", "n_changes": 2}, "takes a penalty"),
        ({"search": "pelt", "penalty": "mbic"}, "not lengths"),
        ({"search": "kernel", "cost": "poisson"}, "unknown kernel"),
        ({"search": "pelt", "cost": "l3"}, "unknown cost"),
        ({"n_changes": 2}, "needs a search"),
        ({"search": "dynp", "n_changes": 80}, "no room"),
    ],
)
def test_what_does_not_go_together_is_named(monthly, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        change_points(monthly(STEPS), **options)
