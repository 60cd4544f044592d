"""Bai & Perron's multiple breaks: exact dynamic programming, choice of number, intervals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.structural.break_interval import break_interval
from uploadtrends.breaks.structural.outcome import BaiPerron
from uploadtrends.breaks.structural.regression import (
    andrews_covariance,
    least_squares,
    response_and_design,
)
from uploadtrends.errors import InputError
from uploadtrends.limits import inside
from uploadtrends.result import Call

MAXIMUM_LENGTH = 4000


def bai_perron(
    series: pd.Series,
    *,
    regressors: Any = "constant",
    min_size: float | int = 0.15,
    max_breaks: int = 5,
    breaks: int | None = None,
    criterion: Literal["bic", "lwz"] = "bic",
    covariance: Literal["ols", "hac"] = "ols",
    confidence: float = 0.95,
) -> BaiPerron:
    """Find the breaks of a regression and intervals for their dates (Bai & Perron 2003).

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods, n of them.
    regressors : {"constant", "trend"} or pandas.DataFrame
        All coefficients change at every break (pure structural change).
    min_size : float or int
        Shortest regime, as a share of n or in periods.
    max_breaks : int
        Largest number of breaks to consider (fewer where they do not fit).
    breaks : int, optional
        Take this many instead of choosing.
    criterion : {"bic", "lwz"}
        BIC (Yao 1988), with every date counted as a parameter, or the stricter criterion of Liu,
        Wu & Zidek (1997).
    covariance : {"ols", "hac"}
        ``"hac"`` lets errors be autocorrelated and heteroscedastic in standard errors and
        intervals; variances differ between regimes in any case.
    confidence : float

    Raises
    ------
    InputError
        If the regimes are too short for the regressors, or `breaks` do not fit.
    """
    call = Call.of(locals(), series, function="bai_perron")
    regular, design = response_and_design(series, regressors)
    response = regular.to_numpy()
    n, k = design.shape
    if n > MAXIMUM_LENGTH:
        raise InputError(
            f"exact search holds n^2 numbers; at most {MAXIMUM_LENGTH:,} periods",
            value=n,
            fix="aggregate to longer periods, or use change_points",
        )
    shortest = int(np.floor(min_size * n)) if min_size < 1 else int(min_size)
    if shortest <= k:
        raise InputError(
            f"a regime must be longer than its {k} coefficients", column="min_size", value=min_size
        )
    inside("confidence", confidence)
    most = n // shortest - 1
    if most < (1 if breaks is None else breaks):
        raise InputError(
            f"{breaks or 1} breaks do not fit with regimes of {shortest} of {n} periods",
            column="min_size",
            value=min_size,
            fix=f"at most {n // ((breaks or 1) + 1)} periods each",
        )
    most = min(most, max_breaks if breaks is None else breaks)
    # Residuals instead of the response: the same partitions, and all their digits.
    rss = _segment_rss(least_squares(response, design)[1], design, shortest)
    partitions, totals = _partitions(rss, n, shortest, most)
    selection = _selection(partitions, totals, n, k, regular.index)
    chosen = int(selection[criterion].to_numpy().argmin()) if breaks is None else breaks
    places = partitions[chosen]
    index = pd.DatetimeIndex(regular.index)
    regimes = _regimes(response, design, places, covariance)
    intervals = tuple(
        _interval(place, before, after, n, index, (1.0 - confidence) / 2.0)
        for place, before, after in zip(places, regimes[:-1], regimes[1:], strict=True)
    )
    names = list(regressors.columns) if isinstance(regressors, pd.DataFrame) else None
    return BaiPerron(
        dates=tuple(index[place] for place in places),
        intervals=intervals,
        coefficients=_coefficients(regimes, places, index, names or ["constant", "trend"][:k]),
        selection=selection,
        confidence=confidence,
        criterion="number given" if breaks is not None else f"number by {criterion.upper()}",
        index=index,
        call=call,
    )


def _segment_rss(response: Array, design: Array, shortest: int) -> Array:
    """Return rss[i, j] of the segment ``[i, j)`` (infinite where too short), shape (n, n + 1)."""
    n, k = design.shape
    # An orthonormal basis keeps the normal equations well conditioned.
    basis = np.linalg.qr(design)[0] * np.sqrt(n)
    gram = np.concatenate(
        [np.zeros((1, k, k)), np.cumsum(basis[:, :, None] * basis[:, None, :], axis=0)]
    )
    moment = np.concatenate([np.zeros((1, k)), np.cumsum(basis * response[:, None], axis=0)])
    square = np.concatenate([[0.0], np.cumsum(response**2)])
    rss = np.full((n, n + 1), np.inf)
    for start in range(n - shortest + 1):
        ends = np.arange(start + shortest, n + 1)
        xx, xy = gram[ends] - gram[start], moment[ends] - moment[start]
        solved = np.linalg.solve(xx, xy[..., None])[..., 0]
        rss[start, ends] = square[ends] - square[start] - np.einsum("ij,ij->i", xy, solved)
    return np.maximum(rss, 0.0)


def _partitions(
    rss: Array, n: int, shortest: int, most: int
) -> tuple[list[list[int]], list[float]]:
    """Return the best break places, and their total, for 0 to `most` breaks."""
    best = rss[0].copy()
    partitions: list[list[int]] = [[]]
    totals = [float(best[n])]
    origins: list[NDArray[np.intp]] = []
    for count in range(1, most + 1):
        table = np.full(n + 1, np.inf)
        origin = np.zeros(n + 1, dtype=np.intp)
        for end in range((count + 1) * shortest, n + 1):
            places = np.arange(count * shortest, end - shortest + 1)
            total = best[places] + rss[places, end]
            origin[end] = places[int(np.argmin(total))]
            table[end] = total.min()
        origins.append(origin)
        best = table
        places_found: list[int] = []
        end = n
        for step in reversed(origins):
            end = int(step[end])
            places_found.append(end)
        partitions.append(places_found[::-1])
        totals.append(float(best[n]))
    return partitions, totals


def _selection(
    partitions: list[list[int]], totals: list[float], n: int, k: int, index: Any
) -> pd.DataFrame:
    rows = []
    for count, (places, rss) in enumerate(zip(partitions, totals, strict=True)):
        rss = max(rss, 1e-12 * totals[0], 1e-300)  # what is left of exact steps is rounding
        mean_square = rss / n
        parameters = (k + 1) * (count + 1)
        free = (count + 1) * k + count
        rows.append(
            {
                "breaks": count,
                "rss": rss,
                "bic": n * (np.log(mean_square) + 1.0 + np.log(2 * np.pi)) + np.log(n) * parameters,
                "lwz": np.log(rss / max(n - free, 1)) + free / n * 0.299 * np.log(n) ** 2.1,
                "dates": tuple(index[place] for place in places),
            }
        )
    return pd.DataFrame(rows)


class _Regime:
    """Least squares in one regime, with the moments that the interval needs."""

    def __init__(self, response: Array, design: Array, covariance: str) -> None:
        n = len(response)
        self.coefficients, residuals = least_squares(response, design)
        self.second_moment = design.T @ design / n
        variance = float(residuals @ residuals) / n
        if covariance == "hac":
            self.covariance = andrews_covariance(design, residuals)
            self.noise = n * self.second_moment @ self.covariance @ self.second_moment
        else:
            self.covariance = variance * np.linalg.inv(self.second_moment) / n
            self.noise = variance * self.second_moment


def _regimes(response: Array, design: Array, places: list[int], covariance: str) -> list[_Regime]:
    if covariance not in ("ols", "hac"):
        raise InputError("unknown covariance", value=covariance, fix='use "ols" or "hac"')
    bounds = [0, *places, len(response)]
    return [_Regime(response[a:b], design[a:b], covariance) for a, b in pairwise(bounds)]


def _interval(
    place: int, before: _Regime, after: _Regime, n: int, index: pd.DatetimeIndex, tail: float
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the interval, cut to the series; the whole series where none can be computed."""
    change = after.coefficients - before.coefficients
    drift, drift_after = (float(change @ r.second_moment @ change) for r in (before, after))
    noise, noise_after = (float(change @ r.noise @ change) for r in (before, after))
    if min(drift, drift_after, noise, noise_after) <= 0.0:
        return index[place], index[place]
    found = break_interval(drift, drift_after, noise / drift, noise_after / drift_after, tail)
    if found is None:
        return index[0], index[-1]
    lower, upper = found
    low = max(place - int(np.ceil(upper)), 0)
    high = min(place - int(np.floor(lower)), n - 1)
    return index[low], index[high]


def _coefficients(
    regimes: list[_Regime], places: list[int], index: pd.DatetimeIndex, names: list[str]
) -> pd.DataFrame:
    bounds = [0, *places, len(index)]
    rows = []
    for regime, (low, high) in zip(regimes, pairwise(bounds), strict=True):
        row: dict[str, Any] = {"start": index[low], "end": index[high - 1]}
        errors = np.sqrt(np.diag(regime.covariance))
        for name, estimate, error in zip(names, regime.coefficients, errors, strict=True):
            row[name], row[f"{name}_se"] = float(estimate), float(error)
        rows.append(row)
    return pd.DataFrame(rows)
