"""A bootstrap of the errors, beside the interval that is reported."""

from __future__ import annotations

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.limits import whole_number
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.preparation import Prepared

COLUMNS = ("event", "term", "estimate", "se", "low", "high", "p", "order", "draws")
_BURN = 100


def sieve_bootstrap(
    prepared: Prepared, estimate: Estimate | None, draws: int = 1999, seed: int = 0
) -> pd.DataFrame:
    """Return effects by least squares with intervals from resampled errors; see `Fit.bootstrap`."""
    if estimate is None:
        raise NotEstimableError(f"{prepared.item.name}: refused, {prepared.choice.reason}")
    if prepared.choice.scale == "counts":
        raise NotEstimableError(
            "errors of counts cannot be resampled. Fix: refit on scale='log' or 'level'"
        )
    draws = whole_number("draws", draws, 99)
    seed = whole_number("seed", seed)
    design, confidence = prepared.design, prepared.settings.confidence
    x, y = design.fitted, prepared.y
    inverse = np.linalg.pinv(x)
    beta = inverse @ y
    # Errors are resampled on the whole span, so that a gap stays as long as it was.
    places = design.positions.astype(int) - int(design.positions[0])
    errors = y - x @ beta
    # Fitting takes part of the errors away; without this the draws would be too narrow.
    errors = (errors - errors.mean()) * np.sqrt(len(y) / max(len(y) - x.shape[1], 1))
    phi, innovations = _autoregression(errors)
    again = _simulated(phi, innovations, places[-1] + 1, draws, seed)[:, places]
    moved = again @ inverse.T
    wanted = [
        (block.id, term, column)
        for block in design.blocks
        for term, column in design.columns[block.id].items()
    ]
    tail = (1 - confidence) / 2
    rows = []
    for event, term, column in wanted:
        value, spread = float(beta[column]), moved[:, column]
        # The basic interval: what the draws missed by, taken from the estimate (Davison & Hinkley
        # 1997, eq. 5.6).
        low, high = value - np.quantile(spread, [1 - tail, tail])
        beyond = 1 + int((np.abs(spread) >= abs(value)).sum())
        rows.append(
            (event, term, value, spread.std(), low, high, beyond / (draws + 1), len(phi), draws)
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _autoregression(errors: Array) -> tuple[Array, Array]:
    """Return coefficients and centred innovations of the autoregression that AIC prefers.

    Yule-Walker, so that it is stationary; orders up to 10 log10(n), at most a quarter of n.
    """
    from scipy.linalg import solve_toeplitz

    n = errors.size
    most = int(max(1, min(10 * np.log10(n), n // 4)))
    centred = errors - errors.mean()
    gamma = np.array([centred[: n - k] @ centred[k:] for k in range(most + 1)]) / n
    best: tuple[float, Array] = (n * np.log(gamma[0]), np.zeros(0))
    for order in range(1, most + 1):
        phi = solve_toeplitz(gamma[:order], gamma[1 : order + 1])
        variance = gamma[0] - phi @ gamma[1 : order + 1]
        if variance > 0:
            best = min(best, (n * np.log(variance) + 2 * order, phi), key=lambda one: one[0])
    phi = best[1]
    left = centred[len(phi) :].copy()
    for lag, value in enumerate(phi, start=1):
        left -= value * centred[len(phi) - lag : n - lag]
    return phi, left - left.mean()


def _simulated(phi: Array, innovations: Array, length: int, draws: int, seed: int) -> Array:
    """Return (draws, length) courses of the autoregression, past their start."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    shocks = rng.choice(innovations, size=(draws, length + _BURN))
    made: Array = lfilter([1.0], np.concatenate([[1.0], -phi]), shocks, axis=1)
    return made[:, _BURN:]
