"""Seasons, weekdays and public holidays of daily and weekly data."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.models.regressors import holidays

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
