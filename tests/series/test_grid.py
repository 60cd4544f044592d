from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadtrends.errors import InputError
from uploadtrends.series.grid import (
    as_regular_series,
    days,
    described,
    frequency,
    from_to,
    period_ends,
    period_of,
    step,
)

MONTHS = pd.date_range("2021-01-01", periods=34, freq="MS")


def test_step_weights_the_event_month_by_its_days_after() -> None:
    weights = step(MONTHS, "2022-08-22")
    assert weights[18] == 0.0
    assert weights[19] == pytest.approx(10 / 31)  # 22 to 31 August, the 22nd included
    assert weights[20] == 1.0
    assert step(MONTHS, "2022-08-01")[19] == 1.0


@given(st.dates(pd.Timestamp("2020-01-01").date(), pd.Timestamp("2024-12-31").date()))
def test_step_days_add_up_to_the_days_after_the_event(day) -> None:
    inside = pd.Timestamp("2023-11-01") - max(pd.Timestamp(day), MONTHS[0])
    assert (step(MONTHS, day) * days(MONTHS)).sum() == pytest.approx(max(inside.days, 0))


def test_period_of() -> None:
    assert period_of(MONTHS, "2021-01-01") == 0
    assert period_of(MONTHS, "2023-10-31") == 33
    assert period_of(MONTHS, "2020-12-31") is None
    assert period_of(MONTHS, "2023-11-01") is None


@pytest.mark.parametrize(
    ("index", "freq"),
    [
        (pd.date_range("2020-01-31", periods=5, freq="ME"), "MS"),
        (pd.period_range("2020-01", periods=5, freq="M"), "MS"),
        (pd.date_range("2020-12-31", periods=5, freq="YE"), "YS"),
        (pd.date_range("2020-03-31", periods=5, freq="QE"), "QS"),
        (pd.date_range("2021-12-19", periods=5, freq="W-SUN"), "W-SUN"),
        (pd.date_range("2021-12-20", periods=5, freq="W-MON", tz="Asia/Kolkata"), "W-MON"),
        (pd.date_range("2021-12-30", periods=5, freq="D"), "D"),
        (pd.date_range("2021-12-30", periods=5, freq="h"), "h"),
    ],
)
def test_every_frequency_becomes_period_starts(index, freq: str) -> None:
    tidy = as_regular_series(pd.Series(range(5), index=index))
    assert frequency(tidy.index) == freq
    assert tidy.index.tz is None
    assert tidy.to_list() == [0, 1, 2, 3, 4]


def test_weeks_run_on_across_the_turn_of_the_year() -> None:
    weeks = pd.date_range("2020-12-14", periods=5, freq="W-MON")
    tidy = as_regular_series(pd.Series(range(5), index=weeks))
    assert (np.diff(tidy.index) == np.timedelta64(7, "D")).all()


def test_a_gap_becomes_nan_and_names_survive() -> None:
    series = pd.Series([1, 2, 4], pd.to_datetime(["2020-01-01", "2020-02-01", "2020-04-01"]))
    series.name, series.attrs = "x", {"unit": "uploads"}
    tidy = as_regular_series(series)
    assert np.isnan(tidy.iloc[2])
    assert (tidy.name, tidy.attrs["unit"]) == ("x", "uploads")
    assert tidy.attrs["calendar"] == "4 months, the first from 2020-01-01 to 2020-01-31"
    assert described(pd.date_range("2020-01-01", periods=9)) == "9 days, the first 2020-01-01"


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([1, 2], "expected a pandas Series"),
        (pd.Series([1.0, 2.0]), "the index holds no dates"),
        (pd.Series([1, 2], MONTHS[[1, 0]]), "not in order"),
        (pd.Series([1, 2, 3], MONTHS[[0, 0, 1]]), "two rows fall into one month"),
        (pd.Series([1, 2], MONTHS[[0, 0]]), "a date is repeated"),
        (pd.Series([1, "many"], MONTHS[:2]), "not a number"),
        (pd.Series([1, np.inf], MONTHS[:2]), "infinite"),
        (pd.Series([], index=pd.DatetimeIndex([])), "empty"),
        (pd.Series([1, 2], pd.to_datetime(["2020-01-01", "2020-01-12"])), "no regular step"),
        (pd.Series([1, 2], pd.DatetimeIndex(["2020-01-01", None])), "missing date"),
    ],
)
def test_bad_series(series, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_regular_series(series)


def test_an_index_without_frequency_is_refused() -> None:
    with pytest.raises(InputError, match="no usable frequency"):
        period_ends(pd.DatetimeIndex(["2020-01-01", "2020-02-01"]))


@pytest.mark.parametrize(
    ("start", "freq", "said"),
    [
        ("2021-01-01", "MS", "2021-01 to 2021-06"),
        ("2021-01-03", "W-SUN", "2021-01-03 to 2021-02-07"),
        ("2016-01-01", "YS", "2016 to 2021"),
    ],
)
def test_first_and_last_period_are_named_no_finer_than_they_are(
    start: str, freq: str, said: str
) -> None:
    assert from_to(pd.date_range(start, periods=6, freq=freq)) == said
