"""Seasons, weekdays and public holidays of daily and weekly data."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.models.regressors import holidays
from uploadtrends.series.grid import as_regular_series
from uploadtrends.series.months import by_month

DAYS = pd.date_range("2019-01-01", periods=1100, freq="D")


def test_holidays_are_counted_by_period() -> None:
    daily = holidays("DE", DAYS)
    assert daily[0] == 1  # New Year
    assert set(DAYS[:130][daily[:130] == 1].strftime("%m-%d")) == {
        "01-01",
        "04-19",  # Good Friday
        "04-22",  # Easter Monday
        "05-01",
    }
    weeks = pd.date_range("2019-04-15", periods=2, freq="W-MON")
    assert holidays("DE", weeks).tolist() == [1, 1]
    hours = pd.date_range("2019-04-18 22:00", periods=6, freq="h", tz="Europe/Berlin")
    assert holidays("DE", hours).tolist() == [0, 0, 1, 1, 1, 1]
    # Epiphany is a holiday of Bavaria and not of all of Germany.
    assert holidays("DE-BY", DAYS)[5] == 1
    assert holidays("DE", DAYS)[5] == 0


def test_holidays_as_a_regressor_have_their_size() -> None:
    noise = np.random.default_rng(0).normal(0, 3, DAYS.size)
    series = pd.Series(100 + noise - 40 * holidays("DE", DAYS), DAYS)
    plain = ut.interrupted_time_series(series, "2021-02-01", scale="level")
    with_them = ut.interrupted_time_series(series, "2021-02-01", scale="level", holidays="DE")
    size = with_them.fits[0].coefficients.set_index("name").loc["holidays"]
    assert size["low"] < -40 < size["high"]
    assert size["high"] - size["low"] < 5
    width = [one.effects["high"][0] - one.effects["low"][0] for one in (plain, with_them)]
    assert width[1] < 0.6 * width[0]


def test_holidays_that_cannot_be_had_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("XX", "DE-ZZ"):
        with pytest.raises(InputError, match="unknown country"):
            holidays(place, DAYS)
    with pytest.raises(InputError, match="no public holiday lies in the data"):
        holidays("DE", pd.date_range("2019-07-01", periods=20, freq="D"))
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(InputError, match=r"uploadtrends\[holidays\]"):
        holidays("DE", DAYS)


def test_two_years_before_the_event_are_enough_for_daily_data() -> None:
    wave = 100 + 10 * np.sin(2 * np.pi * DAYS.day_of_year.to_numpy() / 365.25)
    week = 8 * (DAYS.day_of_week.to_numpy() >= 5)
    noise = np.random.default_rng(2).normal(0, 4, DAYS.size)
    step = -12 * (np.arange(DAYS.size) >= 760)
    series = pd.Series(wave + week + noise + step, DAYS)
    result = ut.interrupted_time_series(series, str(DAYS[760].date()))
    row = result.effects.set_index("term").loc["level"]
    assert row["status"] == "ok"
    assert "days of the week, two annual harmonics" in result.summary()
    assert row["absolute"] == pytest.approx(-12, abs=2.5)
    early = ut.interrupted_time_series(series, str(DAYS[700].date())).effects
    assert early["status"].iloc[0] == "exploratory"
    assert "23 months before the first event" in early["reason"].iloc[0]


def test_an_hour_of_two_zones_is_no_one_hour() -> None:
    """Designs are kept by grid; equal instants of two zones are two grids."""
    utc = pd.date_range("2022-01-03", periods=24 * 40, freq="h", tz="UTC")
    busy = 50 + 20 * (utc.hour.to_numpy() == 9)
    values = busy + np.random.default_rng(1).normal(0, 1, utc.size)
    for zone in ("UTC", "Asia/Tokyo"):
        index = utc.tz_convert(zone)
        fit = ut.interrupted_time_series(pd.Series(values, index), str(index[600])).fits[0]
        names = fit.coefficients.set_index("name")["estimate"]
        assert names.filter(like="hour").idxmax() == f"hour_{9 if zone == 'UTC' else 18}"


def test_days_that_cannot_tell_the_year_have_the_answer_of_their_months() -> None:
    """The same numbers as of months made by hand, and a status of their own."""
    rng = np.random.default_rng(5)
    works = pd.Series(rng.poisson(40, DAYS.size).astype(float), DAYS)[9:]
    event = "2020-10-05"
    result = ut.interrupted_time_series(works, event)
    assert set(result.effects["status"]) <= {"exploratory", "not estimable"}
    by_hand = works["2019-02-01":"2021-12-31"].resample("MS").sum()
    want = ut.interrupted_time_series(by_hand, event).effects
    months = result.monthly
    assert months is not None
    pd.testing.assert_frame_equal(months.effects, want)
    assert months.effects.set_index("term").loc["level", "status"] == "ok"
    assert "35 months, the first from 2019-02-01 to 2019-02-28 (totals of days)" in result.summary()
    lagged = ut.interrupted_time_series(works, event, lag=7)
    assert lagged.monthly is None  # seven months would be another question


def test_months_are_means_where_days_are_no_counts_or_missing() -> None:
    shares = pd.Series(50.0, DAYS)
    shares["2019-05-01":"2019-05-20"] = np.nan
    shares["2019-04-10":"2019-04-12"] = np.nan
    months = by_month(as_regular_series(shares))
    assert months["2019-04-01"] == 50
    assert np.isnan(months["2019-05-01"])
    assert months.index[-1] == pd.Timestamp("2021-12-01")
    step = pd.Series(np.where(DAYS >= "2020-03-01", 4.5, 5.5), DAYS)
    level = ut.interrupted_time_series(
        step + np.random.default_rng(0).normal(0, 0.1, DAYS.size), "2020-03-01", scale="level"
    ).monthly
    assert level is not None
    row = level.effects.set_index("term").loc["level"]
    assert row["absolute"] == pytest.approx(-1, abs=0.05)
    assert "the level changed by -0.99 a day" in level.summary()


def test_weeks_become_four_weeks_and_business_days_whole_months() -> None:
    weeks = pd.Series(1.0, pd.date_range("2021-01-06", periods=11, freq="W-WED"))
    four = by_month(as_regular_series(weeks))
    assert four.to_dict() == {pd.Timestamp("2021-01-06"): 4.0, pd.Timestamp("2021-02-03"): 4.0}
    # May 2021 begins on a Saturday, July ends on one.
    trading = pd.bdate_range("2021-05-03", "2021-07-30")
    months = by_month(as_regular_series(pd.Series(1.0, trading)))
    assert months.tolist() == [21, 22, 22]
    zoned = pd.date_range("2021-03-01", "2021-04-30 23:00", freq="h", tz="Europe/Berlin")
    hours = by_month(as_regular_series(pd.Series(1.0, zoned)))
    assert hours.tolist() == [31 * 24 - 1, 30 * 24]  # the clock went forward in March


def test_days_that_are_missing_do_not_count_as_years_seen() -> None:
    """Twenty-six months before the event, of which fourteen are a hole: one year was seen."""
    noise = np.random.default_rng(2).normal(100, 4, DAYS.size)
    series = pd.Series(noise, DAYS)
    few = series.copy()
    few.iloc[np.arange(5, 800, 20)] = np.nan  # one in twenty is no hole
    plain = {"errors": "ar1", "scale": "level"}
    assert ut.interrupted_time_series(few, DAYS[800], **plain).fits[0].status == "ok"
    series.iloc[200:640] = np.nan
    found = ut.interrupted_time_series(series, DAYS[800], **plain)
    assert "12 months before the first event" in found.fits[0].reason
    assert found.monthly is not None
