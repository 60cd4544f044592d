"""Series with a step, a change of slope and autocorrelated noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uploadtrends.errors import InputError


def ar1_series(
    n_series: int,
    n: int,
    *,
    rho: float = 0.0,
    sd: float = 1.0,
    mean: float = 0.0,
    step: float = 0.0,
    step_at: int | None = None,
    slope: float = 0.0,
    slope_change: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Draw series with a line, a change of level and slope, and stationary AR(1) noise.

    Parameters
    ----------
    n_series, n : int
        Number of series and of periods.
    rho, sd : float
        Lag-one autocorrelation and *stationary* standard deviation of the noise (the innovations
        have standard deviation ``sd * sqrt(1 - rho**2)``).
    mean, slope : float
        Value at period 0, and change per period.
    step, slope_change : float
        Added from period `step_at` on; the change of slope adds 0 in that period.
    step_at : int, optional
        Index of the first period of the new regime.
    seed : int
        Seed of the generator.

    Returns
    -------
    numpy.ndarray
        Shape (n_series, n).
    """
    rng = np.random.default_rng(seed)
    at = _step_position(n, step_at, bool(step or slope_change))
    time = np.arange(n, dtype=float)
    line = mean + slope * time + (time >= at) * (step + slope_change * (time - at))
    values: NDArray[np.float64] = line + stationary_ar1(rng, (n_series, n), rho, sd)
    return values


def count_series(
    n_series: int,
    n: int,
    *,
    mean: float = 30.0,
    rho: float = 0.0,
    latent_sd: float = 0.3,
    step: float = 0.0,
    step_at: int | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Draw Poisson counts whose log mean follows a stationary AR(1) process (Zeger 1988).

    Parameters
    ----------
    n_series, n : int
        Number of series and of periods.
    mean : float
        Expected count per period before the step.
    rho, latent_sd : float
        Autocorrelation and stationary standard deviation of the latent process (log scale).
    step : float
        Log rate ratio from period `step_at` on.
    step_at : int, optional
        Index of the first period of the new regime.
    seed : int
        Seed of the generator.

    Returns
    -------
    numpy.ndarray
        Integers, shape (n_series, n).
    """
    rng = np.random.default_rng(seed)
    at = _step_position(n, step_at, bool(step))
    log_rate = stationary_ar1(rng, (n_series, n), rho, latent_sd)
    log_rate += np.log(mean) - latent_sd**2 / 2 + step * (np.arange(n) >= at)
    return rng.poisson(np.exp(log_rate)).astype(np.int64)


def stationary_ar1(
    rng: np.random.Generator, shape: tuple[int, int], rho: float, sd: float
) -> NDArray[np.float64]:
    """Return stationary Gaussian AR(1) noise of `shape` (series, periods)."""
    if not -1 < rho < 1:
        raise InputError(
            "the autocorrelation must lie strictly between -1 and 1", column="rho", value=rho
        )
    noise = rng.standard_normal(shape)
    scale = np.sqrt(1 - rho**2)
    for t in range(1, shape[1]):
        noise[:, t] = rho * noise[:, t - 1] + scale * noise[:, t]
    noise *= sd
    return noise


def _step_position(n: int, step_at: int | None, needed: bool) -> int:
    if step_at is None:
        if needed:
            raise InputError(
                "a step or a change of slope needs a place", column="step_at", fix="give step_at"
            )
        return n
    if not 0 <= step_at < n:
        raise InputError(
            f"the first changed period must lie in 0 to {n - 1}", column="step_at", value=step_at
        )
    return step_at
