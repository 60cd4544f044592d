"""The shortest intervals that hold on a stated range of autocorrelations, beside those reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.models.estimators.shortest import solve

if TYPE_CHECKING:
    from uploadtrends.models.fitting import Fit

COLUMNS = (
    "platform",
    "group",
    "event",
    "term",
    "low",
    "high",
    "up_to",
    "width_ratio",
    "over_known",
    "reason",
)
LONGEST = 400
"""Periods above which the weights take too long to solve."""


def shortest_table(fits: Sequence[Fit], up_to: float) -> pd.DataFrame:
    """Return one row a series, block and term (columns as `COLUMNS`)."""
    if not 0 < up_to <= 0.95:
        raise InputError(
            "the largest autocorrelation must lie above 0 and at most at .95",
            column="up_to",
            value=up_to,
            fix="0.8",
        )
    rows = [
        _one(fit, block.id, term, up_to)
        for fit in fits
        for block in fit.blocks
        for term in fit.prepared.design.columns[block.id]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _one(fit: Fit, block: str, term: str, up_to: float) -> dict[str, Any]:
    prepared, design = fit.prepared, fit.prepared.design
    row: dict[str, Any] = {
        "platform": fit.platform,
        "group": fit.group,
        "event": block,
        "term": term,
        "low": np.nan,
        "high": np.nan,
        "up_to": up_to,
        "width_ratio": np.nan,
        "over_known": np.nan,
        "reason": "",
    }
    if fit.scale == "counts":
        return row | {"reason": "counts are modelled"}
    if len(design.positions) > LONGEST:
        return row | {"reason": f"more than {LONGEST} periods"}
    assert fit.estimate is not None  # noqa: S101 - a fit with blocks has one
    confidence = prepared.settings.confidence
    line = design.term_row(block, term)
    best = solve(design.fitted, design.positions, line[0], up_to=up_to, confidence=confidence)
    low, high = (float(end[0]) for end in best.interval(prepared.y[None]))
    own = fit.estimate.contrast(line, confidence)
    ratio = (high - low) / float(own.high[0] - own.low[0])
    over = float(best.ratio.mean())
    return row | {"low": low, "high": high, "width_ratio": ratio, "over_known": over}
