"""Labels of many kinds: read as what they say, or refused with the line that reads them right."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.models.onset import rows_between
from uploadtrends.series.grid import as_regular_series, moment

VALUES = 100 + np.random.default_rng(1).normal(0, 1, 60) - 20 * (np.arange(60) >= 30)
MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")


def level(series: pd.Series, event: object, **settings: object) -> float:
    result = ut.interrupted_time_series(
        series, event, scale="level", season="none", errors="ar1", terms=("level",), **settings
    )
    return float(result.effects.set_index("term").estimate["level"])


WANTED = level(pd.Series(VALUES, MONTHS), "2021-07-01")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/London", "Australia/Sydney"])
@pytest.mark.parametrize(("freq", "start"), [("MS", "2019-01-01"), ("W-MON", "2019-02-04")])
@pytest.mark.parametrize("keep", ["UTC", None])
def test_midnights_of_another_zone_are_the_days_that_begin_there(zone, freq, start, keep) -> None:
    """A local midnight written in UTC lies on the day before, twice a year at another hour."""
    days = pd.date_range(start, periods=60, freq=freq, tz=zone)
    utc = days.tz_convert("UTC")
    series = pd.Series(VALUES, utc if keep else utc.tz_localize(None))
    tidy = as_regular_series(series)
    assert tidy.index[0] == pd.Timestamp(start)
    assert "midnights of another time zone" in tidy.attrs["calendar"]
    assert level(series, str(days[30].date())) == pytest.approx(WANTED, abs=1e-9)


def test_days_written_in_utc_across_a_change_of_the_clock() -> None:
    days = pd.date_range("2021-02-12", periods=60, freq="D", tz="Europe/Berlin")
    series = pd.Series(VALUES, days.tz_convert("UTC"))
    assert level(series, "2021-03-14") == pytest.approx(WANTED, abs=1e-9)
    # Times of day that alternate are a habit of the clerk, no zone.
    late = pd.date_range("2021-02-12 22:00", periods=60, freq="D")
    late = late + pd.to_timedelta(np.arange(60) % 2, unit="h")
    assert as_regular_series(pd.Series(VALUES, late)).index[0] == pd.Timestamp("2021-02-12")


def test_the_last_second_of_a_week_ends_it() -> None:
    sundays = pd.date_range("2021-01-03 23:59:59", periods=60, freq="W-SUN")
    series = pd.Series(VALUES, sundays)
    assert as_regular_series(series).index[0] == pd.Timestamp("2020-12-28")
    assert level(series, "2021-07-26") == pytest.approx(WANTED, abs=1e-9)


def test_half_past_is_within_its_hour_unless_it_starts_one() -> None:
    hours = pd.date_range("2021-01-01", periods=60, freq="h", tz="Asia/Kolkata").tz_convert("UTC")
    series = pd.Series(VALUES, hours)
    assert 'labels="start"' in as_regular_series(series).attrs["calendar"]
    assert as_regular_series(series).index[0] == pd.Timestamp("2020-12-31 18:00", tz="UTC")
    assert level(series, hours[30], labels="start") == pytest.approx(WANTED, abs=1e-9)


def test_offsets_that_change_are_one_clock() -> None:
    zoned = MONTHS.tz_localize("Europe/Berlin")
    fixed = pd.Index([dt.datetime.fromisoformat(str(one)) for one in zoned], dtype=object)
    assert level(pd.Series(VALUES, fixed), "2021-07-01") == pytest.approx(WANTED, abs=1e-9)
    hours = pd.date_range("2021-03-27", periods=60, freq="h", tz="Europe/Berlin")
    fixed = pd.Index([dt.datetime.fromisoformat(str(one)) for one in hours], dtype=object)
    assert level(pd.Series(VALUES, fixed), hours[30]) == pytest.approx(WANTED, abs=1e-9)
    mixed = pd.Index([*fixed[:-1], dt.datetime(2021, 3, 29, 13)], dtype=object)
    with pytest.raises(InputError, match="some have none"):
        level(pd.Series(VALUES, mixed), hours[30])


@pytest.mark.parametrize(
    "labels",
    [
        pd.Index(list(MONTHS.to_period("M")), dtype=object),
        pd.Index([np.datetime64(day, "D") for day in MONTHS.date], dtype=object),
        pd.Index(list(MONTHS), dtype=object),
        pd.CategoricalIndex(MONTHS),
        MONTHS.as_unit("s"),
    ],
)
def test_objects_that_are_dates_are_dates(labels) -> None:
    assert level(pd.Series(VALUES, labels), "2021-07-01") == pytest.approx(WANTED, abs=1e-9)


@pytest.mark.parametrize(
    "labels",
    [
        MONTHS.strftime("%Y-%m"),
        MONTHS.strftime("%Y-%m-%d"),
        MONTHS.strftime("%b-%y"),
        MONTHS.strftime("%b %Y"),
        MONTHS.strftime("%Y%m"),
        MONTHS.strftime("%Y%m").astype(int),
        MONTHS.strftime("%d/%m/%Y"),
        pd.Index(
            [f"{q.year}Q{q.quarter}" for q in pd.period_range("2019Q1", periods=60, freq="Q")]
        ),
        pd.Index([f"{d:%G-W%V}" for d in pd.date_range("2020-06-01", periods=60, freq="W-MON")]),
    ],
)
def test_the_fix_of_labels_that_are_no_dates_reads_them_right(labels) -> None:
    """Left to guess, pandas takes Jan-21 for 21 January and 01/02/2019 for January."""
    series = pd.Series(VALUES, labels)
    with pytest.raises(InputError, match="holds no dates") as caught:
        as_regular_series(series)
    fix = str(caught.value.fix)
    exec(fix[fix.index("series.index =") :], {"pd": pd, "series": series})
    tidy = as_regular_series(series)
    assert tidy.notna().all()
    assert tidy.index[0] == pd.Timestamp("2020-06-01" if "W" in str(labels[0]) else "2019-01-01")
    assert level(series, tidy.index[30]) == pytest.approx(WANTED, abs=1e-9)


def test_decimal_years_are_not_read_as_nanoseconds() -> None:
    with pytest.raises(InputError, match="date_range"):
        as_regular_series(pd.Series(VALUES[:3], pd.Index([1960.0, np.nan, 1962.0])))
    series = pd.Series(VALUES[:60], pd.Index([2008 + k / 4 for k in range(60)]))
    with pytest.raises(InputError, match="holds no dates") as refused:
        as_regular_series(series)
    # The line that mends it, as it is said, gives the quarters.
    exec(refused.value.fix, {"series": series, "pd": pd})
    assert (str(series.index[0]), str(series.index[-1])) == ("2008Q1", "2022Q4")


def test_a_day_within_a_year_is_said_to_be_one() -> None:
    april = pd.DatetimeIndex([pd.Timestamp(year, 4, 6) for year in range(1960, 2020)])
    said = as_regular_series(pd.Series(VALUES, april)).attrs["calendar"]
    assert (
        "from 1960-01-01 to 1960-12-31 (1960-04-06 is taken as a day of its calendar year" in said
    )
    asked = as_regular_series(pd.Series(VALUES, april), labels="start").attrs["calendar"]
    assert "from 1960-04-01 to 1961-03-31" in asked


def test_an_hour_that_occurs_twice_has_to_be_told_apart() -> None:
    hours = pd.date_range("2021-11-06", periods=60, freq="h", tz="America/New_York")
    series = pd.Series(VALUES, hours)
    with pytest.raises(InputError, match=r"occurs twice.*01:00-0400 or 2021-11-07 01:00-0500"):
        level(series, "2021-11-07 01:00")
    first, second = (moment(hours, f"2021-11-07 01:00-0{ahead}00") for ahead in (4, 5))
    assert second - first == pd.Timedelta(hours=1)
    # A day that begins twice begins the first time.
    days = pd.date_range("2018-02-10", periods=240, freq="h", tz="America/Sao_Paulo")
    assert moment(days, "2018-02-18") == pd.Timestamp("2018-02-18", tz="America/Sao_Paulo")


def test_a_washout_holds_its_last_day_whole() -> None:
    hours = pd.date_range("2021-03-01", periods=96, freq="h")
    assert rows_between(hours, "2021-03-02", "2021-03-02").sum() == 24
    assert rows_between(hours, "2021-03-02 06:00", "2021-03-02 08:00").sum() == 3
    days = pd.date_range("2021-03-01", periods=90, freq="D")
    assert rows_between(days, "2021-03", "2021-04").sum() == 61
    with pytest.raises(InputError, match="ends before it begins"):
        level(pd.Series(VALUES, MONTHS), "2021-07-01", washout=("2021-09-30", "2021-07-01"))
    found = ut.interrupted_time_series(
        pd.Series(VALUES, MONTHS), "2021-07-01", washout=("2031-07-01", "2031-09-30")
    )
    assert "0 periods left out as asked (washout)" in found.fits[0].notes


def test_counts_but_for_the_last_digits_are_counts() -> None:
    counts = np.random.default_rng(1).poisson(2, 60).astype(float)
    assert 0 in counts
    summed = pd.Series(counts + 1e-12, MONTHS)
    assert (as_regular_series(summed).to_numpy() == counts).all()
    small = pd.Series(VALUES * 1e-12, MONTHS)
    assert (as_regular_series(small) == small).all()
    with pytest.raises(InputError, match="not a number"):
        as_regular_series(pd.Series(VALUES + 1j, MONTHS))


def test_events_may_be_a_dict() -> None:
    events = ut.as_events({"Release": "2021-07-01", "Terms": pd.Period("2022-01", "M")})
    assert [(one.label, one.date) for one in events] == [
        ("Release", "2021-07-01"),
        ("Terms", "2022-01"),
    ]
    assert ut.as_events({"date": "2021-07-01", "label": "Release"})[0].label == "Release"
