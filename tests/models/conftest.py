from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def sicily(shared: Path) -> pd.DataFrame:
    """Acute coronary events, monthly 2002-2006 (Lopez Bernal et al. 2017); not copied."""
    frame = pd.read_csv(shared / "reference" / "sicily" / "sicily.csv")
    frame.index = pd.date_range("2002-01-01", periods=len(frame), freq="MS")
    return frame


@pytest.fixture(scope="session")
def sicily_r(shared: Path) -> dict[str, Any]:
    """R 4.2.2 on that series: sandwich 3.0-2, nlme 3.1-162, MASS 7.3-58.2."""
    return json.loads((shared / "reference" / "sicily" / "reference_R.json").read_text())


@pytest.fixture(scope="session")
def sicily_published(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "reference" / "sicily" / "published.json").read_text())["targets"]


@pytest.fixture(scope="session")
def rate(sicily: pd.DataFrame) -> pd.Series:
    """Events per 100,000 of the standard population."""
    return sicily["aces"] / sicily["stdpop"] * 1e5


@pytest.fixture(scope="session")
def nile(shared: Path) -> pd.Series:
    """Annual flow of the Nile at Aswan, 1871-1970."""
    frame = pd.read_csv(shared / "reference" / "nile" / "nile.csv")
    index = pd.date_range("1871-01-01", periods=len(frame), freq="YS")
    return pd.Series(frame["flow"].to_numpy(dtype=float), index, name="flow")


@pytest.fixture(scope="session")
def nile_r(shared: Path) -> dict[str, Any]:
    """R 4.2.2: level step after 1898."""
    return json.loads((shared / "reference" / "nile" / "reference_R.json").read_text())["its_step"]
