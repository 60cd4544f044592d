"""Controls that a call holds: fit ones are offered, unfit ones named with the reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut

INDEX = pd.date_range("2017-01-01", periods=72, freq="MS")
EVENT = ut.Event("2021-01-01", "A rule of one platform", platforms=("artstation",))


def call(change_of_control: float = 0.0, drift: float = 0.0, own_break: float = 0.0):
    rng = np.random.default_rng(7)
    time = np.arange(72)
    shared = 0.1 * rng.standard_normal(72).cumsum()
    after = time >= 48
    here = 5 + shared - 0.03 * np.maximum(time - 48, 0) + 0.03 * rng.standard_normal(72)
    there = 4 + shared + change_of_control * after + drift * time + 0.03 * rng.standard_normal(72)
    there += own_break * (time >= 24)
    data = {
        ("artstation", "all"): pd.Series(np.exp(here), INDEX),
        ("deviantart", "all"): pd.Series(np.exp(there), INDEX),
    }
    return data, ut.interrupted_time_series(data, EVENT, season="none", scale="log")


def test_a_fit_control_is_offered_and_shortens_the_interval() -> None:
    data, its = call()
    (row,) = its.controls.to_dict("records")
    assert row["fit"]
    assert row["width_ratio"] < 0.5
    assert row["p_break"] > 0.05
    assert "A control may be at hand for artstation all" in its.summary()
    assert row["own_change_low"] < 0 < row["own_change_high"]
    assert row["own_term"] == "slope"
    assert "Its own change of slope there lies between -" in its.summary()
    beside = its.refit(
        data={key: series for key, series in data.items() if key[0] == "artstation"},
        control=data["deviantart", "all"],
    )
    widths = [
        (rows["high"] - rows["low"]).loc["slope"]
        for rows in (
            result.effects[result.effects["platform"].eq("artstation")].set_index("term")
            for result in (beside, its)
        )
    ]
    assert widths[0] / widths[1] == pytest.approx(row["width_ratio"])


def pair(touched: float, seed: int, sd: float) -> dict[str, object]:
    """Return what is said of a control that feels a share of a fall by .6 log."""
    rng = np.random.default_rng(seed)
    shared, after = 0.02 * rng.standard_normal(72), np.arange(72) >= 48
    data = {
        (name, "all"): pd.Series(np.exp(5 + shared - share * 0.6 * after + noise), INDEX)
        for name, share, noise in (
            ("artstation", 1.0, 0.02 * rng.standard_normal(72)),
            ("deviantart", touched, sd * rng.standard_normal(72)),
        )
    }
    its = ut.interrupted_time_series(data, EVENT, season="none", scale="log")
    return its.controls.to_dict("records")[0] | {"summary": its.summary()}


def test_a_control_that_may_have_felt_half_is_a_possible_one_only() -> None:
    clean, noisy = pair(0.0, 1, 0.02), pair(0.0, 1, 0.4)
    assert clean["own_share"] < 0.5
    assert "A control is at hand for artstation all" in clean["summary"]
    assert clean["own_minimum"] == pytest.approx(
        2.83 * (clean["own_change_high"] - clean["own_change_low"]) / 2 / 2, rel=0.05
    )
    assert noisy["own_share"] == pytest.approx(-noisy["own_change_low"] / 0.6, rel=0.1)
    assert noisy["own_share"] > 0.5
    assert "at hand" not in noisy["summary"] or "may be at hand" in noisy["summary"]
    # One that did feel half is seldom taken for one that did not.
    assert sum(pair(0.5, seed, 0.1)["own_share"] < 0.5 for seed in range(20)) <= 2


def test_a_touched_or_drifting_control_is_not() -> None:
    _, its = call(change_of_control=-0.9)
    assert "changed at the event" in its.controls["reason"].item()
    _, its = call(drift=0.03)
    assert "moved apart" in its.controls["reason"].item()
    _, its = call(own_break=0.9)
    assert its.controls["p_break"].item() == pytest.approx(1 / 200)
    assert "break of its own" in its.controls["reason"].item()
    assert "at hand" not in its.summary()


def test_an_event_of_every_platform_leaves_no_control() -> None:
    data, _ = call()
    assert ut.interrupted_time_series(data, "2021-01-01", season="none").controls.empty
