"""Structural models whose trend and season wander, by statsmodels' exact diffuse filter.

For those who come from R's ``StructTS``, bsts or KFAS: ``"local-linear-trend"`` (level and slope
wander, the season stays) and ``"basic-structural"`` (the season wanders, too). The events are
regressors with a diffuse start, so that the likelihood is the restricted one (Harvey 1989; Durbin &
Koopman 2012); variances are plugged in, which makes intervals somewhat short. A trend that wanders
takes up slow changes: what it calls an effect is a break that no wandering of that size explains.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.effects import COLUMNS
from uploadtrends.models.preparation import Prepared
from uploadtrends.series.grid import frequency
from uploadtrends.series.steps import step_of

WANDERING = ("local-linear-trend", "basic-structural")
MOST = 1500
"""Longest span in periods."""


def unobserved(outcome: Array, regressors: Array, level: str, cycle: int | None = None) -> Any:
    """Return statsmodels' fit of a structural model, of its highest likelihood.

    Parameters
    ----------
    outcome : array (n,)
        NaN where missing. Best of about unit size.
    regressors : array (n, k)
        k may be 0.
    level : str
        As statsmodels names it: "local level", "local linear trend".
    cycle : int, optional
        Periods of a stochastic season of dummies.

    Raises
    ------
    NotEstimableError
        If no start leads to a maximum.
    """
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnobservedComponents(
            outcome,
            level=level,
            seasonal=cycle,
            exog=regressors if regressors.shape[1] else None,
            mle_regression=False,
            use_exact_diffuse=True,
        )
        best: Any = None
        # Variances may be zero: the second and third start where the first stopped.
        for method in ("lbfgs", "bfgs", "powell"):
            start = None if best is None else best.params
            try:
                fit = model.fit(start, method=method, disp=False, maxiter=1000, cov_type="none")
            except (ValueError, np.linalg.LinAlgError):
                continue
            if np.isfinite(fit.llf) and (best is None or fit.llf > best.llf):
                best = fit
    if best is None:
        raise NotEstimableError("the likelihood of the structural model could not be maximised")
    return best


def wandering_rows(prepared: Prepared, name: str) -> pd.DataFrame:
    """Return effects of the terms of every block under a model of `WANDERING`, one row each.

    Parameters
    ----------
    prepared : Prepared
        Without a trend, and for ``"basic-structural"`` without seasonal terms.
    name : str

    Raises
    ------
    NotEstimableError
        If the scale is that of counts, the season has no whole number of periods, the series is too
        long, or the likelihood has no maximum.
    """
    design, choice = prepared.design, prepared.choice
    cycle = step_of(frequency(design.index)).cycle
    if choice.status == "refused":
        raise NotEstimableError(choice.reason)
    if choice.scale == "counts":
        raise NotEstimableError("counts have no structural model here; take logarithms")
    if len(design.index) > MOST:
        raise NotEstimableError(f"{len(design.index)} periods are too many, at most {MOST}")
    if name == "basic-structural" and cycle is None:
        raise NotEstimableError("the season has no whole number of periods")
    outcome = np.full(len(design.index), np.nan)
    outcome[design.used] = prepared.y
    unit = float(np.nanstd(outcome))
    x = np.where(design.used[:, None], np.nan_to_num(design.matrix[:, 1:]), 0.0)
    sizes = np.abs(x).max(axis=0)
    fit = unobserved(
        outcome / unit,
        x / sizes,
        "local linear trend",
        cycle if name == "basic-structural" else None,
    )
    k = x.shape[1]
    scale = unit / sizes
    beta = np.asarray(fit.smoothed_state)[-k:, -1] * scale
    covariance = np.asarray(fit.smoothed_state_cov)[-k:, -k:, -1] * np.outer(scale, scale)
    z = ndtri(0.5 + prepared.settings.confidence / 2)
    rows = []
    for block in design.blocks:
        for term, column in design.columns[block.id].items():
            estimate = float(beta[column - 1])
            se = float(np.sqrt(covariance[column - 1, column - 1]))
            ends = np.array([estimate, estimate - z * se, estimate + z * se])
            percent = 100 * np.expm1(ends) if choice.scale == "log" else [np.nan] * 3
            rows.append(
                {
                    "platform": prepared.item.platform,
                    "group": prepared.item.group,
                    "event": block.id,
                    "label": block.label,
                    "term": term,
                    **dict(zip(("estimate", "low", "high"), ends, strict=True)),
                    **dict(
                        zip(("relative", "relative_low", "relative_high"), percent, strict=True)
                    ),
                    "se": se,
                    "p": float(2 * ndtr(-abs(estimate) / se)),
                    "status": "exploratory",
                    "reason": "sensitivity: variances plugged in",
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))
