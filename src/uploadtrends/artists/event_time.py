"""Event-time effects with common shocks integrated out, and the test of the leads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.artists.design import ArtistDesign, Spec
from uploadtrends.artists.exposure_tests import leads_zero, tested_leads
from uploadtrends.artists.shocks import Series, ShockFit, fixed_contrasts
from uploadtrends.artists.twostep import (
    FEWEST_PER_SIDE,
    Comparison,
    answer_columns,
    comparisons,
    detectable,
    shock_notes,
    smaller_side,
)
from uploadtrends.errors import NotEstimableError


def event_time_tables(
    design: ArtistDesign,
    spec: Spec,
    touched: int,
    leads: int,
    lags: int,
    confidence: float,
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return effects by relative period, the tests of the leads, and notes.

    The shocks are learnt from the periods before the event, as deviations from a straight line:
    what the event or a trend before it moves is no shock.

    Raises
    ------
    NotEstimableError
        With fewer than six periods before the event, or without the one that is the base.
    """
    found, notes = comparisons(design, spec)
    block = design.blocks[0]
    effects: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for comparison in found:
        if (block.id, comparison.name) in design.refused:
            notes.append(f"{comparison.name}: {design.refused[block.id, comparison.name]}")
            continue
        relative = np.clip(comparison.series.position - touched, -leads, lags)
        before = relative < 0
        if before.sum() < FEWEST_PER_SIDE or not (relative == -1).any():
            raise NotEstimableError(
                f"{comparison.name}: {before.sum()} usable periods before the event, at least "
                f"{FEWEST_PER_SIDE} are needed, the last before it among them, to tell a trend "
                "from shocks that all artists share"
            )
        keys, loading = loadings_by_event_time(comparison.series, relative)
        slope = slope_weights(keys)
        fit = _fit(comparison, np.column_stack([loading, loading @ slope]), before)
        place = " and ".join(spec.platforms)
        same = {"platform": place, "group": comparison.name, "event": block.id}
        same["label"] = block.label
        effects += _effects(same, fit, keys, confidence)
        few = smaller_side(design, comparison.labels) - 1
        tests.append(_test(comparison, fit, keys, loading, leads, few, confidence))
        notes += shock_notes(
            comparison, fit, len(keys) - 1, confidence, design, f"{block.label} at {keys[-1]:+d}"
        )
    if not tests:
        raise NotEstimableError("; ".join(notes) or "no comparison is left")
    return pd.DataFrame(effects), pd.DataFrame(tests), tuple(notes)


def loadings_by_event_time(series: Series, relative: NDArray[np.int64]) -> tuple[list[int], Array]:
    """Return the relative periods but the base, and the weights that give their effects."""
    precision = 1 / np.diag(series.working)
    base = (relative == -1).astype(float)
    keys = [int(k) for k in np.unique(relative) if k != -1]
    columns = []
    for k in keys:
        own = np.where(relative == k, precision, 0.0)
        columns.append(own / own.sum() - base)
    return keys, np.column_stack(columns)


def slope_weights(keys: list[int]) -> Array:
    """Return the weights of the least-squares slope through the leads and the base (zero)."""
    time = np.array([*(k for k in keys if k < 0), -1.0])
    weights = (time - time.mean()) / np.sum((time - time.mean()) ** 2)
    slope = np.zeros(len(keys))
    slope[: len(time) - 1] = weights[:-1]
    return slope


def _fit(comparison: Comparison, loading: Array, before: NDArray[np.bool_]) -> ShockFit:
    position = comparison.series.position[before].astype(float)
    line = np.column_stack([np.ones(len(position)), position - position.mean()])
    return fixed_contrasts(comparison.series, loading, before, line, comparison.prior)


def _effects(
    same: dict[str, Any], fit: ShockFit, keys: list[int], confidence: float
) -> list[dict[str, Any]]:
    rows = []
    for k in sorted([*keys, -1]):
        if k == -1:
            answer = answer_columns((0.0, 0.0), 0.0, 0.0, float("nan"))
        else:
            j = keys.index(k)
            answer = answer_columns(fit.moments(j), *fit.interval(j, confidence))
        rows.append(same | {"relative_period": k} | answer)
    return rows


def _test(
    comparison: Comparison,
    fit: ShockFit,
    keys: list[int],
    loading: Array,
    leads: int,
    few: int,
    confidence: float,
) -> dict[str, Any]:
    times = np.array(keys)
    lead = np.flatnonzero(tested_leads(times, leads, few))
    moved = comparison.series.influence @ loading
    alone = leads_zero(times, fit.without[0][: len(keys)], moved.T @ moved, leads, few)
    value, se = fit.moments(len(keys))
    low, high, _ = fit.interval(len(keys), confidence)
    return {
        "group": comparison.name,
        **alone,
        **fit.joint(lead, few),
        "p_without_shocks": alone["p"],
        "slope": value,
        "slope_se": se,
        "minimum_detectable_slope": detectable(low, high, confidence),
    }
