"""Descriptive segmentations: a cost, a price per change, the best cut. No claim about chance."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.breaks.bootstrap import bootstrap_dates
from uploadtrends.breaks.costs import MeanCost, SegmentCost, cost_named
from uploadtrends.breaks.counts import count_date_posterior
from uploadtrends.breaks.functional import mean_partition
from uploadtrends.breaks.likelihood.posterior import Posterior, date_posterior
from uploadtrends.breaks.partition import (
    best_split,
    binary_partition,
    errors_of,
    exact_partition,
    partitions_by_number,
)
from uploadtrends.breaks.penalties import PenaltyPath, penalty_steps, penalty_value
from uploadtrends.breaks.regime_fit import Cut, Regimes, regime_levels
from uploadtrends.errors import InputError
from uploadtrends.result import Call
from uploadtrends.series.grid import as_regular_series

Search = Literal["pelt", "exact", "binary", "one", "number"]
COMPILED = 2000
"""Length up to which quadratic time in compiled code is the shorter."""


def segment(
    values: Array,
    *,
    cost: Any = "mean",
    penalty: str | float = "mbic",
    search: Search = "pelt",
    min_size: int | None = None,
    most: int = 5,
) -> list[int]:
    """Return the change positions of a plain array, as R package changepoint would find them.

    Parameters
    ----------
    values : array of shape (n,)
        Without gaps. Costs that take the variance as known see it standardised.
    cost : str or cost object
        See `uploadtrends.breaks.costs`.
    penalty : {"mbic", "bic"} or float
    search : {"pelt", "exact", "binary", "one", "number"}
        R's PELT, BinSeg, AMOC and SegNeigh are ``"pelt"``, ``"binary"``, ``"one"`` and
        ``"number"`` (the best segmentation for each number of changes, priced afterwards). PELT
        is exact but for ``"mbic"``, where pricing lengths breaks the condition of its pruning;
        ``"exact"`` prunes less and always finds the optimum.
    min_size : int, optional
        Shortest segment; the cost's own minimum by default.
    most : int
        Largest number of changes of ``"binary"``, one more than that of ``"number"`` (R's Q).

    Returns
    -------
    list of int
        First positions of the new regimes, ascending.
    """
    values = np.asarray(values, dtype=np.float64)
    chosen = cost_named(cost)
    minimum = max(chosen.min_size, min_size or 1)
    n = len(values)
    if n < 2 * minimum:
        return []
    price, by_length = penalty_value(penalty, n, getattr(chosen, "n_parameters", 1))
    scaled = _scaled(values, chosen)
    if type(chosen) is MeanCost and search in ("pelt", "exact") and not by_length:
        if n <= COMPILED and minimum == 1:
            return _compiled(scaled, price)
        return mean_partition(scaled, price, minimum)
    chosen.fit(scaled)
    errors = errors_of(chosen, by_length)
    if search in ("pelt", "exact"):
        slack = _slack(chosen, by_length and search == "exact", n)
        return exact_partition(errors, n, price, minimum, slack=slack)
    if search == "binary":
        return binary_partition(errors, n, price, minimum, most)
    if search == "one":
        place, saved = best_split(errors_of(chosen), 0, n, minimum)
        if by_length:  # as R prices the two lengths of a single change, and not that of none
            saved -= float(np.log(place) + np.log(n - place + 1))
        return [place] if saved >= price else []
    if search == "number":
        found = partitions_by_number(errors, n, minimum, most - 1)
        totals = [total + price * len(changes) for changes, total in found]
        return found[int(np.argmin(totals))][0]
    raise InputError(
        "unknown search",
        column="search",
        value=search,
        fix="use pelt, exact, binary, one or number",
    )


def _compiled(scaled: Array, price: float) -> list[int]:
    """Search with ruptures' compiled kernel search (with a shortest segment it is not exact)."""
    import ruptures

    engine = ruptures.KernelCPD(kernel="linear", min_size=1, jump=1)
    ends = engine.fit(scaled.reshape(-1, 1)).predict(pen=max(price, 1e-300))
    return [int(end) for end in ends[:-1]]


def penalty_path(
    series: pd.Series,
    *,
    cost: Any = "mean",
    low: float | None = None,
    high: float | None = None,
    min_size: int | None = None,
    standardise: bool = True,
) -> PenaltyPath:
    """Return every optimal segmentation over a range of penalties (CROPS, Haynes et al. 2017).

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods, n of them.
    cost : str or cost object
    low, high : float, optional
        Range of penalties; log n to n by default.
    min_size : int, optional
    standardise : bool
        Whether costs with a known variance see the series standardised (False: variance 1 as is).

    Raises
    ------
    InputError
        If a period is missing or an argument cannot be used.
    """
    call = Call.of(locals(), series, function="penalty_path")
    regular = as_regular_series(series)
    if regular.isna().any():
        raise InputError(
            "a penalty path needs every period",
            value=str(regular.index[regular.isna()][0].date()),
            fix="fill the gap first",
        )
    values = regular.to_numpy()
    chosen = cost_named(cost)
    n = len(values)
    chosen.fit(_scaled(values, chosen) if standardise else values)
    steps = penalty_steps(
        errors_of(chosen),
        n,
        float(np.log(n)) if low is None else low,
        float(n) if high is None else high,
        max(chosen.min_size, min_size or 1),
    )
    return PenaltyPath(steps, regular.index, call)


def descriptive_regimes(
    values: Array, *, cost: Any, penalty: str | float, minimum: int | None, seed: int
) -> Regimes:
    """Segment a gap-free series, with levels and a distribution for every date.

    Dates of Gaussian changes of mean or line get the AR(1) posterior of `date_posterior`; those of
    counts the conjugate posterior; all others a block bootstrap.
    """
    chosen = cost_named(cost)
    shortest = max(chosen.min_size, minimum or 1)
    n = len(values)
    if n < 2 * shortest:
        positions = []
    elif penalty == "crops":
        chosen.fit(_scaled(values, chosen))
        steps = penalty_steps(errors_of(chosen), n, float(np.log(n)), float(n), shortest)
        path = PenaltyPath(steps, pd.RangeIndex(n), Call.of({}, function="penalty_path"))
        positions = list(path.widest.changes)
    else:
        positions = segment(values, cost=chosen, penalty=penalty, min_size=shortest)
    return described(values, positions, chosen, shortest, seed)


def described(values: Array, positions: list[int], cost: Any, minimum: int, seed: int) -> Regimes:
    """Return levels and a distribution for every date of a segmentation found by any search."""
    n, name = len(values), getattr(cost, "model", "")
    bounds = [0, *positions, n]
    fitted, slopes = regime_levels(values, np.arange(n), positions, end=n, trend=name == "linear")
    cuts = []
    for i, place in enumerate(positions):
        dates = _date_distribution(values, cost, name, bounds[i : i + 3], minimum, seed + i)
        before, after = float(fitted[place - 1]), float(fitted[place])
        cuts.append(Cut(place, np.nan, dates, before, after, slopes[i], slopes[i + 1]))
    return Regimes(
        cuts=tuple(cuts),
        further=(),
        fitted=fitted,
        p=np.nan,
        label="",
        autocorrelation=np.nan,
        null="",
        best=None,
    )


def _slack(cost: Any, by_length: bool, n: int) -> float:
    if not isinstance(cost, SegmentCost):
        return np.inf  # nothing is known of a stranger's cost
    return float(np.log(n)) if by_length else 0.0


def _scaled(values: Array, cost: Any) -> Array:
    if not getattr(cost, "standardise", False):
        return values
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    centred: Array = values - values.mean()
    return centred / spread if spread > 0.0 else centred


def _date_distribution(
    values: Array, cost: Any, name: str, bounds: list[int], minimum: int, seed: int
) -> Posterior:
    left, date, right = bounds
    if name in ("mean", "linear"):
        return date_posterior(values, date, left, right, trend=name == "linear")
    if name in ("poisson", "negative_binomial"):
        size = getattr(cost, "fitted_size", np.inf)
        return count_date_posterior(values[left:right], size=size, offset=left)
    return bootstrap_dates(values[left:right], date - left, cost, minimum, seed, offset=left)
