"""Series as spreadsheets of other countries write them: dates, decimal marks, thousands."""

from __future__ import annotations

import pandas as pd
import pytest
from written import put

from uploadtrends.errors import InputError
from uploadtrends.sources.frames import read_frame
from uploadtrends.sources.series import SeriesFile

DAYS = ["01.01.2021", "01.02.2021", "01.03.2021", "01.04.2021"]


def series(tmp_path, numbers, days=DAYS, mark=";"):
    lines = [mark.join(row) for row in zip(["day", *days], ["works", *numbers], strict=True)]
    return put(tmp_path, "\n".join(lines) + "\n", "x.csv")


def test_the_refusal_of_a_date_names_the_format_that_reads_all(tmp_path) -> None:
    file = series(tmp_path, ["1", "2", "3", "4"])
    with pytest.raises(InputError, match="which reads every row") as refused:
        read_frame(file)
    assert "date_format='%d.%m.%Y'" in str(refused.value)
    frame = read_frame(file, date_format="%d.%m.%Y")
    assert list(frame.index) == list(pd.date_range("2021-01-01", periods=4, freq="MS"))


@pytest.mark.parametrize(
    ("decimal", "written", "read"),
    [
        (",", ["1,5", "1.234,25", "-0,5", "1.234.567"], [1.5, 1234.25, -0.5, 1234567]),
        (".", ["1.5", "1,234.25", "-0.5", "1,234,567"], [1.5, 1234.25, -0.5, 1234567]),
    ],
)
def test_a_decimal_mark_is_said_and_thousands_are_read(tmp_path, decimal, written, read) -> None:
    file = series(tmp_path, written)
    frame = read_frame(file, date_format="%d.%m.%Y", decimal=decimal)
    assert frame["works"].tolist() == read


@pytest.mark.parametrize(
    ("numbers", "fix"),
    [
        (["1,5", "2,5", "3", "4"], "decimal=',' if the comma is the decimal mark"),
        (["1,234", "2", "3", "4"], "decimal='.' if the comma stands between thousands"),
        # Thousands or three decimals? Beside semicolons nobody can tell.
        (["987", "1.021", "1.100", "998"], "decimal=',' if the point stands between thousands"),
    ],
)
def test_a_number_that_reads_two_ways_is_refused_with_both(tmp_path, numbers, fix) -> None:
    with pytest.raises(InputError, match="a number cannot be read") as refused:
        read_frame(series(tmp_path, numbers), date_format="%d.%m.%Y")
    assert fix in str(refused.value)


def test_three_decimals_beside_commas_or_among_others_are_numbers(tmp_path) -> None:
    days = [f"2021-0{n}-01" for n in range(1, 5)]
    frame = read_frame(series(tmp_path, ["1.021", "1.100", "2.5", "998"], days))
    assert frame["works"].tolist() == [1.021, 1.1, 2.5, 998]
    frame = read_frame(series(tmp_path, ["1.021", "1.100", "998", "2.345"], days, mark=","))
    assert frame["works"].tolist() == [1.021, 1.1, 998, 2.345]


def test_a_point_where_the_comma_is_the_mark_is_no_decimal(tmp_path) -> None:
    file = series(tmp_path, ["1.5", "2", "3", "4"])
    with pytest.raises(InputError, match=r"1\.5"):
        read_frame(file, date_format="%d.%m.%Y", decimal=",")


@pytest.mark.parametrize(
    ("numbers", "right"),
    [
        (["1 234", "12\u202f345", "7", "1\u00a0234.5"], [1234, 12345, 7, 1234.5]),
        (["1'234", "1’234’567", "7", "8"], [1234, 1234567, 7, 8]),
        ([".", "..", "7", ":"], [None, None, 7, None]),  # of FRED and statistical offices
    ],
)
def test_thousands_and_missing_numbers_that_read_one_way(tmp_path, numbers, right) -> None:
    days = [f"2021-0{n}-01" for n in range(1, 5)]
    found = read_frame(series(tmp_path, numbers, days))["works"]
    assert [None if pd.isna(n) else n for n in found] == right


