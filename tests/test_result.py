from __future__ import annotations

import json
import pickle
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pytest

from uploadtrends.errors import InputError
from uploadtrends.result import Call, Result, fingerprint


@dataclass(frozen=True)
class Table(Result):
    frame: pd.DataFrame
    call: Call

    def to_frame(self) -> pd.DataFrame:
        return self.frame

    def summary(self) -> str:
        return "5 < 6 & so on"


@pytest.fixture
def result() -> Table:
    frame = pd.DataFrame(
        {
            "name": ["a|b", "50% & more"],
            "x": [1.23456, np.nan],
            "when": pd.to_datetime("2022-08-22"),
        }
    )
    return Table(frame, Call.of({"seed": 1}, frame, function="table"))


def test_every_form_carries_the_same_table(result: Table) -> None:
    assert "&lt;" in result._repr_html_()
    as_dict = result.to_dict()
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert as_dict["call"]["parameters"] == {"seed": 1}
    assert [row["x"] for row in as_dict["table"]] == [1.23456, None]
    assert result.to_markdown().splitlines()[2] == r"| a\|b | 1.235 | 2022-08-22 |"
    assert r"50\% \& more &  & 2022-08-22 \\" in result.to_latex()
    assert result.check(lambda it: it.summary()) == str(result) == "5 < 6 & so on"


def test_results_survive_pickling(result: Table) -> None:
    again = pickle.loads(pickle.dumps(result))
    assert again.call == result.call
    pd.testing.assert_frame_equal(again.frame, result.frame)


def test_the_fingerprint_sees_values_index_and_kind() -> None:
    series = pd.Series([1.0, 2.0], pd.date_range("2020-01-01", periods=2, freq="MS"))
    shifted = series.set_axis(pd.date_range("2020-02-01", periods=2, freq="MS"))
    prints = {
        fingerprint(series),
        fingerprint(shifted),
        fingerprint(series + 1e-12),
        fingerprint(pl.DataFrame({"a": [1]})),
        fingerprint(np.array([1.0, 2.0])),
        fingerprint(b"1"),
        fingerprint("1"),
        fingerprint({"a": 1}),
        fingerprint("1", "1"),
    }
    assert len(prints) == 9
    assert fingerprint(series) == fingerprint(series.copy())


def test_an_error_says_where_and_what_to_do_and_crosses_processes() -> None:
    error = InputError("a value is bad", file="x.csv", column="date", value="soon", fix="repair it")
    assert (
        str(error) == "a value is bad (file 'x.csv', column 'date', value 'soon'). Fix: repair it"
    )
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.fix) == (str(error), "repair it")


def test_numbers_are_hashed_as_they_lie_in_memory_and_every_change_shows() -> None:
    index = pd.date_range("2020-01-01", periods=3, freq="MS")
    series = pd.Series([1.0, 2.0, np.nan], index, name="a")
    changed = [
        series.rename("b"),
        series.astype("float32"),
        series.set_axis(index + pd.Timedelta(days=1)),
        series.tz_localize("UTC"),
        series.fillna(0.0),
        series.to_frame().assign(b=1),
    ]
    assert fingerprint(series.copy()) == fingerprint(series)
    assert len({fingerprint(thing) for thing in [series, *changed]}) == len(changed) + 1
    # Text has no bytes of its own and goes by its spelling.
    assert fingerprint(series.to_frame().assign(c="x")) != fingerprint(series.to_frame())
