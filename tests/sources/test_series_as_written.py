"""Series as spreadsheets of other countries write them: dates, decimal marks, thousands."""

from __future__ import annotations

import pandas as pd
import pytest
from written import put

from uploadtrends.errors import InputError
from uploadtrends.sources.frames import read_frame

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
