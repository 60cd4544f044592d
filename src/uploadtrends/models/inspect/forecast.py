"""What a fitted model expects of the periods after the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import EventSet
from uploadtrends.limits import whole_number
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.inspect.bands import expected
from uploadtrends.models.preparation import Prepared, prepare_on
from uploadtrends.series.grid import moment, period_ends

COLUMNS = ("estimate", "low", "high", "without", "without_low", "without_high")


def forecast(prepared: Prepared, estimate: Estimate | None, horizon: int) -> pd.DataFrame:
    """Continue the model, with and without the events' effects; see `Fit.predict`."""
    horizon = whole_number("horizon", horizon, 1)
    if estimate is None:
        raise NotEstimableError(f"{prepared.item.name}: refused, {prepared.choice.reason}")
    longer = _continued(prepared, horizon)
    n = len(prepared.observed)
    # Coefficients were estimated on the old grid: the new one may only add rows to it.
    same = longer.design.names == prepared.design.names and np.allclose(
        longer.design.matrix[:n], prepared.design.matrix, equal_nan=True
    )
    if not same:
        raise NotEstimableError(
            "the terms chosen by rule change with the longer span. Fix: state season= and terms="
        )
    parts = [
        expected(longer, estimate, matrix, n)
        for matrix in (longer.design.matrix, longer.design.counterfactual)
    ]
    table = pd.concat(parts, axis=1)
    table.columns = pd.Index(COLUMNS)
    if table["estimate"].isna().any():
        raise InputError(
            "a control, covariate or offset ends before the periods to predict",
            column="horizon",
            value=horizon,
            fix="give series that reach as far, or a shorter horizon",
        )
    return table


def _continued(prepared: Prepared, horizon: int) -> Prepared:
    index = pd.DatetimeIndex(prepared.observed.index)
    longer = pd.date_range(index[0], periods=len(index) + horizon, freq=index.freq)
    values = prepared.observed.reindex(longer)
    values.attrs = dict(prepared.observed.attrs)
    end = period_ends(index)[-1]
    events = EventSet(
        event
        for block in prepared.blocks
        for event in block.events
        if moment(index, event.at or event.start) < end
    )
    item = replace(prepared.item, values=values, instrument=None)
    made = prepare_on(item, events, prepared.settings, prepared.choice.scale)
    spread = prepared.spread
    if spread is not None:
        # The noise of what comes is taken to be as large as that of the last period.
        spread = np.concatenate([spread, np.full(horizon, spread[-1])])
    return replace(made, choice=prepared.choice, spread=spread)
