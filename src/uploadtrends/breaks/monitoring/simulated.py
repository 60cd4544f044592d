"""The boundary of monitoring under autocorrelated errors, by simulation of AR(1) series.

A boundary from theory takes the errors for independent, or their long-run variance for known; a
history of a few dozen periods knows neither. Here the whole procedure is simulated: a history with
this autocorrelation (corrected for bias, and as uncertain as n periods leave it), its fit, its own
estimate of the long-run variance, and the periods to come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.noise import MAXIMUM_RHO
from uploadtrends.breaks.structural.monitoring import critical_boundary, critical_shape

N_SIMULATED = 1999


@dataclass(frozen=True)
class Calibrated:
    """A process of cumulated (or moving sums of) errors against a simulated boundary.

    Attributes
    ----------
    process, boundary : arrays of shape (m,)
    rho : float
        Autocorrelation of the history's errors, corrected for bias.
    p : float
        Chance that a series without a change goes as far beyond the boundary's shape within the
        horizon.
    alarm : int or None
        Row of the first new period beyond the boundary.
    """

    process: Array
    boundary: Array
    rho: float
    p: float
    alarm: int | None


def watch_autocorrelated(
    response: Array,
    design: Array,
    times: Array,
    history: int,
    ahead: Array,
    *,
    moving: bool,
    window: float,
    level: float,
    seed: int,
) -> Calibrated:
    """Watch the rows after `history` with a boundary that holds under AR(1) errors.

    Parameters
    ----------
    response : array of shape (m,)
        What was observed, history first.
    design : array of shape (h, k)
        Regressors of all rows up to the horizon, h >= m.
    times : array of shape (m,)
        Periods of the rows (whole numbers; gaps are allowed).
    history : int
        n, the number of rows without a change.
    ahead : array of shape (h - m,)
        Periods still to come up to the horizon.
    moving : bool
        Moving sums over `window` (a share of the history) instead of cumulated ones.
    level : float
        False alarms to tolerate up to the horizon.
    """
    n, m = history, len(response)
    every = np.concatenate([times, ahead])
    width = max(int(np.floor(window * n)), 1) if moving else 0
    kind = "OLS-MOSUM" if moving else "OLS-CUSUM"
    critical = critical_boundary(kind, 0.05, window=1.0, period=10.0)
    shape = critical_shape(kind, np.arange(n + 1, len(every) + 1) / n, critical)
    process, rho = _process(response[None, :], design[:m], times, n, width)
    corrected = _corrected(rho, n, design.shape[1])
    rng = np.random.default_rng((seed, n, len(every)))
    spread = np.sqrt((1.0 - corrected[0] ** 2) / n)
    drawn = np.clip(corrected[0] + spread * rng.standard_normal(N_SIMULATED), 0.0, MAXIMUM_RHO)
    simulated, _ = _process(_noise(rng, drawn, every), design, every, n, width)
    reached = (np.abs(simulated) / shape).max(axis=1)
    factor = float(np.quantile(reached, 1.0 - level))
    found = np.abs(process[0]) / shape[: m - n]
    beyond = np.flatnonzero(found > factor)
    exceed = float(np.sum(reached >= found.max(initial=0.0)))
    return Calibrated(
        process=process[0],
        boundary=factor * shape,
        rho=float(corrected[0]),
        p=(1.0 + exceed) / (1.0 + N_SIMULATED),
        alarm=int(beyond[0]) if len(beyond) else None,
    )


def _corrected(rho: Array, n: int, terms: int) -> Array:
    found: Array = np.clip((n * rho + terms) / (n - terms - 2.0), 0.0, MAXIMUM_RHO)
    return found


def _process(series: Array, design: Array, times: Array, n: int, width: int) -> tuple[Array, Array]:
    """Return the studentised process (r, m - n) and the autocorrelation (r,) of each series."""
    basis, triangle = np.linalg.qr(design[:n])
    fitted = design @ np.linalg.solve(triangle, basis.T @ series[:, :n].T)
    errors = series - fitted.T
    past = errors[:, :n]
    square = np.einsum("ij,ij->i", past, past)
    neighbours = np.diff(times[:n]) == 1
    lagged = (past[:, 1:] * past[:, :-1])[:, neighbours].sum(axis=1)
    rho = lagged / np.maximum(square, 1e-300) * n / (neighbours.sum() + 1)
    corrected = _corrected(rho, n, design.shape[1])
    variance = square / (n - design.shape[1]) * (1.0 + corrected) / (1.0 - corrected)
    sums = np.cumsum(errors, axis=1)
    process = sums[:, n:] - sums[:, [n - 1]]
    if width:
        first = np.arange(n, series.shape[1]) - width
        before = np.where(first[None, :] >= 0, sums[:, np.maximum(first, 0)], 0.0)
        process = sums[:, n:] - before
    scaled: Array = process / np.sqrt(np.maximum(n * variance, 1e-300))[:, None]
    return scaled, rho


def _noise(rng: np.random.Generator, rho: Array, times: Array) -> Array:
    """AR(1) series of unit variance, each with its own autocorrelation: (r, m)."""
    noise = rng.standard_normal((len(times), len(rho)))
    for t, gap in enumerate(np.diff(times), start=1):
        pull = rho**gap
        noise[t] = pull * noise[t - 1] + np.sqrt(1.0 - pull**2) * noise[t]
    return np.ascontiguousarray(noise.T)
