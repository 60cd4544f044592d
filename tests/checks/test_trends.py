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
    for seed in range(24):
        pair = ar1_series(2, 96, rho=0.4, sd=0.12, mean=5.0, seed=seed)
        table = fitted(*pair).check(ut.parallel_trends(n_draws=99)).table
        rejected += table["p_joint"].iloc[0] <= 0.05
    assert rejected <= 4


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


def test_groups_on_different_scales_are_compared_on_one(monthly):
    """One group's decline is straight on the scale of the data, the other grows exponentially."""
    rng = np.random.default_rng(4)
    time = np.arange(96)
    straight = np.log(np.maximum(130 - 1.2 * time + 3 * rng.standard_normal(96), 1))
    grows = np.log(20) + 0.03 * time + 0.05 * rng.standard_normal(96)
    its = ut.interrupted_time_series(
        {("p", "senior"): monthly(straight), ("p", "new"): monthly(grows)}, EVENT
    )
    assert {fit.scale for fit in its.fits} == {"level", "log"}
    outcome = its.check(ut.parallel_trends(n_draws=99))
    row = outcome.table.iloc[0]
    assert outcome.status == "failed"
    assert row["scale"] in ("log", "level")
    assert "On another scale than that of its own model: p " in outcome.text
    if row["scale"] == "log":
        # Falls by about .012 a month at the start and ever faster, against a rise of .03.
        assert row["drift_per_year"] < -0.36
    assert row["largest_estimate"] == row["largest_estimate"]


def test_daily_checks_take_windows_of_months():
    import pandas as pd

    index = pd.date_range("2018-01-01", periods=1100, freq="D")
    series = pd.Series(100 + np.random.default_rng(1).normal(0, 5, 1100), index)
    its = ut.interrupted_time_series(series, "2020-03-01")
    early = its.check(ut.anticipation(n_draws=49, leads=2))
    assert "2 months before" in early.text
    assert early.table["n_before"].iloc[0] > 700
    placebo = its.check(ut.placebo_dates(n=19)).table.iloc[0]
    assert placebo["before"] >= 365
    assert placebo["after"] >= 182
    # A month less is a design of its own: a matrix of all days for each.
    short = ut.interrupted_time_series(series.iloc[:400], "2018-09-01")
    out = short.check(ut.leave_one_out(what=("period",))).figure_data["estimates"]
    assert set(out["left_out"]) == set(index[:400].strftime("%Y-%m"))


@pytest.mark.parametrize("kind", ["sparse", "one work"])
def test_sparse_counts_are_not_applicable(kind):
    import pandas as pd

    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    counts = np.zeros(60)
    if kind == "sparse":
        counts = np.random.default_rng(0).poisson(0.4, 60).astype(float)
    counts[50] = 3
    its = ut.interrupted_time_series(
        {"a": pd.Series(counts, index), "b": pd.Series(counts, index)}, "2021-07-01"
    )
    early = its.check(ut.anticipation(n_draws=19))
    assert early.status == "not applicable"
    assert early.table["reason"].str.contains("zero|never changes").all()
    assert its.check(ut.parallel_trends(n_draws=19)).status == "not applicable"
