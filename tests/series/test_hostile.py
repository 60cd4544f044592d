"""Series as people bring them: the right value, or a refusal whose fix, when run, gives it.

The kinds are those of public reports about pandas, statsmodels, prophet, CausalImpact and ruptures:
fiscal calendars, weekdays of months, clocks, types of other libraries, numbers in texts.
"""

from __future__ import annotations

import decimal
import fractions
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.series.grid import as_regular_series, frequency

VALUES = 100 + np.random.default_rng(1).normal(0, 1, 60) - 20 * (np.arange(60) >= 30)
MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")
STEP = -19.319436641515917
"""Size of the step in `VALUES` on any gapless calendar."""
HOLED = np.where(np.isin(np.arange(60), [5, 40]), np.nan, VALUES)
LISTED = [None if np.isnan(v) else v for v in HOLED]
OFFSETS = pd.tseries.offsets


def level(series: Any, event: object) -> float:
    result = ut.interrupted_time_series(
        series, event, scale="level", season="none", errors="ar1", terms=("level",)
    )
    return float(result.effects.set_index("term").estimate["level"])


def fiscal(kind: Any, start: str, weekday: int, month: int, variation: str) -> pd.DatetimeIndex:
    more = {"qtr_with_extra_week": 4} if kind is OFFSETS.FY5253Quarter else {}
    freq = kind(weekday=weekday, startingMonth=month, variation=variation, **more)
    return pd.date_range(start, periods=60, freq=freq)


