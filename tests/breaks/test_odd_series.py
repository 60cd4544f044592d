"""Breaks of odd series and settings: right values by hand, or refusals by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.breaks.structural import bai_perron
from uploadtrends.breaks.structural.door import TESTS
from uploadtrends.errors import InputError

MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")
RNG = np.random.default_rng(1)
SERIES = pd.Series(100 + RNG.normal(0, 1, 60) - 20 * (np.arange(60) >= 30), MONTHS)
STEPS = pd.Series(np.repeat([5.0, 8.0, 2.0], 20), MONTHS)
SINGLE = [name for name in TESTS if name != "Bai-Perron"]


@pytest.mark.parametrize("test", SINGLE)
@pytest.mark.parametrize("value", [7.0, 0.0, 0.1 + 0.2])
def test_a_series_that_never_changes_is_not_tested(test: str, value: float) -> None:
    settings = {"date": "2021-07-01"} if test == "Chow" else {}
    with pytest.raises(InputError, match="without any error"):
        ut.structural_breaks(pd.Series(value, MONTHS), test, **settings)


def test_an_exact_line_is_not_tested_for_bends() -> None:
    line = pd.Series(0.3 + 0.1 * np.arange(60), MONTHS)
    for test in ("sup-F", "OLS-CUSUM", "RE"):
        with pytest.raises(InputError, match="without any error"):
            ut.structural_breaks(line, test, regressors="trend")
    assert ut.structural_breaks(line, "sup-F").p < 1e-6


def test_regressors_are_found_by_their_dates() -> None:
    years = pd.date_range("2018-01-01", periods=90, freq="MS")
    long = pd.DataFrame({"one": 1.0, "x": RNG.normal(size=90)}, years)
    x = long.loc[MONTHS, "x"].to_numpy()
    design = np.column_stack([np.ones(60), x])
    rss = [
        np.linalg.lstsq(design[a:b], SERIES[a:b], rcond=None)[1][0]
        for a, b in ((0, 60), (0, 25), (25, 60))
    ]
    want = (rss[0] - rss[1] - rss[2]) / 2 / ((rss[1] + rss[2]) / 56)
    ends = long.set_axis(years + pd.offsets.MonthEnd(0))
    rows = long.loc[MONTHS].reset_index(drop=True)
    for given in (long, ends, rows):
        found = ut.structural_breaks(SERIES, "Chow", date=MONTHS[25], regressors=given)
        assert found.statistic == pytest.approx(want)
    for given, says in (
        (long[:30], "no value for 2020-07-01"),
        (rows.drop(3).reindex(rows.index), "no value for 2019-04-01"),
        (rows[:59], "do not fit"),
    ):
        with pytest.raises(InputError, match=says):
            ut.structural_breaks(SERIES, "sup-F", regressors=given)
    with pytest.raises(InputError, match="not in order"):
        ut.structural_breaks(SERIES, "sup-F", regressors=long[::-1])


def test_units_and_offsets_change_no_partition() -> None:
    want = bai_perron(SERIES)
    for series in (SERIES * 1e-9, SERIES * 1e12, SERIES + 1e9):
        found = bai_perron(series)
        assert (found.dates, found.intervals) == (want.dates, want.intervals)
    assert [f"{d:%Y-%m}" for d in bai_perron(STEPS).dates] == ["2020-09", "2022-05"]
    assert bai_perron(pd.Series(7.0, MONTHS)).dates == ()


@pytest.mark.parametrize("covariance", ["ols", "hac"])
@pytest.mark.parametrize("test", ["Score-CUSUM", "Score-MOSUM"])
def test_scores_hold_in_any_unit(test: str, covariance: str) -> None:
    calm = SERIES + 20 * (np.arange(60) >= 30)
    small, large = (
        ut.structural_breaks(calm * unit, test, covariance=covariance, regressors="trend").statistic
        for unit in (1e-9, 1e12)
    )
    assert small == pytest.approx(large, rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"min_size": 2.5}, "min_size"),
        ({"min_size": 1}, "min_size"),
        ({"search": "binseg", "n_changes": 0}, "n_changes"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        ut.change_points(SERIES, **settings)
    assert caught.value.column == named


def test_regimes_that_do_not_fit_are_never_found() -> None:
    found = ut.change_points(SERIES, min_size=31).to_frame()
    assert found["status"].tolist() == ["refused"]
    assert "min_size 31 do not fit into its 60" in found["reason"].iloc[0]
    found = ut.change_points(SERIES, min_size=30.0, seed=0.0)
    assert found.to_frame()["date"].tolist() == [MONTHS[30]]
    with pytest.raises(InputError, match="1 breaks do not fit") as caught:
        ut.structural_breaks(SERIES, "Bai-Perron", min_size=0.6)
    assert caught.value.column == "min_size"


def test_the_first_new_period_holds_the_day_given() -> None:
    ends = SERIES.set_axis(MONTHS + pd.offsets.MonthEnd(0))
    want = ut.monitor(SERIES, "2021-01-01").to_frame()
    for series, new in (
        (ends, ends.index[24]),
        (SERIES, pd.Period("2021-01")),
        (SERIES, pd.Timestamp("2021-01-01", tz="UTC")),
        (SERIES, "2021"),
        (SERIES.tz_localize("Europe/Berlin"), "2021-01"),
    ):
        found = ut.monitor(series, new).to_frame()
        assert found["watched"].tolist() == want["watched"].tolist() == [36]
    weeks = SERIES.set_axis(pd.date_range("2020-01-06", periods=60, freq="W-MON"))
    assert ut.monitor(weeks, "2020-07-01").to_frame()["first"].tolist() == [weeks.index[25]]
    with pytest.raises(InputError):
        ut.monitor(SERIES, "soon")


def test_new_periods_belong_to_their_history() -> None:
    old, new = SERIES[:24], SERIES[24:]
    assert len(ut.monitor(old.rename("x"), new.rename("y")).alarms) == 1
    weeks = new.set_axis(pd.date_range("2021-01-04", periods=36, freq="W-MON"))
    for history, later, says in (
        ({"a": old}, {"b": new}, "has no history"),
        ({"a": old}, {"a": new, "b": new}, "has no history"),
        ({"a": old, "b": old}, {"a": new}, "has no new periods"),
        (old, weeks, "another frequency"),
        (
            old.set_axis(pd.date_range("2021-01-01", periods=24, freq="h")),
            new.set_axis(pd.date_range("2021-01-02", periods=36, freq="h", tz="UTC")),
            "time zone",
        ),
    ):
        with pytest.raises(InputError, match=says) as caught:
            ut.monitor(history, later)
        assert caught.value.fix


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_changes_of_hours_are_matched_to_hours(zone: str | None) -> None:
    hours = SERIES.set_axis(pd.date_range("2021-06-27", periods=60, freq="h", tz=zone))
    found = ut.change_points(hours)
    gaps = {
        when: found.match(when, window="1 day").to_frame()["gap_days"].iloc[0]
        for when in (hours.index[30], hours.index[24], "2021-06-28")
    }
    assert list(gaps.values()) == pytest.approx([0, 0.25, 0.25])
    assert "the change of the series at 2021-06-28" in found.match(hours.index[30]).summary()


@pytest.mark.parametrize(
    "test", [t for t in SINGLE if "CUSUM" in t or "MOSUM" in t or t in "RE ME"]
)
@pytest.mark.parametrize("covariance", ["ols", "hac"])
def test_p_values_lie_between_0_and_1(test: str, covariance: str) -> None:
    zigzag = np.tile([0.0, 1.0], 24) + np.random.default_rng(0).normal(0, 1e-3, 48)
    for values in (zigzag, RNG.poisson(3, 48), RNG.poisson(3, 48) + 500 * (np.arange(48) > 20)):
        counts = np.round(10 * values) if test.startswith("Poisson") else values
        found = ut.structural_breaks(pd.Series(counts, MONTHS[:48]), test, covariance=covariance)
        assert 0 <= found.p <= 1
        assert str(found.p) != "-0.0"


@pytest.mark.parametrize("trend", [True, False])
def test_steps_without_noise_are_all_found(trend: bool) -> None:
    for levels in ((5.0, 8.0, 2.0), (1.0, 2.0, 3.0), (5.0, 8.0, 5.0), (0.3, 0.1 + 0.2, 0.5)):
        found = ut.change_points(pd.Series(np.repeat(levels, 20), MONTHS), trend=trend).to_frame()
        cuts = [20 * i for i in (1, 2) if abs(levels[i] - levels[i - 1]) > 1e-9]
        assert found["date"].tolist() == found["low"].tolist() == [MONTHS[cut] for cut in cuts]
        assert (found["after"] - found["before"]).tolist() == pytest.approx(
            [levels[cut // 20] - levels[cut // 20 - 1] for cut in cuts]
        )
