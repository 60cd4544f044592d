"""Sequential monitoring of a regression: boundaries and processes of R package strucchange.

Chu, Stinchcombe & White (1996, Econometrica 64: 1045-1065); Zeileis, Leisch, Kleiber & Hornik
(2005, J. Applied Econometrics 20: 99-121). The process of recursive estimates is the rescaled one:
R's default divides by the standard deviation twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import scipy
from scipy.special import ndtr

from uploadtrends.arrays import Array
from uploadtrends.breaks.structural.processes import matrix_root
from uploadtrends.breaks.structural.regression import least_squares, long_run_variance
from uploadtrends.errors import InputError

MonitoringType = Literal["OLS-CUSUM", "OLS-MOSUM", "RE", "ME"]
MONITORING_TYPES: tuple[MonitoringType, ...] = ("OLS-CUSUM", "OLS-MOSUM", "RE", "ME")


@dataclass(frozen=True)
class Watched:
    """A monitored regression.

    Attributes
    ----------
    process : array of shape (m, k)
        One row per new period.
    statistic : array of shape (m,)
        What is held against the boundary: for RE and ME the running maximum.
    boundary : array of shape (m,)
    critical : float
    alarm : int or None
        Row of the first period beyond the boundary, counted among the new ones.
    """

    process: Array
    statistic: Array
    boundary: Array
    critical: float
    alarm: int | None


def watch(
    response: Array,
    design: Array,
    history: int,
    kind: MonitoringType = "OLS-CUSUM",
    *,
    level: float = 0.05,
    window: float = 1.0,
    period: float = 10.0,
    functional: Literal["max", "range"] = "max",
    covariance: Literal["ols", "hac"] = "ols",
) -> Watched:
    """Fit a regression to the first `history` rows and watch the rest against a boundary.

    Parameters
    ----------
    response, design : arrays of shape (n,) and (n, k)
    history : int
        Rows without a change.
    kind : {"OLS-CUSUM", "OLS-MOSUM", "RE", "ME"}
    level : float
        False alarms to tolerate, however long one watches (up to `period` for moving windows).
    window : float
        Share of the history in a moving window: .25, .5 or 1.
    period : float
        Moving windows: how long the boundary holds, in lengths of history and new together:
        2, 4, 6, 8 or 10.
    functional : {"max", "range"}
        For ME.
    covariance : {"ols", "hac"}
        ``"hac"``: long-run standard deviation of the residuals of the history.
    """
    n, k = history, design.shape[1]
    coefficients, residuals = least_squares(response[:n], design[:n])
    deviation = float(np.sqrt(residuals @ residuals / (n - k)))
    if covariance == "hac":
        deviation = float(np.sqrt(long_run_variance(residuals) * n / (n - k)))
    scale = max(deviation, 1e-300) * np.sqrt(n)
    width = int(np.floor(window * n))
    errors = response - design @ coefficients
    sums = np.concatenate([[0.0], np.cumsum(errors)])
    times = np.arange(n + 1, len(response) + 1)
    if kind == "OLS-CUSUM":
        process = (sums[times] / scale)[:, None]
    elif kind == "OLS-MOSUM":
        process = ((sums[times] - sums[times - width]) / scale)[:, None]
    elif kind in ("RE", "ME"):
        starts = np.zeros_like(times) if kind == "RE" else times - width
        process = np.array(
            [
                _estimate(response[a:b], design[a:b], coefficients) / scale
                for a, b in zip(starts, times, strict=True)
            ]
        ).reshape(len(times), k)
    else:
        raise InputError(
            "unknown test", column="test", value=kind, fix=f"use {', '.join(MONITORING_TYPES)}"
        )
    elementary = level if kind.startswith("OLS") else level / k
    critical = critical_boundary(
        kind, elementary, window=window, period=period, functional=functional
    )
    statistic = np.abs(process).max(axis=1)
    if kind in ("RE", "ME"):
        statistic = np.maximum.accumulate(statistic)
        if functional == "range" and kind == "ME":
            spread = np.maximum.accumulate(process) - np.minimum.accumulate(process)
            statistic = spread.max(axis=1)
    boundary = critical_shape(kind, times / n, critical)
    beyond = np.flatnonzero(statistic > boundary)
    alarm = int(beyond[0]) if len(beyond) else None
    return Watched(process, statistic, boundary, critical, alarm)


def _estimate(response: Array, design: Array, coefficients: Array) -> Array:
    m = len(response)
    local, _ = least_squares(response, design)
    moved: Array = matrix_root(design.T @ design / m) @ (local - coefficients) * m
    return moved


def critical_shape(kind: str, x: Array, critical: float) -> Array:
    """Return the boundary at times x (1 is the end of the history)."""
    if kind in ("OLS-CUSUM", "RE"):
        shape: Array = np.sqrt(x * (x - 1.0) * (critical**2 + np.log(x / (x - 1.0))))
        return shape
    moving: Array = critical * np.sqrt(2.0 * np.where(x <= np.e, 1.0, np.log(x)))
    return moving


def critical_boundary(
    kind: str, level: float, *, window: float, period: float, functional: str = "max"
) -> float:
    """Return the critical value of a boundary for one process.

    Raises
    ------
    InputError
        If the tables of moving windows do not hold this window, period or level.
    """
    if kind in ("OLS-CUSUM", "RE"):
        return float(
            scipy.optimize.brentq(
                lambda a: 2.0 - 2.0 * (ndtr(a) - a * _density(a)) - level, 1e-9, 10.0, xtol=1e-13
            )
        )
    table = _table()
    key = (functional, float(window), float(period))
    if key not in table:
        windows = sorted({w for _, w, _ in table})
        periods = sorted({p for _, _, p in table})
        raise InputError(
            "no boundary is tabulated for this window and period",
            value=f"window {window:g}, period {period:g}",
            fix=f"windows {windows}, periods {periods}",
        )
    levels, values = table[key]
    if not levels[0] - 1e-12 <= 1.0 - level <= levels[-1] + 1e-12:
        raise InputError(
            "no boundary is tabulated for this level",
            column="level",
            value=level,
            fix="moving windows take .001 to .05 (per coefficient); CUSUM takes any",
        )
    return float(np.interp(1.0 - level, levels, values))


def _density(a: float) -> float:
    return float(np.exp(-0.5 * a * a) / np.sqrt(2.0 * np.pi))


@cache
def _table() -> dict[tuple[str, float, float], tuple[Array, Array]]:
    """Return critical values by functional, window and period, as simulated for strucchange."""
    text = files(__package__).joinpath("monitoring.csv").read_text(encoding="utf-8")
    found: dict[tuple[str, float, float], list[tuple[float, float]]] = {}
    for line in text.splitlines()[1:]:
        functional, window, period, level, value = line.split(",")
        key = (functional, float(window), float(period))
        found.setdefault(key, []).append((float(level), float(value)))
    return {key: (np.array(pairs)[:, 0], np.array(pairs)[:, 1]) for key, pairs in found.items()}
