"""A file as a table: ids as they are written, numbers as numbers, the rest as text."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from written import put

from uploadtrends.errors import InputError
from uploadtrends.sources.frames import read_table

COLUMNS = {
    "007": [1, 2, 3],
    "whole": [1, -2, 30],
    "part": [0.5, -2.0, 1e5],
    "gaps": [1.0, math.nan, 3.0],
    "never": [5.0, math.inf, 7.0],
    "zeros": ["01", "02", "10"],
    "mixed": ["1", "two", "3"],
    "truth": [True, False, True],
    "day": ["2021-03-01", "2021-03-02", "2021-03-03"],
    "id": ["007", "7", "12"],
}
TEXTS = {
    "007": "1 2 3",
    "whole": "1 -2 30",
    "part": ".5 -2.0 1e5",
    "gaps": "1 NA 3",
    "never": "5 inf 7",
    "zeros": "01 02 10",
    "mixed": "1 two 3",
    "truth": "True False True",
    "day": "2021-03-01 2021-03-02 2021-03-03",
    "id": "007 7 12.0",
}


def text(mark: str) -> str:
    rows = zip(*(cells.split() for cells in TEXTS.values()), strict=True)
    return "\n".join(mark.join(row) for row in (list(TEXTS), *rows))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", text(",")),
        ("t.tsv", text("\t")),
        ("t.jsonl", "\n".join(
            json.dumps(dict(zip(TEXTS, row, strict=True)))
            for row in zip(*(cells.split() for cells in TEXTS.values()), strict=True)
        )),
    ],
)  # fmt: skip
def test_every_column_is_what_all_of_its_cells_are(tmp_path, name, data) -> None:
    frame = read_table(put(tmp_path, data, name), ids=["id", "absent"])
    assert list(frame) == list(COLUMNS)
    for column, values in COLUMNS.items():
        pd.testing.assert_series_equal(frame[column], pd.Series(values, name=column))


def test_ids_are_those_of_a_load(tmp_path) -> None:
    """Blanks around them, composed letters, words for nothing."""
    file = put(tmp_path, "id,n\n 007 ,1\ne\u0301lan,2\nNULL,3\n", "t.csv")
    assert read_table(file, ids=["id"])["id"].tolist()[:2] == ["007", "\u00e9lan"]
    assert read_table(file, ids=["id"])["id"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("id,n\n1.6E+18,1\n", r"rounded .*'id', value '1.6E\+18'"),
        ("id,n,n\n1,1,2\n", "two columns have one name .*'n'"),
        ("id,n\n1,1\n2\n", "line 3: too few columns"),
        ("", "the file is empty"),
    ],
)
def test_what_cannot_be_a_table_is_refused(tmp_path, data, says) -> None:
    with pytest.raises(InputError, match=says):
        read_table(put(tmp_path, data), ids=["id"])


def test_parquet_keeps_its_types_but_for_ids(tmp_path) -> None:
    frame = pd.DataFrame({"id": [7.0, 12.0], "day": pd.to_datetime(["2021-03-01"] * 2), "n": 1.0})
    frame.to_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", ids=["id"])
    assert read["id"].tolist() == ["7", "12"]
    pd.testing.assert_frame_equal(read[["day", "n"]], frame[["day", "n"]])
