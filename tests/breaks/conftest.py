from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def nile(data: Path) -> pd.Series:
    frame = pd.read_csv(data / "nile" / "nile.csv")
    return pd.Series(
        frame["flow"].to_numpy(), pd.to_datetime(frame["year"].astype(str)), name="nile"
    )


@pytest.fixture(scope="session")
def real_interest(data: Path) -> pd.Series:
    frame = pd.read_csv(data / "realint" / "RealInt.csv")
    quarters = pd.PeriodIndex(frame["quarter"].str.replace("-", ""), freq="Q")
    return pd.Series(frame["rate"].to_numpy(), quarters, name="rate")


@pytest.fixture(scope="session")
def coal(data: Path) -> pd.Series:
    frame = pd.read_csv(data / "coal" / "coal_annual.csv")
    return pd.Series(
        frame["count"].to_numpy(), pd.to_datetime(frame["year"].astype(str)), name="disasters"
    )


@pytest.fixture
def monthly() -> Callable[..., pd.Series]:
    def make(values: object, start: str = "2018-01-01", name: str | None = None) -> pd.Series:
        numbers = np.asarray(values, dtype=float)
        index = pd.date_range(start, periods=len(numbers), freq="MS")
        return pd.Series(numbers, index, name=name)

    return make


@dataclass(frozen=True)
class AnnotatedSeries:
    """Turing Change Point Dataset (van den Burg & Williams 2020): read where it stands."""

    names: list[str]
    values: dict[str, np.ndarray]
    dates: dict[str, pd.DatetimeIndex]
    annotations: dict[str, list[list[int]]]
    published: dict
    r: dict


@pytest.fixture(scope="session")
def annotated(shared: Path) -> AnnotatedSeries:
    folder = shared / "reference" / "tcpd"

    def read(name: str) -> dict:
        return json.loads((folder / f"{name}.json").read_text())

    annotations = {name: list(marks.values()) for name, marks in read("annotations").items()}
    values, dates = {}, {}
    for name in annotations:
        raw, time = read(name)["series"][0]["raw"], read(name)["time"]
        labels = [str(label) for label in time.get("raw", [])]
        rows = pd.date_range("1950-01-01", periods=len(raw), freq="D")
        dates[name] = pd.to_datetime(labels, format=time.get("format")) if labels else rows
        values[name] = np.array([np.nan if v is None else v for v in raw], dtype=float)
    return AnnotatedSeries(
        list(annotations),
        values,
        dates,
        annotations,
        read("published_default_scores"),
        read("reference_R"),
    )