PERIODS = {
    "quarters": ["2021Q1", "2021-Q2", "2021 q3", "Q4 2021"],
    "weeks": ["2021-W01", "2021-W02", "2021W03", "2021-W04"],
    "weeks of pandas": ["2021-01-04/2021-01-10", "2021-01-11/2021-01-17"] * 2,
}
FIRST_DAYS = {
    "quarters": ["2021-01-01", "2021-04-01", "2021-07-01", "2021-10-01"],
    "weeks": ["2021-01-04", "2021-01-11", "2021-01-18", "2021-01-25"],
    "weeks of pandas": ["2021-01-04", "2021-01-11"] * 2,
}


@pytest.mark.parametrize("name", PERIODS)
def test_periods_stand_for_their_first_days(tmp_path, name: str) -> None:
    frame = read_frame(series(tmp_path, ["1", "2", "3", "4"], PERIODS[name]))
    assert [f"{day:%Y-%m-%d}" for day in frame.index] == FIRST_DAYS[name]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("day,works\n2021-W54,1\n", "a date cannot be read"),
        ("year,month,works\n2021,1,5\n", "the dates stand in two columns, 'year' and 'month'"),
        ("artist,2021-01,2021-02\na,5,6\n", "the periods stand in columns: turn the table"),
    ],
)
def test_dates_in_other_places_are_refused_with_what_to_do(tmp_path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_frame(put(tmp_path, text))


def test_a_published_series_is_read_by_the_same_rules(store, tmp_path) -> None:
    columns = {"works": ("x", "total")}

    def loaded(text: str, frequency: str, **settings: str) -> list[tuple]:
        file = put(tmp_path, f"Works by period\nday;works\n{text}", f"{frequency}.csv")
        store.load(SeriesFile(file, columns, "day", frequency, **settings))
        return store.sql(
            "SELECT CAST(period AS VARCHAR), value FROM series WHERE series_id = $id ORDER BY 1",
            params={"id": frequency},
        ).fetchall()

    assert loaded("2021Q2;1 234\n2021Q3;NA\n", "quarter") == [("2021-04-01", 1234)]
    assert loaded("2021-W02;5\n", "week") == [("2021-01-11", 5)]
    german = "1.2.2021;1.234\n1.3.2021;5.678\n"
    with pytest.raises(InputError, match="decimal=',' if the point stands between thousands"):
        loaded(german, "month")  # 1.234 works of a month, until now
    assert loaded(german, "month", decimal=",", date_format="%d.%m.%Y") == [
        ("2021-02-01", 1234),
        ("2021-03-01", 5678),
    ]


@pytest.mark.parametrize(
    ("header", "day"),
    [
        (",works", "2021-0{}-01"),  # pandas, of a series whose index has no name
        ("# day,works", "2021-0{}-01"),  # NumPy
        ("date_key,works", "20210{}01"),
    ],
)
def test_the_first_row_below_an_odd_header_is_not_lost(tmp_path, header: str, day: str) -> None:
    rows = [f"{day.format(n)},{n}" for n in range(1, 9)]
    frame = read_frame(put(tmp_path, "\n".join([header, *rows]), "x.csv"))
    assert frame["works"].tolist() == list(range(1, 9))
    assert list(frame.index) == list(pd.date_range("2021-01-01", periods=8, freq="MS"))


def test_a_number_of_32_bits_keeps_its_digits(tmp_path) -> None:
    frame = pd.DataFrame({"day": ["2021-01"], "works": [123456792.0]}).astype({"works": "float32"})
    frame.to_parquet(tmp_path / "x.parquet")
    assert read_frame(tmp_path / "x.parquet")["works"].tolist() == [123456792]


def test_a_column_of_empty_cells_is_one_of_numbers(tmp_path) -> None:
    frame = read_frame(put(tmp_path, "day,works,later\n2021-01,1,\n2021-02,2,\n", "x.csv"))
    assert frame["later"].dtype == "float64"


def test_a_format_that_is_a_word_of_pandas_is_not_offered(tmp_path) -> None:
    with pytest.raises(InputError, match="Fix: write YYYY-MM-DD"):
        read_frame(put(tmp_path, "quarter,works\n2020-1,1\n2020-2,2\n2020-3,3\n", "x.csv"))
