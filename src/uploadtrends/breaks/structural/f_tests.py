"""Chow's test at a stated date, and sup-F, ave-F, exp-F over all dates."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc

from uploadtrends.arrays import Array
from uploadtrends.breaks.structural.hansen import MAXIMUM_REGRESSORS, hansen_p_value
from uploadtrends.breaks.structural.outcome import StructuralTest
from uploadtrends.breaks.structural.regression import (
    andrews_covariance,
    least_squares,
    refuse_without_error,
    response_and_design,
)
from uploadtrends.brief import p_text
from uploadtrends.errors import InputError
from uploadtrends.result import Call
from uploadtrends.series.grid import frequency, period_of, stamp

Covariance = Literal["ols", "hac"]


def chow(
    series: pd.Series,
    date: str | dt.date | pd.Timestamp,
    *,
    regressors: Any = "constant",
    covariance: Covariance = "ols",
) -> StructuralTest:
    """Test for a break at a date that was stated beforehand (Chow 1960).

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods, n of them.
    date : date-like
        Falls into the first period of the new regime.
    regressors : {"constant", "trend"} or pandas.DataFrame
        What may change, k columns.
    covariance : {"ols", "hac"}
        ``"ols"``: F test with k and n - 2k degrees of freedom. ``"hac"``: Wald test (chi-squared)
        with the covariance of `andrews_covariance`, for autocorrelated errors.

    Raises
    ------
    InputError
        If the date lies outside the series or leaves too few periods on one side.
    """
    call = Call.of(locals(), series, function="chow")
    regular, design = response_and_design(series, regressors)
    index = pd.DatetimeIndex(regular.index)
    place = period_of(index, date)
    n, k = design.shape
    if place is None or not k < place < n - k:
        raise InputError(
            "the date leaves too few periods on one side", value=str(date), fix="choose another"
        )
    response = regular.to_numpy()
    value = float(_wald(response, design, np.array([place]), covariance)[0])
    if covariance == "ols":
        value /= k
        p = float(fdtrc(k, n - 2 * k, value))
    else:
        p = float(chdtrc(k, value))
    when = stamp(index[place], frequency(index))
    return StructuralTest(
        name="Chow",
        statistic=value,
        p=p,
        date=index[place],
        path=pd.Series([value], index=[index[place]], name="F"),
        sentence=f"a break with new regime from {when}: {_letter(covariance)} = {value:.4g}, "
        f"{p_text(p)}",
        call=call,
    )


def sup_f(series: pd.Series, **options: Any) -> StructuralTest:
    """Test for one break at an unknown date by the largest F statistic (Andrews 1993).

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods.
    regressors : {"constant", "trend"} or pandas.DataFrame, default "constant"
    trim : float, default .15
        Share of the periods at either end without candidate dates.
    start, end : float, int or date-like, optional
        First and last candidate instead: as a share of the periods, as the number of periods in
        the old regime, or as the first date of the new one.
    covariance : {"ols", "hac"}, default "ols"

    Returns
    -------
    StructuralTest
        p-value of Hansen (1997); `path` holds the F statistics (in the form "k times F").

    Raises
    ------
    InputError
        If the series is too short or an option cannot be used.
    """
    return over_dates("sup", series, **options)


def ave_f(series: pd.Series, **options: Any) -> StructuralTest:
    """Test for one break at an unknown date by the mean F statistic (Andrews & Ploberger 1994).

    Parameters, result and errors as for `sup_f`.
    """
    return over_dates("ave", series, **options)


def exp_f(series: pd.Series, **options: Any) -> StructuralTest:
    """Test for one break at an unknown date by the exponential mean (Andrews & Ploberger 1994).

    Parameters, result and errors as for `sup_f`.
    """
    return over_dates("exp", series, **options)


def over_dates(
    kind: str,
    series: pd.Series,
    *,
    regressors: Any = "constant",
    trim: float = 0.15,
    start: float | str | dt.date | None = None,
    end: float | str | dt.date | None = None,
    covariance: Covariance = "ols",
) -> StructuralTest:
    """Test for one break at an unknown date; `kind` is sup, ave or exp, the rest as `sup_f`."""
    call = Call.of(locals(), series, function=f"{kind}_f")
    regular, design = response_and_design(series, regressors)
    index = pd.DatetimeIndex(regular.index)
    n, k = design.shape
    if not 0.0 < trim < 0.5:
        raise InputError("trim must lie in (0, .5)", column="trim", value=trim, fix="use .15")
    first = _periods(trim if start is None else start, "start", index)
    last = n - first if end is None else _periods(end, "end", index)
    first, last = max(first, k + 1), min(last, n - k - 1)
    if last < first:
        raise InputError(
            "too short for a test over dates",
            value=f"{n} periods, candidate dates {first} to {last}",
            fix="choose an earlier start, a later end, or fewer regressors",
        )
    places = np.arange(first, last + 1)
    path = _wald(regular.to_numpy(), design, places, covariance)
    if kind == "exp":
        value = float(np.logaddexp.reduce(path / 2.0) - np.log(len(path)))
    else:
        value = float(path.max() if kind == "sup" else path.mean())
    p, source = float("nan"), f"no p-value is tabulated beyond {MAXIMUM_REGRESSORS} regressors"
    if k <= MAXIMUM_REGRESSORS:
        p = hansen_p_value(kind, value, k, (n - first) * last / (first * (n - last)))
        source = f"{p_text(p)} (Hansen 1997)"
    peak = index[places[int(np.argmax(path))]]
    return StructuralTest(
        name=f"{kind}-F",
        statistic=value,
        p=p,
        date=peak,
        path=pd.Series(path, index=index[places], name="F"),
        sentence=f"one break at an unknown date: {kind}{_letter(covariance)} = {value:.4g}, "
        f"{source}; new regime most likely from {stamp(peak, frequency(index))}",
        call=call,
    )


def _periods(where: Any, name: str, index: pd.DatetimeIndex) -> int:
    """Return how many periods lie before a new regime: a share, a number, or its first date."""
    if isinstance(where, int | float) and not isinstance(where, bool):
        found = int(np.floor(where * len(index))) if where < 1 else int(where)
        if found < 1 or found >= len(index):
            raise InputError("outside the series", column=name, value=where, fix="use .15")
        return found
    place = period_of(index, where)
    if place is None:
        raise InputError("outside the series", column=name, value=str(where), fix="use .15")
    return place


def _wald(response: Array, design: Array, places: Array, covariance: str) -> Array:
    """Return the Wald form (k times F) of "no break at p" for every place p."""
    n, k = design.shape
    _, residuals = least_squares(response, design)
    refuse_without_error(response, residuals)
    if covariance == "hac":
        return np.array([_robust_wald(response, design, int(place)) for place in places])
    if covariance != "ols":
        raise InputError("unknown covariance", value=covariance, fix='use "ols" or "hac"')
    # Residuals and an orthonormal basis leave the statistic as it is and keep its digits.
    basis = np.linalg.qr(design)[0] * np.sqrt(n)
    gram = np.cumsum(basis[:, :, None] * basis[:, None, :], axis=0)
    moment = np.cumsum(basis * residuals[:, None], axis=0)
    square = float(residuals @ residuals)
    left, right = gram[places - 1], gram[-1] - gram[places - 1]
    at, after = moment[places - 1], moment[-1] - moment[places - 1]
    explained = _quadratic(left, at) + _quadratic(right, after)
    split = np.maximum(square - explained, 1e-12 * square)
    statistics: Array = (square - split) / (split / (n - 2 * k))
    return statistics


def _quadratic(gram: Array, moment: Array) -> Array:
    solved = np.linalg.solve(gram, moment[..., None])[..., 0]
    product: Array = np.einsum("ij,ij->i", moment, solved)
    return product


def _robust_wald(response: Array, design: Array, place: int) -> float:
    k = design.shape[1]
    after = design * (np.arange(len(design)) >= place)[:, None]
    both = np.hstack([design, after])
    coefficients, residuals = least_squares(response, both)
    change = coefficients[k:]
    return float(change @ np.linalg.solve(andrews_covariance(both, residuals)[k:, k:], change))


def _letter(covariance: str) -> str:
    return "F" if covariance == "ols" else "Wald"
