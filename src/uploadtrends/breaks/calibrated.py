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

from uploadtrends.arrays import Array
from uploadtrends.breaks.pairs import scan_pairs
from uploadtrends.breaks.scan import RHO_GRID, scan

N_SIMULATED = 399
N_SHARED = 1999
# Shares of the level: a shift against a constant, a change against a line where the line is the
# null, and where it is not. Choosing between the nulls uses up the rest.
SHIFT_SHARE = 0.8
LINE_SHARE = 0.7
SIDE_SHARE = 0.2
MAXIMUM_RHO = 0.95
UNDERDISPERSED = 1.25  # a Poisson variance this many times the observed one: no Poisson counts
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
    dates : tuple of int
        First period of the new regime of the best change, or of the two best (positions).
    rho : float
        Bias-corrected autocorrelation of the errors under that null.
    noise_variance : float
        Residual variance of that null fitted by least squares, in squared units of the series.
    """

    change: bool
    p: float
    null: str
    dates: tuple[int, ...]
    rho: float
    noise_variance: float


def corrected_rho(rho: float, n: int, null: str) -> float:
    """Undo the downward bias of an autocorrelation estimated about a mean or a line.

    First-order correction of Kendall (1954) and Marriott & Pope (1954), clipped to [0, .95].
    """
    bias = 1.0 if null == "constant" else 2.0
    return float(np.clip((n * rho + bias) / (n - bias - 2.0), 0.0, MAXIMUM_RHO))


def ar1_noise(rng: np.random.Generator, m: int, n: int, rho: float, share: float = 0.0) -> Array:
    """Return (m, n) stationary Gaussian AR(1) series with unit innovations.

    With a `share` of the variance from white noise on top (what a Poisson count adds to a smooth
    rate), the AR(1) part is more persistent, ``rho / (1 - share)``, so that neighbours correlate
    as they did.
    """
    persistence = min(rho / (1.0 - share), MAXIMUM_RHO)
    noise = rng.standard_normal((n, m))  # time first: the recursion runs over whole rows
    noise[0] /= np.sqrt(1.0 - persistence**2)
    if persistence > 0.0:
        for t in range(1, n):
            noise[t] += persistence * noise[t - 1]
    if share > 0.0:
        spread = np.sqrt(share / (1.0 - share) / (1.0 - persistence**2))
        noise += spread * rng.standard_normal((n, m))
    return np.ascontiguousarray(noise.T)


@dataclass(frozen=True)
class Comparison:
    """No change against the best change, on a constant and on a line, for m series.

    Criteria (m,) as in `Scan`. `shift` is one step or two, whichever is smaller after the second
    has paid 3 log n; `shift_dates` (m, 2) has 0 in second place where one does.
    """

    constant: Array
    constant_rho: NDArray[np.intp]
    shift: Array
    shift_dates: NDArray[np.intp]
    line: Array
    line_rho: NDArray[np.intp]
    line_change: Array
    line_change_date: NDArray[np.intp]


def compare(series: Array, *, line_changes: bool = True, pairs: bool = True) -> Comparison:
    """Compare the models on each row of `series` (m, n), rows centred and of unit scale.

    Parameters
    ----------
    line_changes : bool
        Whether to fit the changes of a line (otherwise `line_change` is infinite).
    pairs : bool
        Whether `shift` may be two steps.
    """
    single = scan(series, with_line_changes=line_changes)
    shift = single.step
    dates = np.stack([single.step_date, np.zeros_like(single.step_date)], axis=1)
    double = scan_pairs(series) if pairs else None
    if double is not None:
        two_steps = double.two_steps + 3.0 * np.log(series.shape[1])
        dates = np.where((two_steps < shift)[:, None], double.dates, dates)
        shift = np.minimum(shift, two_steps)
    return Comparison(
        constant=single.constant,
        constant_rho=single.constant_rho,
        shift=shift,
        shift_dates=dates,
        line=single.line,
        line_rho=single.line_rho,
        line_change=single.line_change,
        line_change_date=single.line_change_date,
    )


def _simulate(
    n: int,
    rho: float,
    seed: tuple[int, ...],
    times: int,
    mean: Array | float = 0.0,
    *,
    share: float,
    line_changes: bool,
    pairs: bool,
) -> Comparison:
    """Compare the models on `times` series drawn from ``mean + AR(1)`` noise."""
    rng = np.random.default_rng(seed)
    chunk = max(1, min(times, _CELLS // n))
    parts = []
    for start in range(0, times, chunk):
        noise = ar1_noise(rng, min(chunk, times - start), n, rho, share)
        drawn = _standardise_rows(noise + mean)
        parts.append(compare(drawn, line_changes=line_changes, pairs=pairs))
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Comparison(*(np.concatenate(column) for column in columns))


def _times(n: int) -> int:
    """Number of simulated series per null law: fewer where one costs more."""
    return int(np.clip(1_000_000 // n, N_SIMULATED, N_SHARED))


def _standardise_rows(series: Array) -> Array:
    centred = series - series.mean(axis=1, keepdims=True)
    scaled: Array = centred / centred.std(axis=1, keepdims=True)
    return scaled


@lru_cache(maxsize=512)
def _null_law(n: int, null: str, grid: int, share: float, seed: int) -> Array:
    """Sorted null distribution of the gain from one change.

    The gains do not depend on the mean (or line) and scale of the series, and rho takes the values
    of the grid (the share of white noise, tenths), so one simulation serves every series of the
    same length: exact, not approximate.
    """
    rho = corrected_rho(RHO_GRID[grid], n, null)
    key = (seed, n, grid, len(null), round(10 * share))
    if null == "constant":
        found = _simulate(n, rho, key, _times(n), share=share, line_changes=False, pairs=True)
        return np.sort(found.constant - found.shift)
    found = _simulate(n, rho, key, _times(n), share=share, line_changes=True, pairs=False)
    return np.sort(found.line - found.line_change)


def _p_value(gain: float, law: Array) -> float:
    exceed = len(law) - int(np.searchsorted(law, gain - 1e-9, side="left"))
    return (1.0 + exceed) / (1.0 + len(law))


def _drift_law(
    values: Array, rho_estimate: float, share: float, seed: int, *, pairs: bool
) -> Array:
    """Null law of "one step (or two) beats the line" if the truth is the fitted line (Cox 1961)."""
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
    key = (seed, n, 99)
    # What is left after AR(1) whitening is as large in the simulated series as in this one.
    persistence = min(rho / (1.0 - share), MAXIMUM_RHO)
    mean = mean * np.sqrt((1.0 - rho**2) / (1.0 - persistence**2) / (1.0 - share))
    found = _simulate(n, rho, key, N_SIMULATED, mean, share=share, line_changes=False, pairs=pairs)
    return np.sort(found.line - found.shift)


def gate(
    values: Array,
    *,
    level: float = 0.05,
    trend: bool = True,
    count_variance: float = 0.0,
    seed: int = 0,
) -> Gate:
    """Decide whether a standardised, gap-free series of at least 10 points holds a change.

    Parameters
    ----------
    values : array of shape (n,)
        Mean 0, standard deviation 1.
    level : float
        False alarms to tolerate. With `trend` it is shared out: four fifths for a shift against a
        constant and one fifth for a change against a line; or, where a line fits better than a
        constant does, seven tenths for a change of that line.
    trend : bool
        Whether a straight line counts as "no change". False asks more of the user (the series is
        known to have no drift) and gives more power.
    count_variance : float
        For counts, the variance that counting adds to a smooth rate (Poisson: the mean), in the
        squared units of `values`; AR(1) errors alone would understate slow swings of the rate.
        Left aside where the series varies clearly less about a line than Poisson counts do.
    seed : int
        Seed of the simulated null laws.
    """
    variances = np.array([count_variance])
    return gates(values[None, :], level=level, trend=trend, count_variance=variances, seed=seed)[0]


def gates(
    series: Array,
    *,
    level: float = 0.05,
    trend: bool = True,
    count_variance: Array | None = None,
    seed: int = 0,
) -> list[Gate]:
    """Run the gate on each row of `series` (m, n); parameters as for `gate`, variances (m,)."""
    found = compare(series, line_changes=trend)
    counted = np.zeros(len(series)) if count_variance is None else count_variance
    return [
        _decide(values, found, row, float(counted[row]), level=level, trend=trend, seed=seed)
        for row, values in enumerate(series)
    ]


def _share(count_variance: float, variance: float) -> float:
    """Share of white noise in tenths, at most .8."""
    return float(np.clip(np.round(10.0 * count_variance / max(variance, 1e-12)), 0, 8)) / 10.0


def _decide(
    values: Array,
    found: Comparison,
    row: int,
    counted: float,
    *,
    level: float,
    trend: bool,
    seed: int,
) -> Gate:
    n = len(values)
    constant, shift = float(found.constant[row]), float(found.shift[row])
    line, line_change = float(found.line[row]), float(found.line_change[row])
    constant_grid, line_grid = int(found.constant_rho[row]), int(found.line_rho[row])
    log_n = float(np.log(n))

    def decide(null: str, p: float, dates: NDArray[np.intp]) -> Gate:
        grid = constant_grid if null == "constant" else line_grid
        rho = corrected_rho(RHO_GRID[grid], n, null)
        found_at = tuple(int(date) for date in dates if date)
        variance = noise_variance(values, null)
        return Gate(p <= level + 1e-12, min(p, 1.0), null, found_at, rho, variance)

    if counted > UNDERDISPERSED * noise_variance(values, "line"):
        counted = 0.0
    share = _share(counted, noise_variance(values, "constant"))
    law = _null_law(n, "constant", constant_grid, share, seed)
    shift_p = _p_value(constant - shift, law)
    shift_dates = found.shift_dates[row]
    if not trend:
        return decide("constant", shift_p, shift_dates)
    share = _share(counted, noise_variance(values, "line"))
    line_p = _p_value(line - line_change, _null_law(n, "line", line_grid, share, seed))
    line_dates = found.line_change_date[row : row + 1]
    if min(constant, shift + 2 * log_n) > line + log_n:
        return decide("line", line_p / LINE_SHARE, line_dates)
    if shift_p <= SHIFT_SHARE * level:
        double = bool(shift_dates[1])
        drift = _drift_law(values, float(RHO_GRID[line_grid]), share, seed, pairs=double)
        shift_p = max(shift_p, _p_value(line - shift, drift))
    # Bonferroni weights: the overall p is at most the level when either route rejects.
    if shift_p / SHIFT_SHARE <= line_p / SIDE_SHARE:
        return decide("constant", shift_p / SHIFT_SHARE, shift_dates)
    return decide("constant", line_p / SIDE_SHARE, line_dates)


def noise_variance(values: Array, null: str) -> float:
    """Return the residual variance about a constant or a line fitted by least squares."""
    residual = values - values.mean()
    if null == "line":
        time = np.arange(len(values)) - (len(values) - 1) / 2.0
        residual = residual - float(residual @ time / (time @ time)) * time
    return float(np.mean(residual**2))
