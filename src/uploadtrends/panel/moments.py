"""Days and whole numbers out of a column of any kind."""

from __future__ import annotations

import re
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError

_QUARTER = re.compile(r"^(\d{4})-?[Qq]([1-4])$")
_WHOLE = re.compile(r"^[+-]?\d+(\.0*)?$")
_NEVER = ("", "0", "0.0", "inf", "nan", "nat", "none", "never")


def whole_numbers(given: pd.Series) -> pd.Series | None:
    """Return numbers, or text that holds nothing else, as whole numbers; None for all the rest."""
    texts = given.map(lambda value: isinstance(value, str)).astype(bool)
    numbers = given.map(lambda value: isinstance(value, Real | np.bool_)).astype(bool)
    if texts.any() and (numbers.any() or not all(_WHOLE.match(text.strip()) for text in given)):
        return None
    if not (texts | numbers).all() or given.map(lambda value: isinstance(value, bool)).any():
        return None
    found = pd.to_numeric(given).astype(float)
    return None if (found % 1 != 0).any() else found.astype("int64")


def never(given: pd.Series) -> pd.Series:
    """Tell which values say never: nothing, 0, infinity, or empty text."""
    text = given.astype(object).map(lambda v: str(v).strip().lower() if isinstance(v, str) else v)
    return given.isna() | text.isin([0, np.inf, *_NEVER])


def first_days(given: pd.Series, column: str) -> pd.Series:
    """Return dates without a zone from dates, pandas' periods, ISO text, 202103, 2021Q1, 2021.

    Raises
    ------
    InputError
        For what cannot be read as a date, with its column and value.
    """
    texts = given.astype(object).map(_iso)
    days = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    bad = days.isna() & given.notna()
    if bad.any():
        raise InputError(
            "not a date",
            column=column,
            value=given[bad].iloc[0],
            fix="write it as 2022-08-22, or leave it empty for never",
        )
    return days.astype("datetime64[ns]")


def _iso(value: Any) -> Any:
    """Return a value in a form that is a date in ISO 8601 or none at all."""
    if isinstance(value, pd.Period):
        return value.start_time.isoformat()
    if isinstance(value, Real) and float(value) % 1 == 0:
        value = str(int(float(value)))
    if isinstance(value, str):
        text = value.strip()
        if quarter := _QUARTER.match(text):
            return f"{quarter[1]}-{3 * int(quarter[2]) - 2:02d}"
        if re.fullmatch(r"\d+", text):
            size = len(text)
            return {4: text, 6: f"{text[:4]}-{text[4:]}", 8: text}.get(size, "no date")
        return text
    return value.isoformat() if hasattr(value, "isoformat") else "no date"
