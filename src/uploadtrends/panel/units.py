"""The quantities that a group's series can be expressed in."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from uploadtrends.errors import InputError

COUNTS = (
    "uploads",
    "fractional_uploads",
    "media",
    "active_artists",
    "at_risk_artists",
    "entrants",
    "silent",
)
RATIOS = (
    "uploads_per_active",
    "uploads_per_at_risk",
    "active_share",
    "ai_share",
    "ai_share_low",
    "ai_share_high",
)
UNITS = (*COUNTS, *RATIOS, "no_longer_listed")


def unit_values(rows: pl.DataFrame, unit: str, records: Any, platform: str) -> NDArray[np.float64]:
    """Return one group's values in the given unit, shape (n_periods,); NaN where undefined."""
    if unit not in UNITS:
        raise InputError(
            "unknown unit", column="unit", value=unit, fix=f"one of {', '.join(UNITS)}"
        )
    if rows["origin"][0] == "published":
        if unit != "uploads":
            raise InputError(
                f"a published series has only its own values ({rows['unit'][0]})",
                column="unit",
                value=unit,
                fix="use unit='uploads' for the values as published",
            )
        return _numbers(rows, "uploads")
    if unit == "no_longer_listed":
        _require_revisits(records, platform)
        return _numbers(rows, "delisted")
    if unit in COUNTS:
        return _numbers(rows, unit)
    if unit == "ai_share" and not says_no(records, platform):
        return np.full(rows.height, np.nan)
    yes, unknown, works = (_numbers(rows, n) for n in ("ai_uploads", "ai_unknown", "uploads"))
    top, bottom = {
        "uploads_per_active": (works, _numbers(rows, "active_artists")),
        "uploads_per_at_risk": (works, _numbers(rows, "at_risk_artists")),
        "active_share": (
            _numbers(rows, "at_risk_artists") - _numbers(rows, "silent"),
            _numbers(rows, "at_risk_artists"),
        ),
        "ai_share": (yes, works - unknown),
        "ai_share_low": (yes, works),
        "ai_share_high": (yes + unknown, works),
    }[unit]
    ratio = np.full(len(top), np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    return ratio


ONLY_YES = (
    "the source marks works made with AI but never says that a work was made without, so that the "
    "labels give a lower bound only (ai_share_low, ai_share_high)"
)


def says_no(records: Any, platform: str) -> bool:
    """Return whether a platform's labels ever state that a work was made without AI."""
    totals = records.totals.filter(pl.col("lane") == platform)
    stated = totals["uploads"].sum() - totals["ai_unknown"].sum() - totals["ai_uploads"].sum()
    return bool(stated > 0)


def _numbers(rows: pl.DataFrame, column: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return values.copy()


def _require_revisits(records: Any, platform: str) -> None:
    lane = records.lanes.filter(pl.col("lane") == platform)
    if lane.height == 0 or not lane["revisited"][0]:
        raise InputError(
            "whether a work is still listed is known only from two or more complete crawls, or "
            "from a source that keeps deleted works",
            column="unit",
            value="no_longer_listed",
            fix="crawl the same artists again",
        )