CALENDARS = {
    "third Friday": ("WOM-3FRI", "1990-01-01", "MS"),
    "first Monday": ("WOM-1MON", "1990-01-01", "MS"),
    "first Friday": ("WOM-1FRI", "1990-01-01", "MS"),
    "last Friday": ("LWOM-FRI", "1990-01-01", "MS"),
    "last business day of a month": ("BME", "1990-01-01", "MS"),
    "first business day of a month": ("BMS", "1990-01-01", "MS"),
    "last business day of a quarter": ("BQE", "1990-01-01", "QS"),
    "last business day of a fiscal quarter": ("BQE-NOV", "1989-12-01", "QS-MAR"),
    "last business day of a year": ("BYE", "1990-01-01", "YS"),
    "half-years": ("2QE", "1989-10-01", "6MS"),
    "pairs of months": ("2ME", "1989-12-01", "2MS"),
    "ten days": ("10D", "1990-01-01", "10D"),
    "nine hours": ("9h", "1990-01-01", "9h"),
    "half-hours": ("30min", "1990-01-01", "30min"),
    "ten seconds": ("10s", "1990-01-01", "10s"),
    "days of 24 hours": ("24h", "1990-01-01", "D"),
    "weeks of five business days": ("5B", "1990-01-01", "W-MON"),
    "two weeks": ("2W-MON", "1990-01-01", "14D"),
}
SPELT = {
    "Saturday nearest 31 December": (
        fiscal(OFFSETS.FY5253, "1960-01-01", 5, 12, "nearest"),
        "1959-01-01",
        "YS",
    ),
    "last Saturday of December": (
        fiscal(OFFSETS.FY5253, "1960-01-01", 5, 12, "last"),
        "1960-01-01",
        "YS",
    ),
    "Saturday nearest 31 January": (
        fiscal(OFFSETS.FY5253, "1990-01-01", 5, 1, "nearest"),
        "1989-02-01",
        "YS-FEB",
    ),
    "last Friday of September": (
        fiscal(OFFSETS.FY5253, "1960-01-01", 4, 9, "last"),
        "1959-10-01",
        "YS-OCT",
    ),
    "quarters that end on a Sunday": (
        fiscal(OFFSETS.FY5253Quarter, "1990-01-01", 6, 8, "nearest"),
        "1989-12-01",
        "QS-MAR",
    ),
    "weeks since ISO week 1": (
        pd.DatetimeIndex([pd.Timestamp.fromisocalendar(year, 1, 1) for year in range(1960, 2020)]),
        "1960-01-01",
        "YS",
    ),
    "29 February": (
        pd.DatetimeIndex([f"{year}-02-29" for year in range(1904, 2144, 4) if year != 2100]),
        "1900-03-01",
        "4YS-MAR",
    ),
    "a holiday": (
        pd.DatetimeIndex([f"{year}-11-05" for year in range(1950, 2010)]),
        "1950-01-01",
        "YS",
    ),
    "pay day, or the Friday before": (
        pd.DatetimeIndex(
            [
                day - pd.Timedelta(days=max(day.day_of_week - 4, 0))
                for day in MONTHS + pd.Timedelta(days=24)
            ]
        ),
        "2019-01-01",
        "MS",
    ),
    "the 30th, or the last of February": (
        pd.DatetimeIndex([min(m + pd.Timedelta(days=29), m + OFFSETS.MonthEnd(0)) for m in MONTHS]),
        "2019-01-01",
        "MS",
    ),
    "terms of four months": (
        pd.DatetimeIndex([f"{1990 + k // 3}-0{1 + 4 * (k % 3)}-01" for k in range(60)]),
        "1990-01-01",
        "4MS",
    ),
    "semesters": (
        pd.DatetimeIndex([f"{1990 + k // 2}-{4 + 6 * (k % 2):02d}-15" for k in range(60)]),
        "1990-04-01",
        "6MS",
    ),
    "a job about midnight": (
        pd.date_range("2021-01-01", periods=60)
        + pd.to_timedelta(np.random.default_rng(2).integers(-3, 4, 60), unit="min"),
        "2021-01-01",
        "D",
    ),
    "a job at five past": (
        pd.date_range("2021-01-01 00:05", periods=60)
        + pd.to_timedelta(np.random.default_rng(2).integers(0, 9, 60), unit="min"),
        "2021-01-01",
        "D",
    ),
    "24 hours in Berlin": (
        pd.date_range("2021-10-01", periods=60, freq="24h", tz="Europe/Berlin"),
        "2021-10-01",
        "D",
    ),
    "weeks from Sunday, then from Monday": (
        pd.date_range("2020-01-05", periods=30, freq="W-SUN").append(
            pd.date_range("2020-08-03", periods=30, freq="W-MON")
        ),
        "2020-01-05",
        "W-SUN",
    ),
    "quarter ends, then quarter starts": (
        pd.date_range("1990-03-31", periods=30, freq="QE").append(
            pd.date_range("1997-07-01", periods=30, freq="QS")
        ),
        "1990-01-01",
        "QS",
    ),
    "years before 1678": (pd.Index(range(1500, 1560)), "1500-01-01", "YS"),
    "years after 2262": (pd.Index(range(2400, 2460)), "2400-01-01", "YS"),
    "stamps before 1678": (
        pd.date_range("1500-01-01", periods=60, freq="YS", unit="s"),
        "1500-01-01",
        "YS",
    ),
    "years as nullable integers": (
        pd.Index(pd.array(range(1960, 2020), dtype="Int64")),
        "1960-01-01",
        "YS",
    ),
    "years as floats": (pd.Index(np.arange(1960.0, 2020)), "1960-01-01", "YS"),
    "Arrow stamps": (
        pd.Index(pd.array(MONTHS, dtype="timestamp[us][pyarrow]")),
        "2019-01-01",
        "MS",
    ),
    "Arrow stamps of a zone": (
        pd.Index(
            pd.array(
                MONTHS.tz_localize("Europe/Berlin"),
                dtype=pd.ArrowDtype(pa.timestamp("us", tz="Europe/Berlin")),
            )
        ),
        "2019-01-01",
        "MS",
    ),
    "Arrow days": (
        pd.Index(pd.array(list(MONTHS.date), dtype=pd.ArrowDtype(pa.date32()))),
        "2019-01-01",
        "MS",
    ),
}
SPELT |= {
    name: (pd.date_range("1990-01-01", periods=60, freq=freq), first, grid)
    for name, (freq, first, grid) in CALENDARS.items()
}


