"""The same question put to other estimators, and to the shortest interval that can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.models.effects import effect_rows, tabulated
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.noise import LEAST_POINTS
from uploadtrends.models.estimators.shortest import solve
from uploadtrends.models.preparation import Prepared

COLUMNS = ("method", "event", "term", "estimate", "se", "low", "high", "p", "status", "reason")


def sensitivity_table(prepared: Prepared, fitted: Estimate | None) -> pd.DataFrame:
    """Return the effects by the method reported and by others (columns as `COLUMNS`)."""
    reported, scale = prepared.choice.method, prepared.choice.scale
    tables = [_effects(prepared, fitted).assign(method=f"{reported} (reported)")]
    others: list[tuple[str, dict[str, Any]]]
    n = int(prepared.design.used.sum())
    if fitted is None:
        return tables[0]
    if scale == "counts":
        others = [("quasi-poisson", {}), ("negative-binomial", {})]
    elif reported == "reml-averaged":
        others = [("ols-hac", {}), ("reml-ar1", {})]
    else:
        others = [("ols-hac", {}), ("reml-ar1", {"phi": "maximum"})]
        if n >= LEAST_POINTS:
            others.append(("ar1-plus-noise", {}))
    for method, changes in others:
        if method == reported and not changes:
            continue
        name = f"{method} (phi at its maximum)" if changes else method
        tables.append(by_method(prepared, method, **changes).assign(method=name))
    return pd.concat(tables, ignore_index=True)


def by_method(prepared: Prepared, method: str, **changes: Any) -> pd.DataFrame:
    """Return the effects by another method (columns as `COLUMNS`), refused where that cannot fit
    the series."""
    settings = replace(prepared.settings, method=method, **changes)
    choice = replace(prepared.choice, method=method)
    other = replace(prepared, settings=settings, choice=choice)
    try:
        return _effects(other, estimate(other))
    except NotEstimableError as error:
        refused = replace(choice, status="refused", reason=str(error))
        return _effects(replace(other, choice=refused), None)


def _effects(prepared: Prepared, fitted: Estimate | None) -> pd.DataFrame:
    rows = effect_rows(prepared, fitted, bends=False, brief=True)
    return tabulated(rows)[list(COLUMNS)]


SHORTEST_COLUMNS = (
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


def shortest_table(fits: Sequence[tuple[Prepared, Estimate | None]], up_to: float) -> pd.DataFrame:
    """Return one row a series, block and term (columns as `SHORTEST_COLUMNS`)."""
    if not 0 < up_to <= 0.95:
        raise InputError(
            "the largest autocorrelation must lie above 0 and at most at .95",
            column="up_to",
            value=up_to,
            fix="0.8",
        )
    rows = [
        _shortest(prepared, fitted, block.id, term, up_to)
        for prepared, fitted in fits
        if fitted is not None
        for block in prepared.design.blocks
        for term in prepared.design.columns[block.id]
    ]
    return pd.DataFrame(rows, columns=list(SHORTEST_COLUMNS))


def _shortest(
    prepared: Prepared, fitted: Estimate, block: str, term: str, up_to: float
) -> dict[str, Any]:
    design = prepared.design
    row: dict[str, Any] = {
        "platform": prepared.item.platform,
        "group": prepared.item.group,
        "event": block,
        "term": term,
        "low": np.nan,
        "high": np.nan,
        "up_to": up_to,
        "width_ratio": np.nan,
        "over_known": np.nan,
        "reason": "",
    }
    if prepared.choice.scale == "counts":
        return row | {"reason": "counts are modelled"}
    if len(design.positions) > LONGEST:
        return row | {"reason": f"more than {LONGEST} periods"}
    confidence = prepared.settings.confidence
    line = design.term_row(block, term)
    best = solve(design.fitted, design.positions, line[0], up_to=up_to, confidence=confidence)
    low, high = (float(end[0]) for end in best.interval(prepared.y[None]))
    own = fitted.contrast(line, confidence)
    ratio = (high - low) / float(own.high[0] - own.low[0])
    over = float(best.ratio.mean())
    return row | {"low": low, "high": high, "width_ratio": ratio, "over_known": over}
