"""A step at a known period is found at its date with its size, whatever the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.series.gaps import mostly_missing
from uploadtrends.series.grid import as_regular_series, frequency

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Adelaide",
    "Pacific/Auckland",
]
STEPS = ["YS", "YS-JUL", "QS", "QS-FEB", "MS", "2MS", "6MS", "28D", "14D", "B", "D", "15min", "h"]
WEEKS = [f"W-{day}" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")]


def stepped(index: pd.Index) -> pd.Series:
    n = len(index)
    noise = np.random.default_rng(1).normal(0, 1, n)
    return pd.Series(100 + noise - 20 * (np.arange(n) >= 30), index)


def level(series: pd.Series, event: object) -> float:
    result = ut.interrupted_time_series(
        series, event, scale="level", season="none", errors="ar1", terms=("level",)
    )
    return float(result.effects.set_index("term").estimate["level"])


@pytest.mark.parametrize("freq", [*STEPS, *WEEKS])
def test_a_step_has_its_size_on_every_calendar(freq: str) -> None:
    series = stepped(pd.date_range("1990-01-01", periods=60, freq=freq))
    assert level(series, series.index[30]) == pytest.approx(-20, abs=1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("freq", ["YS", "QS", "MS", *WEEKS, "D", "B", "h"])
def test_a_time_zone_keeps_its_wall_clock(zone: str, freq: str) -> None:
    naive = stepped(pd.date_range("2019-01-01", periods=60, freq=freq))
    zoned = naive.tz_localize(zone)
    want = level(naive, naive.index[30])
    assert level(zoned, zoned.index[30]) == pytest.approx(want, abs=1e-9)
    if freq != "h":
        assert level(zoned, str(naive.index[30].date())) == pytest.approx(want, abs=1e-9)


def test_hours_keep_their_instants_when_the_clock_changes() -> None:
    index = pd.date_range("2022-10-29", periods=60, freq="h", tz="Europe/Berlin")
    tidy = as_regular_series(stepped(index))
    assert tidy.index.equals(index)
    assert not tidy.isna().any()


@pytest.mark.parametrize("freq", ["W-SAT", "Q-JAN", "Y-JUN", "M", "B", "D"])
def test_periods_keep_their_own_first_day(freq: str) -> None:
    periods = pd.period_range("2001-01-15", periods=60, freq=freq)
    series = stepped(periods)
    tidy = as_regular_series(series)
    assert (tidy.index == periods.to_timestamp(how="start")).all()
    assert level(series, periods.start_time[30]) == pytest.approx(-20, abs=1)


@pytest.mark.parametrize("freq", [*STEPS, *WEEKS])
def test_change_points_find_the_step_on_every_calendar(freq: str) -> None:
    series = stepped(pd.date_range("1990-01-01", periods=60, freq=freq))
    found = ut.change_points(series).to_frame()
    assert found["date"].tolist() == [series.index[30]]
    assert (found["after"] - found["before"]).tolist() == pytest.approx([-20], abs=1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("freq", ["YS", "QS", "MS", *WEEKS, "D", "B", "h"])
def test_change_points_keep_the_wall_clock(zone: str, freq: str) -> None:
    naive = stepped(pd.date_range("2019-01-01", periods=60, freq=freq))
    found = ut.change_points(naive.tz_localize(zone)).to_frame()
    dates = found["date"].tolist()
    assert [date.tz_localize(None) for date in dates] == [naive.index[30]]
    assert (found["after"] - found["before"]).tolist() == pytest.approx([-20], abs=1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("change", ["2021-03-27", "2018-11-03", "2021-04-03", "2018-02-17"])
def test_hours_across_a_change_of_the_clock(zone: str, change: str) -> None:
    series = stepped(pd.date_range(change, periods=60, freq="h", tz=zone))
    assert level(series, series.index[30]) == pytest.approx(-20, abs=1)
    found = ut.change_points(series).to_frame()
    assert found["date"].tolist() == [series.index[30]]
    assert (found["after"] - found["before"]).tolist() == pytest.approx([-20], abs=1)


def test_change_points_date_the_week_of_the_user() -> None:
    periods = pd.period_range("2020-01-05", periods=60, freq="W-SAT")
    found = ut.change_points(stepped(periods)).to_frame()
    assert found["date"].tolist() == [periods[30].start_time]


def test_labels_and_week_settle_what_a_stamp_means() -> None:
    index = pd.date_range("2020-01-05", periods=20, freq="W-SUN")
    series = pd.Series(range(20), index)
    assert as_regular_series(series).index[0] == pd.Timestamp("2020-01-05")
    assert 'labels="end"' in as_regular_series(series).attrs["calendar"]
    assert as_regular_series(series, labels="end").index[0] == pd.Timestamp("2019-12-30")
    assert frequency(as_regular_series(series, week="MON").index) == "W-MON"


def test_month_ends_joined_to_month_starts_are_months() -> None:
    ends = pd.date_range("2019-01-31", periods=30, freq="ME")
    starts = pd.date_range("2021-07-01", periods=18, freq="MS")
    tidy = as_regular_series(pd.Series(range(48), ends.append(starts)))
    assert (frequency(tidy.index), len(tidy), tidy.isna().sum()) == ("MS", 48, 0)


def test_whole_numbers_are_years() -> None:
    assert frequency(as_regular_series(pd.Series(range(48), range(1975, 2023))).index) == "YS"
    fourth = pd.Series(range(20), range(1940, 2020, 4))
    assert len(as_regular_series(fourth)) == 20


def test_complete_to_leaves_the_last_period_out() -> None:
    series = stepped(pd.date_range("2020-01-01", periods=40, freq="MS"))
    assert len(as_regular_series(series, complete_to="2023-04-17")) == 39
    with pytest.raises(InputError, match="complete_to"):
        as_regular_series(series, complete_to="2020-01-30")
    for said in ("05.06.2023", "5/6/2023", "31-12-2022"):
        with pytest.raises(InputError, match=r"complete_to.*write it as 2023-12-31"):
            as_regular_series(series, complete_to=said)


def test_what_never_occurs_is_no_hole() -> None:
    hours = pd.date_range("2022-08-01", periods=24 * 60, freq="h")
    opening = hours[(hours.hour >= 9) & (hours.hour < 17) & (hours.day_of_week < 5)]
    assert mostly_missing(as_regular_series(pd.Series(1.0, opening))) == ""
    holes = pd.Series(np.nan, pd.date_range("2010-01-01", periods=120, freq="MS"))
    holes.iloc[::3] = 1.0
    assert "of its months are missing" in mostly_missing(holes)
    for verb in (lambda s: ut.interrupted_time_series(s, "2015-01-01"), ut.change_points):
        assert "of its months are missing" in verb(holes).summary()


def test_dates_as_values_and_doubled_names_are_refused() -> None:
    index = pd.date_range("2019-01-01", periods=48, freq="MS")
    with pytest.raises(InputError, match="dates, not numbers"):
        as_regular_series(pd.Series(index, index))
    with pytest.raises(InputError, match="same name"):
        ut.change_points(pd.DataFrame(np.ones((48, 2)), index, columns=["a", "a"]))


def test_daily_data_without_two_years_before_are_never_ok() -> None:
    index = pd.date_range("2021-01-01", periods=500, freq="D")
    wave = 100 + 10 * np.sin(2 * np.pi * index.day_of_year.to_numpy() / 365.25)
    series = pd.Series(wave + np.random.default_rng(3).normal(0, 4, 500), index)
    effects = ut.interrupted_time_series(series, "2021-11-01").effects
    assert (effects.loc[effects["p"].notna(), "status"] == "exploratory").all()
    assert "annual season" in effects["reason"].iloc[0]


def test_an_edge_far_below_its_neighbours_is_pointed_out() -> None:
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    whole = stepped(index)
    cut = whole.copy()
    cut.iloc[0] *= 0.3
    cut.iloc[-1] *= 0.4
    notes = ut.interrupted_time_series(cut, "2020-07-01").fits[0].notes
    assert any(note.startswith("the last month (2022-12) lies far below") for note in notes)
    assert any(note.startswith("the first month (2018-01) lies far below") for note in notes)
    assert not any(
        "far below" in note
        for note in ut.interrupted_time_series(whole, "2020-07-01").fits[0].notes
    )


def test_equal_instants_in_two_zones_keep_their_own_grid():
    """Grids are remembered: stamps of other zones that are equal must not get each other's."""
    utc = pd.Series(np.arange(40.0), pd.date_range("2020-01-01", periods=40, freq="h", tz="UTC"))
    there = utc.tz_convert("Asia/Tokyo")
    zones = [str(as_regular_series(one).index.tz) for one in (utc, there)]
    assert zones == ["UTC", "Asia/Tokyo"]
