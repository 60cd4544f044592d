"""Means and bands of single periods in the unit of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.preparation import Prepared
from uploadtrends.models.units import mean_factor, untreated


def expected(prepared: Prepared, estimate: Estimate, matrix: Array, first: int = 0) -> pd.DataFrame:
    """Return what is expected of each period under a design, with a band for a single value.

    The band carries the uncertainty of the coefficients and the error of one period; it is not
    conditional on the errors of the periods before.

    Parameters
    ----------
    prepared : Prepared
        On a grid of N periods.
    estimate : Estimate
    matrix : array (N, k)
        The design with or without the events' effects.
    first : int
        Position of the first period that is wanted.

    Returns
    -------
    pandas.DataFrame
        estimate, low, high in the unit of the data, one row a period from `first` on; NaN where a
        covariate is missing.
    """
    rows, offset, wander = untreated(prepared, estimate)
    rows = (rows + matrix - prepared.design.counterfactual)[first:]
    offset = offset[first:]
    known = np.isfinite(rows).all(axis=1) & np.isfinite(offset)
    table = pd.DataFrame(
        np.nan, index=prepared.observed.index[first:], columns=["estimate", "low", "high"]
    )
    rows, offset = rows[known], offset[known]
    middle = rows @ estimate.mean + offset
    if prepared.choice.scale == "counts":
        low, high = _counts(prepared, estimate, rows, offset)
    else:
        extra = np.broadcast_to(estimate.sigma**2, (len(rows), estimate.sigma.size))
        if prepared.spread is not None:
            extra = extra * prepared.spread[first:][known][:, None] ** 2
        if wander is not None:
            extra = extra + np.diag(wander)[first:][known][:, None]
        band = estimate.contrast(rows, prepared.settings.confidence, extra_variance=extra)
        low, high = band.low + offset, band.high + offset
    if prepared.choice.scale == "log":
        low, high = np.exp(low), np.exp(high)
    if prepared.choice.scale != "level":
        middle = mean_factor(prepared, estimate) * np.exp(middle)
    table.loc[known] = np.column_stack([middle, low, high])
    return table


def _counts(
    prepared: Prepared, estimate: Estimate, rows: Array, offset: Array
) -> tuple[Array, Array]:
    """Return quantiles of gamma-Poisson draws whose variance is a mu + b mu**2."""
    beta, _ = estimate.draws
    mean = np.exp(np.minimum(beta @ rows.T + offset, 30.0))
    linear = estimate.extra.get("dispersion", 1.0)
    square = estimate.extra.get("latent_variance", 0.0)
    excess = np.maximum((linear - 1) * mean + square * mean**2, 1e-9 * mean)
    rng = np.random.default_rng(20220822)
    shape = mean**2 / excess
    drawn = rng.poisson(rng.gamma(shape, mean / shape))
    tail = (1 - prepared.settings.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return low, high
