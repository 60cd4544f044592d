"""P-values of fluctuation tests: functionals of Brownian motions, bridges and their increments.

Formulas and simulated critical values as distributed with R package strucchange (Zeileis et al.
2002, J. Stat. Software 7(2); Zeileis 2005, 2006), so that results agree to the digit.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import scipy
from scipy.special import ndtr

from uploadtrends.arrays import Array

Limit = Literal["motion", "bridge", "motion increments", "bridge increments"]
Functional = Literal["max", "range", "max-l2", "mean-l2"]

# P-values of the square-root shaped ("alternative") boundaries, at 1, 1.1, ... and 1.2, 1.3, ...
_ROOT_MOTION = (
    "1 .997 .99 .975 .949 .912 .864 .806 .739 .666 .589 .512 .437 .368 .307 .253 .205 .163 .129 .1 "
    ".077 .058 .043 .032 .024 .018 .012 .009 .006 .004 .003 .002 .001 .001 .001"
)
_ROOT_BRIDGE = (
    "1 1 .997 .99 .977 .954 .919 .871 .812 .743 .666 .585 .504 .426 .353 .288 .23 .182 .142 .109 "
    ".082 .062 .046 .034 .025 .017 .011 .008 .005 .004 .003 .002 .001 .001 .0001"
)
# Increments of Brownian motion (Chu, Hornik & Kuan 1995): windows .05 to .5 down, levels across.
_MOTION_LEVELS = (0.2, 0.15, 0.1, 0.05, 0.025, 0.01)
_MOTION_INCREMENTS = """
3.2165 3.3185 3.4554 3.6622 3.8632 4.1009
2.9795 3.0894 3.2368 3.4681 3.6707 3.9397
2.8289 2.9479 3.1028 3.3382 3.5598 3.8143
2.7099 2.8303 2.9874 3.2351 3.4604 3.7337
2.6061 2.7325 2.8985 3.1531 3.3845 3.6626
2.5111 2.6418 2.8134 3.0728 3.3102 3.5907
2.4283 2.5609 2.7327 3.0043 3.2461 3.5333
2.3464 2.4840 2.6605 2.9333 3.1823 3.4895
2.2686 2.4083 2.5899 2.8743 3.1229 3.4123
2.2255 2.3668 2.5505 2.8334 3.0737 3.3912
"""
_WINDOWS = 0.05 * np.arange(1, 11)
_BRIDGE_LEVELS = (0.1, 0.05, 0.025, 0.01)
MOST_L2 = 25
MOST_MOVING = 6


@cache
def _table(name: str) -> Array:
    """Return the numbers of a table of this folder, header and row names left out."""
    text = files(__package__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines()]
    skip = 2 if name == "moving_estimates" else 1
    return np.array([[float(cell) for cell in row[skip:]] for row in rows[1:]])


@cache
def _levels(name: str) -> Array:
    text = files(__package__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return np.array([float(cell) for cell in text.splitlines()[0].split(",")[1:]])


def fluctuation_p_value(
    value: float,
    limit: Limit,
    *,
    functional: Functional = "max",
    processes: int = 1,
    window: float = 0.15,
    root_boundary: bool = False,
) -> float:
    """Return the p-value of a functional of a k-dimensional limiting process.

    Parameters
    ----------
    value : float
        For a Brownian motion with straight boundaries: of the process over ``1 + 2t``.
    limit : {"motion", "bridge", "motion increments", "bridge increments"}
    functional : {"max", "range", "max-l2", "mean-l2"}
    processes : int
        Dimension k (more than the tables hold count as the most they hold: 25 for the L2 norms, 6
        for increments).
    window : float
        Share of the periods in a moving window.
    root_boundary : bool
        Whether the process was divided by its own standard deviation at every time.
    """
    # Sums of series stray from 0 and 1 by rounding.
    return max(0.0, min(1.0, _p(value, limit, functional, processes, window, root_boundary)))


def _p(
    value: float,
    limit: Limit,
    functional: Functional,
    processes: int,
    window: float,
    root_boundary: bool,
) -> float:
    if limit == "motion":
        single = _root(value, _ROOT_MOTION, 1.0) if root_boundary else _straight(value)
        return float(1.0 - (1.0 - single) ** processes)
    if limit == "bridge":
        return _bridge(value, functional, processes, root_boundary)
    if limit == "motion increments":
        rows = np.array([line.split() for line in _MOTION_INCREMENTS.split("\n")[1:-1]], float)
        rows *= np.sqrt(_WINDOWS)[:, None]
        at = [float(np.interp(window, _WINDOWS, column)) for column in rows.T]
        single = float(np.interp(value, [0.0, *at], [1.0, *_MOTION_LEVELS]))
        return float(1.0 - (1.0 - single) ** processes)
    if functional == "range":
        if value < 0.53:
            return 1.0
        terms = np.arange(1, 11)
        total = float(np.sum((-1.0) ** (terms - 1) * terms * ndtr(-terms * value)))
        return float(1.0 - (1.0 - 8.0 * total) ** min(processes, MOST_MOVING))
    first = 10 * (min(processes, MOST_MOVING) - 1)
    rows = _table("moving_estimates")[first : first + 10]
    at = [float(np.interp(window, _WINDOWS, column)) for column in rows.T]
    return float(np.interp(value, [0.0, *at], [1.0, *_BRIDGE_LEVELS]))


def _root(value: float, table: str, first: float) -> float:
    p = np.array(table.split(), dtype=float)
    return float(np.interp(value, first + 0.1 * np.arange(len(p)), p))


def _straight(value: float) -> float:
    """Brownian motion crossing ``value (1 + 2t)`` (Brown, Durbin & Evans 1975)."""
    if value < 0.3:
        return 1.0 - 0.1465 * value
    return float(
        2.0
        * (
            ndtr(-3.0 * value)
            + np.exp(-4.0 * value**2) * (ndtr(value) + ndtr(5.0 * value) - 1.0)
            - np.exp(-16.0 * value**2) * ndtr(-value)
        )
    )


def _bridge(value: float, functional: Functional, processes: int, root_boundary: bool) -> float:
    if functional in ("max-l2", "mean-l2"):
        name = functional.replace("-", "_")
        row = _table(name)[min(processes, MOST_L2) - 1]
        order = np.argsort(row)
        nodes = np.concatenate([[0.0], row[order]])
        return float(np.interp(value, nodes, np.concatenate([[1.0], 1.0 - _levels(name)[order]])))
    if functional == "range":
        if value < 0.4:
            return 1.0
        terms = np.arange(1, 11)
        square = (terms * value) ** 2
        total = float(np.sum((4.0 * square - 1.0) * np.exp(-2.0 * square)))
        return float(1.0 - (1.0 - 2.0 * total) ** processes)
    if root_boundary:
        return float(1.0 - (1.0 - _root(value, _ROOT_BRIDGE, 1.2)) ** processes)
    if value < 0.1:
        return 1.0
    terms = np.arange(1, 101)
    total = float(np.sum((-1.0) ** terms * np.exp(-2.0 * (terms * value) ** 2)))
    # Far out the power loses every digit; its first term keeps them.
    if total > -1e-12:
        return float(-2.0 * total * processes)
    return float(1.0 - (1.0 + 2.0 * total) ** processes)


def critical_value(
    level: float, limit: Limit, *, processes: int = 1, window: float = 0.15
) -> float:
    """Return the value whose p-value (functional "max") is `level`; NaN outside the tables."""

    def excess(value: float) -> float:
        p = fluctuation_p_value(value, limit, processes=processes, window=window)
        return p - level

    if excess(10.0) >= 0.0:
        return float("nan")
    return float(scipy.optimize.brentq(excess, 0.0, 10.0, xtol=1e-12))
