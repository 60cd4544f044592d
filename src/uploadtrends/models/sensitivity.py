"""The same question put to other estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from uploadtrends.errors import NotEstimableError
from uploadtrends.models.effects import effect_table
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.noise import LEAST_POINTS
from uploadtrends.models.preparation import Prepared

COLUMNS = ("method", "event", "term", "estimate", "se", "low", "high", "p", "status", "reason")


def sensitivity_table(prepared: Prepared, fitted: Estimate | None) -> pd.DataFrame:
    """Return the effects by the method reported and by others (columns as `COLUMNS`)."""
    reported, scale = prepared.choice.method, prepared.choice.scale
    own = effect_table(prepared, fitted, bends=False).assign(method=f"{reported} (reported)")
    tables = [own[list(COLUMNS)]]
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
        settings = replace(prepared.settings, method=method, **changes)
        choice = replace(prepared.choice, method=method)
        other = replace(prepared, settings=settings, choice=choice)
        name = f"{method} (phi at its maximum)" if changes else method
        try:
            table = effect_table(other, estimate(other), bends=False)
        except NotEstimableError as error:
            refused = replace(choice, status="refused", reason=str(error))
            table = effect_table(replace(other, choice=refused), None)
        tables.append(table.assign(method=name)[list(COLUMNS)])
    return pd.concat(tables, ignore_index=True)
