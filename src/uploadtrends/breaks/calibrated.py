"""Is there any change at all? The gate of the calibrated default.

Autocorrelation and drift both look like level shifts to a segmentation with a fixed penalty. The
gate asks first whether the best single change beats what a series with the same autocorrelation,
and if need be the same drift, shows by chance. The null laws are simulated (Gaussian AR(1)), not
asymptotic, so that they hold at n = 36 as well as at n = 360.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadtrends.breaks.scan import RHO_GRID, Array, Scan, scan

N_SIMULATED = 399
N_SHARED = 1999
MAIN_SHARE = 0.8  # of the level, for the test of the null that fits better
SIDE_SHARE = 0.2
MINIMUM_LENGTH = 10
MAXIMUM_RHO = 0.95
_CELLS = 4_000_000  # simulate in chunks of about this many values (32 MB)


@dataclass(frozen=True)
class Gate:
    """What the gate decided for one series.

    Attributes
    ----------
    change : bool
        Whether the series holds a change.
    p : float
        Overall p-value: at most `level` exactly when `change` (both routes of the gate, weighted).
    null : {"constant", "line"}
        Whether the alternative to "a change" was a constant or a straight line.
    date : int
        First period of the new regime of the best single change (position).
    rho : float
        Bias-corrected autocorrelation of the errors under that null.
    noise_variance : float
        Residual variance of that null fitted by least squares, in squared units of the series.
    """

    change: bool
    p: float
    null: str
    date: int
    rho: float
    noise_variance: float


def corrected_rho(rho: float, n: int, null: str) -> float:
    """Undo the downward bias of an autocorrelation estimated about a mean or a line.

    First-order correction of Kendall (1954) and Marriott & Pope (1954), clipped to [0, .95].
    """
    bias = 1.0 if null == "constant" else 2.0
    return float(np.clip((n * rho + bias) / (n - bias - 2.0), 0.0, MAXIMUM_RHO))


def ar1_noise(rng: np.random.Generator, m: int, n: int, rho: float) -> Array:
    """Return (m, n) stationary Gaussian AR(1) series with unit innovations."""
    noise = rng.standard_normal((n, m))  # time first: the recursion runs over whole rows
    noise[0] /= np.sqrt(1.0 - rho**2)
    if rho > 0.0:
        for t in range(1, n):
            noise[t] += rho * noise[t - 1]
    return np.ascontiguousarray(noise.T)


def _simulate(
    n: int, rho: float, seed: tuple[int, ...], times: int, mean: Array | None = None
) -> Scan:
    """Scan `times` series drawn from ``mean + AR(1)`` noise, a chunk at a time."""
    rng = np.random.default_rng(seed)
    chunk = max(1, min(times, _CELLS // n))
    parts = []
    for start in range(0, times, chunk):
        noise = ar1_noise(rng, min(chunk, times - start), n, rho)
        drawn = noise if mean is None else noise + mean
        parts.append(scan(_standardise_rows(drawn), with_line_changes=mean is None))
    return Scan(*(np.concatenate(column) for column in zip(*map(_columns, parts), strict=True)))


def _times(n: int) -> int:
    """Number of simulated series per null law: fewer where one costs more."""
    return int(np.clip(1_000_000 // n, N_SIMULATED, N_SHARED))


def _columns(part: Scan) -> tuple[NDArray[np.generic], ...]:
    return tuple(getattr(part, name) for name in part.__dataclass_fields__)


def _standardise_rows(series: Array) -> Array:
    centred = series - series.mean(axis=1, keepdims=True)
    scaled: Array = centred / centred.std(axis=1, keepdims=True)
    return scaled


@lru_cache(maxsize=512)
def _null_law(n: int, null: str, grid: int, seed: int) -> Array:
    """Sorted null distribution of the gain from one change.

    The gains do not depend on the mean (or line) and scale of the series, and rho takes the values
    of the grid, so one simulation serves every series of the same length: exact, not approximate.
    """
    rho = corrected_rho(RHO_GRID[grid], n, null)
    found = _simulate(n, rho, (seed, n, grid, len(null)), _times(n))
    if null == "constant":
        return np.sort(found.constant - found.step)
    return np.sort(found.line - found.line_change)


def _p_value(gain: float, law: Array) -> float:
    exceed = len(law) - int(np.searchsorted(law, gain - 1e-9, side="left"))
    return (1.0 + exceed) / (1.0 + len(law))


def _drift_law(values: Array, rho_estimate: float, seed: int) -> Array:
    """Null law of "a step beats the line" if the truth is the fitted line (Cox 1961)."""
    n = len(values)
    time = np.arange(n) - (n - 1) / 2.0
    design = np.column_stack([np.ones(n), time])
    start = np.sqrt(1.0 - rho_estimate**2)
    whitened = np.vstack([start * design[:1], design[1:] - rho_estimate * design[:-1]])
    response = np.concatenate([[start * values[0]], values[1:] - rho_estimate * values[:-1]])
    coefficients, *_ = np.linalg.lstsq(whitened, response, rcond=None)
    residual = response - whitened @ coefficients
    innovation = np.sqrt(residual @ residual / (n - 2))
    rho = corrected_rho(rho_estimate, n, "line")
    mean = design @ coefficients / max(float(innovation), 1e-9)
    found = _simulate(n, rho, (seed, n, 99), N_SIMULATED, mean)
    return np.sort(found.line - found.step)


def gate(values: Array, *, level: float = 0.05, trend: bool = True, seed: int = 0) -> Gate:
    """Decide whether a standardised, gap-free series of at least 10 points holds a change.

    Parameters
    ----------
    values : array of shape (n,)
        Mean 0, standard deviation 1.
    level : float
        False alarms to tolerate. With `trend`, the test of whichever null fits better runs at four
        fifths of it: choosing between the nulls uses up the rest. Where that null is a constant,
        a change against a line is tried as well, at one fifth.
    trend : bool
        Whether a straight line counts as "no change". False asks more of the user (the series is
        known to have no drift) and gives more power.
    seed : int
        Seed of the simulated null laws.
    """
    n = len(values)
    found = scan(values[None, :])
    constant, step, line, line_change = (
        float(column[0]) for column in (found.constant, found.step, found.line, found.line_change)
    )
    constant_grid, line_grid = int(found.constant_rho[0]), int(found.line_rho[0])
    log_n = float(np.log(n))
    time = np.arange(n) - (n - 1) / 2.0
    slope = float(values @ time / (time @ time))
    variance = {
        "constant": float(values @ values) / n,
        "line": float(np.mean((values - slope * time) ** 2)),
    }

    def decide(null: str, p: float, date: int) -> Gate:
        grid = constant_grid if null == "constant" else line_grid
        rho = corrected_rho(RHO_GRID[grid], n, null)
        return Gate(p <= level + 1e-12, min(p, 1.0), null, date, rho, variance[null])

    step_p = _p_value(constant - step, _null_law(n, "constant", constant_grid, seed))
    step_date = int(found.step_date[0])
    if not trend:
        return decide("constant", step_p, step_date)
    line_p = _p_value(line - line_change, _null_law(n, "line", line_grid, seed))
    line_date = int(found.line_change_date[0])
    if min(constant, step + 2 * log_n) > line + log_n:
        return decide("line", line_p / MAIN_SHARE, line_date)
    if step_p <= MAIN_SHARE * level:
        drift = _drift_law(values, float(RHO_GRID[line_grid]), seed)
        step_p = max(step_p, _p_value(line - step, drift))
    # Bonferroni weights: the overall p is at most the level when either route rejects.
    if step_p / MAIN_SHARE <= line_p / SIDE_SHARE:
        return decide("constant", step_p / MAIN_SHARE, step_date)
    return decide("constant", line_p / SIDE_SHARE, line_date)
