import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError

EVENT = "2022-08-22"


@pytest.fixture
def fitted(monthly):
    def fit(a, b):
        data = {("p", "senior"): monthly(a), ("p", "new"): monthly(b)}
        return ut.interrupted_time_series(data, EVENT)

    return fit


def test_parallel_series_pass_or_are_not_informative(flat, fitted):
    outcome = fitted(flat[0], flat[1]).check(ut.parallel_trends(n_draws=299))
    assert outcome.status in ("passed", "not informative")
    assert outcome.table["p_joint"].iloc[0] > 0.05


def test_a_drift_apart_fails(flat, fitted):
    time = np.arange(96) / 12
    outcome = fitted(flat[0] - 0.12 * time, flat[1] + 0.05 * time).check(
        ut.parallel_trends(n_draws=299)
    )
    row = outcome.table.iloc[0]
    assert outcome.status == "failed"
    assert row["drift_per_year"] == pytest.approx(-0.17, abs=0.04)
    assert row["low"] < row["drift_per_year"] < row["high"] < 0
    assert "moved apart" in outcome.text


def test_the_whole_is_not_compared_with_its_parts(flat, monthly):
    data = {("p", name): monthly(row) for name, row in zip(("all", "a", "b"), flat, strict=False)}
    table = ut.interrupted_time_series(data, EVENT).check(ut.parallel_trends(n_draws=99)).table
    assert list(zip(table["group"], table["reference"], strict=True)) == [("a", "b")]


def test_between_platforms(flat, monthly):
    data = {("p", "all"): monthly(flat[0]), ("q", "all"): monthly(flat[1])}
    its = ut.interrupted_time_series(data, EVENT)
    table = its.check(ut.parallel_trends(between="platform", n_draws=99)).table
    assert table["reference_platform"].tolist() == ["q"]
    alone = its.check(ut.parallel_trends(n_draws=99))
    assert alone.status == "not applicable"
    assert "no two groups" in alone.text
    with pytest.raises(InputError, match="group"):
        ut.parallel_trends(between="artist")


def test_joint_test_holds_its_level(flat, fitted):
    from uploadtrends.simulate import ar1_series

    rejected = 0
    for seed in range(40):
        pair = ar1_series(2, 96, rho=0.4, sd=0.12, mean=5.0, seed=seed)
        table = fitted(*pair).check(ut.parallel_trends(n_draws=99)).table
        rejected += table["p_joint"].iloc[0] <= 0.05
    assert rejected <= 6


def test_an_early_start_is_seen(flat, monthly):
    early = np.arange(96) >= 75
    its = ut.interrupted_time_series(monthly(flat[0] - 0.6 * early), EVENT)
    outcome = its.check(ut.anticipation(n_draws=299))
    row = outcome.table.iloc[0]
    assert outcome.status == "failed"
    assert row["lead"] in (3, 4, 5)
    assert row["early"] < -0.3
    assert "before the date" in outcome.text


def test_no_early_start(stepped):
    outcome = stepped.check(ut.anticipation(n_draws=299))
    assert "failed" not in set(outcome.table["status"])
    # The series that did not change has no effect of which an early part could be missed.
    table = outcome.table.set_index("group")
    assert table.loc["all", "status"] == "not informative"
    assert set(outcome.figure_data["leads"]["lead"]) == {1, 2, 3, 4, 5, 6}


def test_short_history_is_not_applicable(monthly):
    series = monthly(np.log(np.linspace(50, 90, 30)) + 0.01 * np.sin(np.arange(30)), "2021-01-01")
    outcome = ut.interrupted_time_series(series, "2022-01-10").check(ut.anticipation())
    assert outcome.status == "not applicable"
    with pytest.raises(InputError, match="lead"):
        ut.anticipation(leads=0)
