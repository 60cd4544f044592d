"""Fluctuation tests: does a regression stay the same while its estimates or errors accumulate?

Recursive and least-squares residuals (CUSUM, MOSUM), recursive and moving estimates (RE, ME), and
scores of a least-squares or Poisson regression (Brown, Durbin & Evans 1975; Ploberger & Kramer
1992; Chu, Hornik & Kuan 1995; Zeileis & Hornik 2007). Conventions of R package strucchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.breaks.structural.hansen import hansen_p_value
from uploadtrends.breaks.structural.limits import (
    Functional,
    Limit,
    critical_value,
    fluctuation_p_value,
)
from uploadtrends.breaks.structural.outcome import StructuralTest
from uploadtrends.breaks.structural.regression import (
    hac_meat,
    least_squares,
    long_run_variance,
    refuse_without_error,
    response_and_design,
)
from uploadtrends.brief import p_text
from uploadtrends.errors import InputError
from uploadtrends.result import Call
from uploadtrends.series.grid import frequency, stamp

FluctuationType = Literal[
    "Rec-CUSUM",
    "OLS-CUSUM",
    "Rec-MOSUM",
    "OLS-MOSUM",
    "RE",
    "ME",
    "Score-CUSUM",
    "Score-MOSUM",
    "Poisson-CUSUM",
    "Poisson-MOSUM",
]
TYPES: tuple[FluctuationType, ...] = get_args(FluctuationType)


@dataclass(frozen=True)
class Process:
    """An empirical fluctuation process.

    Attributes
    ----------
    values : array of shape (m, k)
        CUSUM types and RE begin with the row of zeros at time 0.
    limit : str
        Limiting process; "increments" for moving windows.
    first : int
        Number of periods that the first row has used.
    width : int
        Periods in a moving window; 0 where there is none.
    """

    values: Array
    limit: Limit
    first: int
    width: int = 0

    @property
    def moving(self) -> bool:
        """Whether the process looks through a moving window."""
        return self.width > 0


def fluctuation(
    series: pd.Series,
    kind: FluctuationType = "OLS-CUSUM",
    *,
    regressors: Any = "constant",
    covariance: str = "ols",
    window: float = 0.15,
    functional: Functional | Literal["sup-lm"] = "max",
    root_boundary: bool = False,
    trim: float = 0.15,
    level: float = 0.05,
) -> StructuralTest:
    """Test whether a regression is the same throughout by its empirical fluctuation process.

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods, n of them.
    kind : str
        ``"Rec-CUSUM"``, ``"OLS-CUSUM"`` (cumulated recursive or least-squares residuals),
        ``"Rec-MOSUM"``, ``"OLS-MOSUM"`` (their moving sums), ``"RE"``, ``"ME"`` (recursive and
        moving estimates), ``"Score-CUSUM"``, ``"Score-MOSUM"`` (scores of coefficients and
        variance), ``"Poisson-CUSUM"``, ``"Poisson-MOSUM"`` (scores of a Poisson regression).
    regressors : {"constant", "trend"} or pandas.DataFrame
        k columns.
    covariance : {"ols", "hac"}
        ``"hac"``: long-run variance of the errors (residual types) or of the scores (score types).
    window : float
        Share of the periods in a moving window.
    functional : {"max", "range", "max-l2", "mean-l2", "sup-lm"}
        What is made of the process; ``"sup-lm"`` (Andrews 1993) for scores.
    root_boundary : bool
        CUSUM types: boundary proportional to the standard deviation of the process.
    trim : float
        For ``"sup-lm"``: share of the periods at either end that is left out.
    level : float
        For the boundary that is drawn.

    Raises
    ------
    InputError
        If an argument or the data cannot be used.
    """
    call = Call.of(locals(), series, function="fluctuation")
    if kind not in TYPES:
        raise InputError("unknown test", column="test", value=kind, fix=f"use {', '.join(TYPES)}")
    if not 0.0 < window < 1.0:
        raise InputError("the window is a share of the periods", column="window", value=window)
    regular, design = response_and_design(series, regressors)
    response = regular.to_numpy()
    refuse_without_error(response, least_squares(response, design)[1])
    process = process_of(response, design, kind, covariance, window)
    value, p, shown = _judge(process, functional, root_boundary, window, trim)
    index = pd.DatetimeIndex(regular.index)
    place = process.first + int(np.argmax(np.abs(shown).max(axis=1)))
    if process.moving:  # the middle of the window
        place = place - process.width + process.width // 2
    date = index[min(max(place, 0), len(index) - 1)]
    ends = index[np.clip(process.first - 1 + np.arange(len(process.values)), 0, None)]
    path = pd.Series(np.abs(process.values).max(axis=1), index=ends, name=kind.lower())
    if process.values.shape[1] == 1:
        path = pd.Series(process.values[:, 0], index=ends, name=kind.lower())
    return StructuralTest(
        name=kind,
        statistic=value,
        p=p,
        date=date,
        path=path,
        boundary=_boundary(process, functional, root_boundary, window, level, ends),
        sentence=(
            f"{kind}, {functional}: {value:.4g}, {p_text(p)}; furthest from a stable regression "
            f"at {stamp(date, frequency(index))}"
        ),
        call=call,
    )


def process_of(
    response: Array, design: Array, kind: str, covariance: str, window: float
) -> Process:
    """Return the empirical fluctuation process of a regression."""
    if covariance not in ("ols", "hac"):
        raise InputError("unknown covariance", value=covariance, fix='use "ols" or "hac"')
    n, k = design.shape
    if kind.startswith("Rec"):
        return _recursive(response, design, kind.endswith("MOSUM"), covariance, window)
    if kind in ("RE", "ME"):
        return _estimates(response, design, kind == "ME", window)
    if kind.startswith("OLS"):
        _, residuals = least_squares(response, design)
        scale = _deviation(residuals, n - k, covariance) * np.sqrt(n)
        process = _cumulated(residuals[:, None]) / scale
    else:
        scores = _scores(response, design, kind)
        steers = ~np.all(np.isclose(design, 1.0), axis=0)
        if covariance == "hac":
            if scores.shape[1] > k:
                steers = np.append(steers, True)
            middle = hac_meat(scores, steers)
        else:
            middle = scores.T @ scores / n
        process = _cumulated(scores) / np.sqrt(n) @ np.linalg.inv(matrix_root(middle))
    if kind.endswith("CUSUM"):
        return Process(process, "bridge", 0)
    width = int(np.floor(n * window))
    return Process(process[width:] - process[: n - width + 1], "bridge increments", width, width)


def _cumulated(values: Array) -> Array:
    return np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _deviation(values: Array, free: int, covariance: str) -> float:
    centred = values - values.mean()
    if covariance == "ols":
        return float(np.sqrt(centred @ centred / free))
    return float(np.sqrt(long_run_variance(values) * len(values) / free))


def recursive_residuals(response: Array, design: Array) -> Array:
    """Return the n - k standardised one-step forecast errors (Brown, Durbin & Evans 1975)."""
    n, k = design.shape
    found = []
    for t in range(k, n):
        past = design[:t]
        coefficients, _ = least_squares(response[:t], past)
        root = np.linalg.lstsq(past.T @ past, design[t], rcond=None)[0]
        error = response[t] - design[t] @ coefficients
        found.append(error / np.sqrt(1.0 + design[t] @ root))
    return np.array(found)


def _recursive(
    response: Array, design: Array, moving: bool, covariance: str, window: float
) -> Process:
    n, k = design.shape
    errors = recursive_residuals(response, design)
    m = n - k
    if not moving:
        scale = _deviation(errors, m - 1, covariance) * np.sqrt(m)
        return Process(_cumulated(errors[:, None]) / scale, "motion", k)
    width = int(np.floor(m * window))
    sums = _cumulated(errors[:, None]) / (_deviation(errors, m - k, covariance) * np.sqrt(m))
    return Process(sums[width:] - sums[: m - width + 1], "motion increments", k + width, width)


def _estimates(response: Array, design: Array, moving: bool, window: float) -> Process:
    n, k = design.shape
    whole, residuals = least_squares(response, design)
    deviation = _deviation(residuals, n - k, "ols")
    width = int(np.floor(n * window)) if moving else 0
    spans = (
        [(start, start + width) for start in range(n - width + 1)]
        if moving
        else [(0, end) for end in range(k, n)]
    )
    rows = []
    for start, end in spans:
        part = design[start:end]
        local, _ = least_squares(response[start:end], part)
        # The root of X'X times the change of estimates, scaled as a bridge.
        root = matrix_root(part.T @ part / (end - start)) / deviation
        rows.append(root @ (local - whole) * (end - start) / np.sqrt(n))
    if moving:
        return Process(np.array(rows), "bridge increments", width, width)
    # At the start and the end of the sample nothing can differ.
    values = np.vstack([np.zeros((1, k)), rows, np.zeros((1, k))])
    return Process(values, "bridge", k - 1)


def _scores(response: Array, design: Array, kind: str) -> Array:
    if kind.startswith("Score"):
        _, residuals = least_squares(response, design)
        size = float(np.sqrt(residuals @ residuals / len(residuals)))
        # As in R, units change a little: scores of the variance grow with their square. Beyond
        # what numbers of a computer hold of both, errors are measured in their own size.
        residuals = residuals / (1.0 if 1e-4 < size < 1e4 else size)
        variance = float(residuals @ residuals) / len(residuals)
        return np.column_stack([design * residuals[:, None], residuals**2 - variance])
    if (response < 0).any() or (response != np.round(response)).any():
        raise InputError(
            "a Poisson test needs counts",
            value=float(response[(response < 0) | (response != np.round(response))][0]),
            fix='use "Score-CUSUM" or another test',
        )
    coefficients = poisson_coefficients(response, design)
    scores: Array = design * (response - np.exp(design @ coefficients))[:, None]
    return scores


def poisson_coefficients(response: Array, design: Array) -> Array:
    """Return the coefficients of a Poisson regression with log link (Newton's method)."""
    basis, triangle = np.linalg.qr(design)
    start = np.log(response + 0.1 * max(float(response.mean()), 1.0))
    found = basis.T @ start
    for _ in range(100):
        rate = np.exp(basis @ found)
        step = np.linalg.solve((basis * rate[:, None]).T @ basis, basis.T @ (response - rate))
        found = found + step
        if float(np.abs(step).max()) < 1e-12 * (1.0 + float(np.abs(found).max())):
            break
    return np.asarray(np.linalg.solve(triangle, found))


def matrix_root(matrix: Array) -> Array:
    """Return the symmetric square root of a positive semidefinite matrix."""
    spectrum, vectors = np.linalg.eigh(matrix)
    root: Array = vectors * np.sqrt(np.maximum(spectrum, 0.0)) @ vectors.T
    return root


def _judge(
    process: Process, functional: str, root_boundary: bool, window: float, trim: float
) -> tuple[float, float, Array]:
    """Return statistic, p-value, and the process as judged (for the date)."""
    values = process.values
    k = values.shape[1]
    if functional == "sup-lm":
        return _sup_lm(process, trim)
    cumulated = not process.moving
    inner = values[1:] if cumulated else values
    time = np.arange(1, len(inner) + 1) / len(inner)
    if cumulated and root_boundary:
        inner = _over_root(inner, time, process.limit)
    elif process.limit == "motion":
        inner = inner / (1.0 + 2.0 * time)[:, None]
    if functional == "max":
        value = float(np.abs(inner).max())
    elif functional == "range":
        value = float(np.ptp(inner, axis=0).max())
    else:
        square = (inner**2).sum(axis=1)
        value = float(square.max() if functional == "max-l2" else square.mean())
    _known_functional(functional, process, root_boundary)
    p = fluctuation_p_value(
        value,
        process.limit,
        functional=functional,  # type: ignore[arg-type]
        processes=k,
        window=window,
        root_boundary=root_boundary,
    )
    shown = np.vstack([np.zeros((1, k)), inner]) if cumulated else inner
    return value, p, shown


def _over_root(inner: Array, time: Array, limit: str) -> Array:
    """Divide by the standard deviation of the limit; the ends, where it vanishes, count nothing."""
    spread = np.sqrt(time * (1.0 - time)) if limit == "bridge" else np.sqrt(time)
    trim = max(round(len(inner) * 0.001), 1)
    kept = np.zeros(len(inner), dtype=bool)
    kept[trim : len(inner) - trim] = True
    if limit == "motion":
        kept[trim - 1 :] = True
    shown: Array = np.where(kept[:, None], inner / np.where(kept, spread, 1.0)[:, None], 0.0)
    return shown


def _known_functional(functional: str, process: Process, root_boundary: bool) -> None:
    allowed = {
        "motion": ("max",),
        "motion increments": ("max",),
        "bridge": ("max", "range", "max-l2", "mean-l2"),
        "bridge increments": ("max", "range"),
    }[process.limit]
    if functional not in allowed:
        raise InputError(
            "this functional has no p-value for this test",
            column="functional",
            value=functional,
            fix=f"use {', '.join(allowed)}",
        )
    if root_boundary and (process.moving or functional != "max"):
        raise InputError(
            "the root boundary goes with cumulated processes and their maximum",
            column="root_boundary",
            value=root_boundary,
        )


def _sup_lm(process: Process, trim: float) -> tuple[float, float, Array]:
    if process.limit != "bridge":
        raise InputError("sup-LM needs a cumulated process", value=process.limit)
    inner = process.values[1:]
    n, k = inner.shape
    first, last = int(np.floor(trim * n)), int(np.floor((1.0 - trim) * n))
    time = np.arange(1, n + 1) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        path = (inner**2).sum(axis=1) / (time * (1.0 - time))
    value = float(path[first - 1 : last].max())
    shown = np.zeros((n + 1, 1))
    shown[first : last + 1, 0] = path[first - 1 : last]
    return value, hansen_p_value("sup", value, k, ((1.0 - trim) / trim) ** 2), shown


def _boundary(
    process: Process,
    functional: str,
    root_boundary: bool,
    window: float,
    level: float,
    ends: pd.DatetimeIndex,
) -> pd.Series | None:
    """Return what the absolute process may not cross at this level, where that is a line."""
    if functional != "max" or root_boundary:
        return None
    k = process.values.shape[1]
    critical = critical_value(level, process.limit, processes=k, window=window)
    shape = np.ones(len(ends))
    if process.limit == "motion":
        shape = 1.0 + 2.0 * np.arange(len(ends)) / (len(ends) - 1)
    return pd.Series(critical * shape, index=ends, name="boundary")
