"""What is nearly right ends in one line that says what to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.simulate import population
from uploadtrends.sources.frames import read_frame

INDEX = pd.date_range("2018-01-01", periods=60, freq="MS")


@pytest.fixture(scope="module")
def its():
    series = pd.Series(np.random.default_rng(1).poisson(60, 60).astype(float), INDEX)
    return ut.interrupted_time_series(series, "2021-06-01", method="ols-hac")


@pytest.mark.parametrize("name", ["power", "composition", "multiplicity"])
def test_a_class_where_a_check_is_due(its, name: str) -> None:
    with pytest.raises(InputError, match=rf"write check\(ut\.{name}\(\)\)") as error:
        its.check(getattr(ut, name))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=rf"write check\(ut\.{name}\(\)\)"):
        its.check(name)
    assert its.check(ut.multiplicity()).name == "multiplicity"


def test_a_csv_where_a_store_is_due(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,day\n1,2020-01-01\n")
    with pytest.raises(InputError, match=r"no store.*ut\.build_store") as error:
        ut.build_panel(str(tmp_path / "x.csv"))
    assert "\n" not in str(error.value)


def test_one_platform_needs_no_list() -> None:
    people = population(20, platforms="mysite", start="2018-01-01", end="2020-12-31", seed=1)
    assert {platform for platform, _ in ut.build_panel(people, platforms="mysite").keys()} == {
        "mysite"
    }
    with pytest.raises(InputError, match=r"'yoursite'\). Fix: use some of mysite"):
        ut.build_panel(people, platforms="yoursite")


@pytest.mark.parametrize("name", ["upload_id", "id", "ID", "uploadId", "work nr"])
def test_an_id_is_never_a_date(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ids.csv"
    # As Unix times and as YYYYMMDD these would be dates.
    for first in (1_600_000_000, 20200101):
        rows = "".join(f"{first + i},{i}\n" for i in range(20))
        path.write_text(f"{name},works\n{rows}")
        with pytest.raises(InputError, match="holds ids"):
            read_frame(path)


@pytest.mark.parametrize("name", ["day", "month", "paid", "valid", "period"])
def test_a_date_under_any_other_name_is_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / "days.csv"
    path.write_text(f"{name},works\n20200101,1\n20200201,2\n")
    assert list(read_frame(path).index) == list(pd.to_datetime(["2020-01-01", "2020-02-01"]))