@pytest.mark.parametrize("name", SPELT)
def test_a_calendar_is_kept_and_both_verbs_find_the_step(name: str) -> None:
    index, first, freq = SPELT[name]
    series = pd.Series(VALUES[: len(index)], index)
    tidy = as_regular_series(series)
    assert (str(tidy.index[0].date()), frequency(tidy.index)) == (first, freq)
    start = tidy.dropna().index[30]
    found = ut.change_points(series).to_frame()
    assert found["date"].tolist() == [start]
    assert (found["after"] - found["before"]).tolist() == pytest.approx([-20], abs=1)
    assert level(series, str(start)[:19]) == pytest.approx(STEP, abs=1e-6 + 0.1 * tidy.isna().any())


@pytest.mark.parametrize(("off", "missing"), [((4, 5), 22), ((6,), 9)])
def test_weeks_with_days_off_are_days_with_holes(off: tuple, missing: int) -> None:
    every = pd.date_range("2021-01-03", periods=120)
    series = pd.Series(VALUES, every[~every.day_of_week.isin(off)][:60])
    tidy = as_regular_series(series)
    assert (frequency(tidy.index), int(tidy.isna().sum())) == ("D", missing)
    assert level(series, series.index[30]) == pytest.approx(STEP, abs=0.3)


def test_a_week_of_opening_hours_is_no_series_of_holes() -> None:
    index = pd.date_range("1990-01-01", periods=60, freq="bh")
    assert level(pd.Series(VALUES, index), index[30]) == pytest.approx(STEP, abs=0.3)


def test_a_year_without_leap_day_and_a_spring_hour_leave_one_hole() -> None:
    days = pd.date_range("2020-01-30", periods=61).difference(pd.DatetimeIndex(["2020-02-29"]))
    hours = pd.date_range("2021-03-13", periods=60, freq="h", tz="America/New_York")
    for index in (days, hours.tz_localize(None)):
        series = pd.Series(VALUES, index)
        assert as_regular_series(series).isna().sum() == 1
        assert level(series, str(index[30])) == pytest.approx(STEP, abs=0.1)


def test_stamps_that_shift_within_their_weeks_are_said_to() -> None:
    weeks = [
        pd.Timestamp(f"{y}-01-01") + pd.Timedelta(weeks=w) for y in (2019, 2020) for w in range(52)
    ]
    said = as_regular_series(pd.Series(range(104), pd.DatetimeIndex(weeks))).attrs["calendar"]
    assert "52 of 104, such as 2020-01-01, lie up to 1 days later" in said


