"""Likelihood of one change at every candidate date under AR(1) errors, for many series at once.

Four models are compared (Gaussian AR(1) errors throughout): a constant, a constant with a step, a
straight line, and a line with a step, a kink, or both. Each is profiled over its own grid of
autocorrelations. Whitening is linear, so suffix sums of ``y`` and ``t y`` give every inner product
at every candidate date: the cost is O(n) per series plus O(dates x autocorrelations), whatever the
length of the series.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array

RHO_GRID: Array = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
MINIMUM_SEGMENT = 3
MAXIMUM_CANDIDATES = 200
_FLOOR = 1e-12


@lru_cache(maxsize=64)
def candidate_dates(n: int, maximum: int = MAXIMUM_CANDIDATES) -> NDArray[np.intp]:
    """Return the candidate first periods of a new regime: 3 to n - 3, thinned to `maximum`."""
    every = np.arange(MINIMUM_SEGMENT, n - MINIMUM_SEGMENT + 1)
    if len(every) > maximum:
        every = every[np.linspace(0, len(every) - 1, maximum).round().astype(np.intp)]
    every.setflags(write=False)
    return every


@dataclass(frozen=True)
class Scan:
    """Minimised criteria of a batch of m series.

    Each criterion is ``n log(RSS / n) - log(1 - rho^2)`` at its minimum (minus twice the profile
    log-likelihood, up to a constant). Arrays have shape (m,); `*_rho` index `RHO_GRID`; `*_date`
    hold the first period of the new regime.
    """

    constant: Array
    constant_rho: NDArray[np.intp]
    step: Array
    step_date: NDArray[np.intp]
    line: Array
    line_rho: NDArray[np.intp]
    line_change: Array
    """Line with a step (+ log n), a kink (+ log n) or both (+ 2 log n), whichever is smallest."""
    line_change_date: NDArray[np.intp]


@dataclass(frozen=True)
class Design:
    """What depends only on the length of the series and rho: bases and their inner products."""

    rho: float
    dates: NDArray[np.intp]
    constant_norm: float
    line_slope_on_constant: float
    line_norm: float
    step_on_constant: Array
    step_on_line: Array
    kink_on_constant: Array
    kink_on_line: Array
    step_norm_given_constant: Array
    step_norm_given_line: Array
    kink_norm_given_line: Array
    kink_on_step: Array
    kink_norm_given_step: Array


def _tail_sums(values: Array, at: NDArray[np.intp]) -> Array:
    """Sums of ``values[..., t:]`` for every t of `at`."""
    total: Array = np.cumsum(values[..., ::-1], axis=-1)
    picked: Array = total[..., values.shape[-1] - 1 - at]
    return picked


@lru_cache(maxsize=64)
def designs(n: int, maximum: int = MAXIMUM_CANDIDATES) -> tuple[Design, ...]:
    """Return the design of every rho of the grid for series of length n."""
    dates = candidate_dates(n, maximum)
    return tuple(_design(n, float(rho), dates) for rho in RHO_GRID)


def _design(n: int, rho: float, dates: NDArray[np.intp]) -> Design:
    a = 1.0 - rho
    start = np.sqrt(1.0 - rho**2)
    time = np.arange(n) - (n - 1) / 2.0
    constant = np.full(n, a)
    constant[0] = start
    line = a * time + rho
    line[0] = start * time[0]

    def inner(column: Array) -> tuple[Array, Array]:
        sums = _tail_sums(column, dates)
        moments = _tail_sums(column * time, dates)
        knot = time[dates]
        return rho * column[dates] + a * sums, a * moments + (1.0 - a * knot) * sums

    constant_norm = float(np.sqrt(constant @ constant))
    constant = constant / constant_norm
    slope_on_constant = float(line @ constant)
    line = line - slope_on_constant * constant
    line_norm = float(np.sqrt(line @ line))
    line = line / line_norm
    step_on_constant, kink_on_constant = inner(constant)
    step_on_line, kink_on_line = inner(line)
    length = (n - dates).astype(np.float64)  # periods in the new regime
    step_square = 1.0 + a**2 * (length - 1.0)
    kink_square = (
        length
        + a * (length - 1.0) * length
        + a**2 * (length - 1.0) * length * (2.0 * length - 1.0) / 6.0
    )
    step_kink = rho + a * (length + a * (length - 1.0) * length / 2.0)
    step_given_constant = np.sqrt(np.maximum(step_square - step_on_constant**2, _FLOOR))
    step_given_line = np.sqrt(
        np.maximum(step_square - step_on_constant**2 - step_on_line**2, _FLOOR)
    )
    kink_left = np.maximum(kink_square - kink_on_constant**2 - kink_on_line**2, _FLOOR)
    kink_on_step = (
        step_kink - step_on_constant * kink_on_constant - step_on_line * kink_on_line
    ) / step_given_line
    kink_given_step = np.sqrt(np.maximum(kink_left - kink_on_step**2, _FLOOR))
    return Design(
        rho=rho,
        dates=dates,
        constant_norm=constant_norm,
        line_slope_on_constant=slope_on_constant,
        line_norm=line_norm,
        step_on_constant=step_on_constant,
        step_on_line=step_on_line,
        kink_on_constant=kink_on_constant,
        kink_on_line=kink_on_line,
        step_norm_given_constant=step_given_constant,
        step_norm_given_line=step_given_line,
        kink_norm_given_line=np.sqrt(kink_left),
        kink_on_step=kink_on_step,
        kink_norm_given_step=kink_given_step,
    )


@dataclass(frozen=True)
class Sums:
    """Everything the scan needs to know of a batch of series, for any rho."""

    first: Array
    last: Array
    squares: Array
    products: Array
    all_sum: Array
    all_moment: Array
    value: Array
    lagged: Array
    tail: Array
    lagged_tail: Array
    moment: Array
    lagged_moment: Array


def suffix_sums(series: Array, dates: NDArray[np.intp]) -> Sums:
    """Reduce each row of `series` (m, n) to the sums that `profile` needs."""
    n = series.shape[-1]
    time = np.arange(n) - (n - 1) / 2.0
    # Where a lagged value y[t-1] stands, its time index is t: hence time + 1.
    sums = np.cumsum(series[:, ::-1], axis=1)[:, ::-1]
    moments = np.cumsum((series * time)[:, ::-1], axis=1)[:, ::-1]
    last = series[:, -1]
    lagged_sums = sums[:, :-1] - last[:, None]  # entry t-1: sum over s >= t of y[s-1]
    lagged_moments = moments[:, :-1] + sums[:, :-1] - (time[-1] + 1.0) * last[:, None]
    return Sums(
        first=series[:, 0],
        last=last,
        squares=np.einsum("ij,ij->i", series, series),
        products=np.einsum("ij,ij->i", series[:, 1:], series[:, :-1]),
        all_sum=np.stack([sums[:, 1], lagged_sums[:, 0]]),
        all_moment=np.stack([moments[:, 1], lagged_moments[:, 0]]),
        value=series[:, dates],
        lagged=series[:, dates - 1],
        tail=sums[:, dates],
        lagged_tail=lagged_sums[:, dates - 1],
        moment=moments[:, dates],
        lagged_moment=lagged_moments[:, dates - 1],
    )


@dataclass(frozen=True)
class Profile:
    """Residual sums of squares of one batch at one rho; (m,) for bases, (m, dates) for changes.

    The three changes of a line are empty where they were not asked for.
    """

    constant: Array
    line: Array
    step: Array
    line_step: Array
    line_kink: Array
    line_both: Array


def _bases(sums: Sums, design: Design, n: int) -> tuple[Array, Array, Array]:
    """Return the residual sum of squares about a constant, and both projections, each (m,)."""
    rho = design.rho
    a = 1.0 - rho
    start_square = 1.0 - rho**2
    square = (
        start_square * sums.first**2
        + (sums.squares - sums.first**2)
        - 2.0 * rho * sums.products
        + rho**2 * (sums.squares - sums.last**2)
    )
    total = sums.all_sum[0] - rho * sums.all_sum[1]
    moment = sums.all_moment[0] - rho * sums.all_moment[1]
    on_constant = (start_square * sums.first + a * total) / design.constant_norm
    raw_line = start_square * -(n - 1) / 2.0 * sums.first + a * moment + rho * total
    on_line = (raw_line - design.line_slope_on_constant * on_constant) / design.line_norm
    return square - on_constant**2, on_constant, on_line


def project_steps(sums: Sums, design: Design, n: int, *, beside_line: bool) -> tuple[Array, Array]:
    """Return the base's residual sum of squares (m,) and the steps' unit projections (m, dates)."""
    rss, on_constant, on_line = _bases(sums, design, n)
    tail = sums.tail - design.rho * sums.lagged_tail
    step = design.rho * (sums.value - design.rho * sums.lagged) + (1.0 - design.rho) * tail
    step -= on_constant[:, None] * design.step_on_constant
    if not beside_line:
        return rss, step / design.step_norm_given_constant
    step -= on_line[:, None] * design.step_on_line
    return rss - on_line**2, step / design.step_norm_given_line


def profile(sums: Sums, design: Design, n: int, *, with_line_changes: bool = True) -> Profile:
    """Return the residual sums of squares of every model at the rho of `design`."""
    rss_constant, on_constant, on_line = _bases(sums, design, n)
    rss_line = rss_constant - on_line**2
    _, on_step = project_steps(sums, design, n, beside_line=False)
    step = rss_constant[:, None] - on_step**2
    if not with_line_changes:
        nothing = np.empty((0, 0))
        return Profile(rss_constant, rss_line, step, nothing, nothing, nothing)
    a = 1.0 - design.rho
    knot = design.dates - (n - 1) / 2.0
    tail = sums.tail - design.rho * sums.lagged_tail
    raw_kink = a * (sums.moment - design.rho * sums.lagged_moment) + (1.0 - a * knot) * tail
    raw_kink -= on_constant[:, None] * design.kink_on_constant
    raw_kink -= on_line[:, None] * design.kink_on_line
    _, on_step = project_steps(sums, design, n, beside_line=True)
    line_step = rss_line[:, None] - on_step**2
    line_kink = rss_line[:, None] - (raw_kink / design.kink_norm_given_line) ** 2
    left = (raw_kink - on_step * design.kink_on_step) / design.kink_norm_given_step
    return Profile(rss_constant, rss_line, step, line_step, line_kink, line_step - left**2)


def criterion(rss: Array, rho: float, n: int) -> Array:
    """Return ``n log(RSS / n) - log(1 - rho^2)``, kept finite for perfect fits."""
    value: Array = n * np.log(np.maximum(rss, _FLOOR * n) / n) - np.log(1.0 - rho**2)
    return value


def scan(series: Array, *, with_line_changes: bool = True) -> Scan:
    """Compare the models on each row of `series` (m, n), rows centred and of unit scale.

    Raises nothing: a row that one of the models fits perfectly gets a very small criterion.
    """
    m, n = series.shape
    dates = candidate_dates(n)
    sums = suffix_sums(series, dates)
    log_n = np.log(n)
    grid = len(RHO_GRID)
    names = ("constant", "line", "step", "line_step", "line_kink", "line_both")
    criteria = {name: np.full((grid, m), np.inf) for name in names}
    where = {name: np.zeros((grid, m), dtype=np.intp) for name in names}
    for k, design in enumerate(designs(n)):
        fitted = profile(sums, design, n, with_line_changes=with_line_changes)
        for name in names:
            rss = getattr(fitted, name)
            if rss.size == 0:
                continue
            if rss.ndim == 2:
                where[name][k] = np.argmin(rss, axis=1)
                rss = np.min(rss, axis=1)
            criteria[name][k] = criterion(rss, design.rho, n)
    best = {name: np.argmin(criteria[name], axis=0) for name in names}
    rows = np.arange(m)
    value = {name: criteria[name][best[name], rows] for name in names}
    date = {name: dates[where[name][best[name], rows]] for name in names}
    changes = np.stack(
        [value["line_step"] + log_n, value["line_kink"] + log_n, value["line_both"] + 2 * log_n]
    )
    choice = np.argmin(changes, axis=0)
    change_dates = np.stack([date["line_step"], date["line_kink"], date["line_both"]])
    return Scan(
        constant=value["constant"],
        constant_rho=best["constant"],
        step=value["step"],
        step_date=date["step"],
        line=value["line"],
        line_rho=best["line"],
        line_change=changes[choice, rows],
        line_change_date=change_dates[choice, rows],
    )
