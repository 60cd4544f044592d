"""The same question put to other estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from uploadtrends.errors import NotEstimableError
from uploadtrends.models.effects import effect_table
from uploadtrends.models.estimators import estimate
from uploadtrends.models.noise import LEAST_POINTS

if TYPE_CHECKING:
    from uploadtrends.models.fitting import Fit

COLUMNS = ("method", "event", "term", "estimate", "se", "low", "high", "p", "status", "reason")


def sensitivity_table(fit: Fit) -> pd.DataFrame:
    """Return the effects of a fit by its own and by other methods (columns as `COLUMNS`)."""
    own = fit.effects.assign(method=f"{fit.method} (reported)")
    tables = [own[list(COLUMNS)]]
    others: list[tuple[str, dict[str, Any]]]
    n = int(fit.prepared.design.used.sum())
    if fit.estimate is None:
        return tables[0]
    if fit.scale == "counts":
        others = [("quasi-poisson", {}), ("negative-binomial", {})]
    else:
        others = [("ols-hac", {}), ("reml-ar1", {"phi": "maximum"})]
        if n >= LEAST_POINTS:
            others.append(("ar1-plus-noise", {}))
    for method, changes in others:
        if method == fit.method and not changes:
            continue
        settings = replace(fit.prepared.settings, method=method, **changes)
        choice = replace(fit.prepared.choice, method=method)
        prepared = replace(fit.prepared, settings=settings, choice=choice)
        name = f"{method} (phi at its maximum)" if changes else method
        try:
            table = effect_table(prepared, estimate(prepared))
        except NotEstimableError as error:
            refused = replace(choice, status="refused", reason=str(error))
            table = effect_table(replace(prepared, choice=refused), None)
        tables.append(table.assign(method=name)[list(COLUMNS)])
    return pd.concat(tables, ignore_index=True)