@pytest.mark.parametrize("weeks", [(4, 4, 5), (4, 5, 4), (5, 4, 4)])
def test_months_of_four_and_five_weeks_are_refused_with_the_way_out(weeks: tuple) -> None:
    days = np.cumsum([0, *weeks * 20])[:60] * 7
    index = pd.Timestamp("2019-01-07") + pd.to_timedelta(days, unit="D")
    with pytest.raises(InputError, match="-".join(map(str, weeks))) as caught:
        as_regular_series(pd.Series(VALUES, index))
    assert "add up the three months" in str(caught.value.fix)
    quarters = pd.Series(VALUES, index).groupby(np.arange(60) // 3).sum()
    quarters.index = index[::3]
    assert frequency(as_regular_series(quarters).index) == "91D"


@pytest.mark.parametrize(
    ("values", "want"),
    [
        (pd.array(LISTED, dtype="Float64"), -19.25793586870389),
        (pd.array(LISTED, dtype="double[pyarrow]"), -19.25793586870389),
        (np.array([pd.NA if v is None else v for v in LISTED], dtype=object), -19.25793586870389),
        ([v if v is None else decimal.Decimal(str(v)) for v in LISTED], -19.25793586870389),
        ([fractions.Fraction(v) for v in VALUES], STEP),
        (pd.arrays.SparseArray(VALUES), STEP),
        (pd.Categorical(VALUES), STEP),
        ([f" {v!r} " for v in VALUES.tolist()], STEP),
        (VALUES + 1e9, STEP),
    ],
)
def test_numbers_of_any_kind_are_numbers(values: Any, want: float) -> None:
    assert level(pd.Series(values, MONTHS), "2021-07-01") == pytest.approx(want, abs=1e-6)


def test_whole_numbers_with_a_missing_one_and_every_unit() -> None:
    whole = pd.array([None if v is None else round(1000 * v) for v in LISTED], dtype="Int64")
    assert level(pd.Series(whole, MONTHS), "2021-07-01") == pytest.approx(-19257.9, abs=0.5)
    for unit in (1e-12, 1e12, 1e150):
        found = level(pd.Series(VALUES * unit, MONTHS), "2021-07-01")
        assert found / unit == pytest.approx(STEP, rel=1e-9)


@pytest.mark.parametrize(
    "written",
    ["{:,.2f}", "{:.2f}%", "{:.2f} %", "${:.2f}", "{:.2f} EUR", "€ {:,.2f}"],
)
def test_the_fix_of_numbers_in_texts_reads_them_right(written: str) -> None:
    series = pd.Series([written.format(1000 * v) for v in VALUES], MONTHS)
    assert level(fixed(series), "2021-07-01") == pytest.approx(1000 * STEP, abs=0.01)


def test_a_decimal_comma_and_a_mark_for_nothing() -> None:
    comma = pd.Series([f"{v:.4f}".replace(".", ",") for v in VALUES], MONTHS)
    assert level(fixed(comma), "2021-07-01") == pytest.approx(STEP, abs=1e-3)
    dashed = pd.Series(["-" if v is None else v for v in LISTED], MONTHS)
    assert level(fixed(dashed), "2021-07-01") == pytest.approx(-19.25793586870389, abs=1e-6)


def fixed(series: pd.Series) -> pd.Series:
    """Do what the refusal says."""
    with pytest.raises(InputError) as caught:
        as_regular_series(series)
    fix = str(caught.value.fix)
    names = {"pd": pd, "series": series}
    exec(fix[fix.index("series") :], names)
    return names["series"]


QUARTERS = pd.period_range("2019Q1", periods=60, freq="Q")
WEEKS = pd.date_range("2020-01-06", periods=60, freq="W-MON")
FORMS = [
    *("%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y/%m", "%m/%Y", "%m-%Y", "%Y.%m"),
    *("%B %Y", "%b. %Y", "%b-%Y", "%b %y", "%YM%m", "%Y-M%m", "%Y-%m-%dT%H:%M:%SZ", "%d-%b-%y"),
    *("%d %B %Y", "%a %b %d %Y", "%b %d, %Y", "%Y-%m-%d %H:%M:%S"),
]
LABELS = {form: (MONTHS.strftime(form), "2019-01-01") for form in FORMS}
LABELS |= {
    form: (WEEKS.strftime(form), "2020-01-06") for form in ("%G-W%V", "%GW%V", "%G-W%V-%u", "%G%V")
}
LABELS |= {
    form: (pd.Index([form.format(q.year, q.quarter) for q in QUARTERS]), "2019-01-01")
    for form in ("{}-Q{}", "{} Q{}", "{}q{}", "Q{1} {0}", "Q{1}-{0}", "{1}Q{0}")
}
LABELS |= {
    "2018/19": (pd.Index([f"{y}/{(y + 1) % 100:02d}" for y in range(1960, 2020)]), "1960-07-01"),
    "2001-02": (pd.Index([f"{y}-{(y + 1) % 100:02d}" for y in range(2001, 2061)]), "2001-07-01"),
    "2018-2019": (pd.Index([f"{y}-{y + 1}" for y in range(1960, 2020)]), "1960-07-01"),
    "FY2019": (pd.Index([f"FY{y}" for y in range(1960, 2020)]), "1960-07-01"),
    "seconds": (pd.Index(MONTHS.as_unit("s").asi8), "2019-01-01"),
    "milliseconds": (pd.Index(MONTHS.as_unit("ms").asi8), "2019-01-01"),
    "a spreadsheet's days": ((MONTHS - pd.Timestamp("1899-12-30")).days * 1.0, "2019-01-01"),
    "intervals": (
        pd.IntervalIndex.from_breaks(pd.date_range("2019-01-01", periods=61, freq="MS")),
        "2019-01-01",
    ),
    "year and month": (pd.MultiIndex.from_arrays([MONTHS.year, MONTHS.month]), "2019-01-01"),
    "two offsets": (
        pd.Index([one.isoformat() for one in MONTHS.tz_localize("Europe/Berlin")]),
        "2019-01-01",
    ),
    "R's months": (pd.Index(np.round(2019 + np.arange(60) / 12, 2)), "2019-01-01"),
    "201901.0": (pd.Index(MONTHS.strftime("%Y%m").astype(float)), "2019-01-01"),
    "first and last day": (pd.Index(WEEKS.to_period("W-SUN").astype(str)), "2020-01-06"),
    "seconds late": (
        pd.date_range("2021-01-01", periods=60, freq="h")
        + pd.to_timedelta(np.random.default_rng(2).integers(0, 9, 60), unit="s"),
        "2021-01-01",
    ),
}


@pytest.mark.parametrize("name", LABELS)
def test_the_fix_of_an_index_that_is_no_calendar_gives_one(name: str) -> None:
    index, first = LABELS[name]
    tidy = as_regular_series(fixed(pd.Series(VALUES, index)))
    assert (str(tidy.index[0].date()), len(tidy), int(tidy.isna().sum())) == (first, 60, 0)
    assert level(tidy, str(tidy.index[30])) == pytest.approx(STEP, abs=1e-6)


def test_frames_of_other_shapes_say_how_they_become_series() -> None:
    texts = pd.DataFrame({"day": MONTHS.strftime("%d/%m/%Y"), "works": VALUES})
    with pytest.raises(InputError, match="not in the index") as caught:
        ut.change_points(texts)
    exec(str(caught.value.fix), {"pd": pd, "frame": texts})
    assert level(texts, "2021-07-01") == pytest.approx(STEP, abs=1e-6)
    long = pd.DataFrame(
        {"site": ["a"] * 60 + ["b"] * 60, "works": [*VALUES, *VALUES]}, [*MONTHS] * 2
    )
    with pytest.raises(InputError, match="column of texts") as caught:
        ut.change_points(long)
    wide = eval(str(caught.value.fix).partition(": ")[2], {"frame": long})
    assert ut.change_points(wide).to_frame()["group"].tolist() == ["a", "b"]
    for frame in (pl.DataFrame({"date": MONTHS, "a": VALUES}), pa.table({"date": MONTHS})):
        with pytest.raises(InputError, match="to_pandas"):
            ut.change_points(frame)
    levels = pd.Series(VALUES, pd.MultiIndex.from_product([["a"], MONTHS]))
    with pytest.raises(InputError, match=r"series.unstack\(0\)"):
        as_regular_series(levels)
    assert level(levels.unstack(0), "2021-07-01") == pytest.approx(STEP, abs=1e-6)


def test_doubled_hours_and_short_weeks_say_what_happened() -> None:
    hours = pd.date_range("2021-11-06", periods=60, freq="h", tz="America/New_York")
    with pytest.raises(InputError, match="ambiguous") as caught:
        as_regular_series(pd.Series(VALUES, hours.tz_localize(None)))
    assert "clock was set back" in str(caught.value.fix)
    weeks = [
        pd.Timestamp(f"{y}-01-01") + pd.Timedelta(weeks=w) for y in (2019, 2020) for w in range(53)
    ]
    with pytest.raises(InputError, match="start anew"):
        as_regular_series(pd.Series(range(106), pd.DatetimeIndex(weeks)))


def test_a_group_of_zeros_and_a_constant_one_do_not_stop_the_others() -> None:
    frame = pd.DataFrame({"a": VALUES, "zero": 0.0, "five": 5.0}, MONTHS)
    effects = ut.interrupted_time_series(frame, "2021-07-01").effects.groupby("group").first()
    assert effects["status"].to_dict() == {"a": "ok", "zero": "refused", "five": "refused"}
    found = ut.change_points(frame).to_frame()
    assert found["status"].tolist() == ["ok", "no change", "no change"]
