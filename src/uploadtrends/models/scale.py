"""Whether a series is modelled on its own scale or on the log scale: what the data say.

Both models have the same terms, so the data can compare them: restricted likelihoods with the
Jacobian of the logarithm (Box & Cox 1964), the autocorrelation integrated out. The outcome is
divided by its geometric mean first, so that the Jacobian is one and the coefficients of both
models have comparable units. The comparison is of the course, not of the noise: each scale may
have a variance that is constant, or grows with the mean or its square, whichever suits it best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.latent import LEAST_MEAN, poisson_means
from uploadtrends.models.estimators.linear import least_squares
from uploadtrends.models.estimators.reml import PHI_GRID, conditional

UNDECIDED = 2.0
"""Log likelihoods that differ by less do not tell the scales apart."""
_POWERS = (0, 1, 2)
_PRIOR = -0.5 * np.log1p(-(PHI_GRID**2))


class Side(NamedTuple):
    """A series on one of the scales."""

    scale: str
    y: Array
    """(n,)"""
    x: Array
    """(n, k)"""
    positions: Array
    """(n,)"""
    offset: Array
    """(n,) known part of the log mean."""


def favour(logs: Side, level: Side) -> float:
    """Return by how much the log likelihood of the log scale (or link) exceeds that of the level.

    Parameters
    ----------
    logs : Side
        The series on the scale "log" or "counts".
    level : Side
        The same on the scale of the data.

    Returns
    -------
    float
        Minus infinity where a stretch of zeros has no logarithm of its mean.
    """
    y = level.y
    if logs.scale == "log":
        outcome, mean = logs.y, np.exp(_fitted(logs) + logs.offset)
        middle = float(np.exp(np.log(y).mean()))
    else:
        _, means, settled = poisson_means(logs.y[None], logs.x[None], logs.offset)
        if not settled[0]:
            return -np.inf
        mean = np.maximum(means[0], LEAST_MEAN)
        outcome, middle = (logs.y - means[0]) / mean, float(np.exp(np.log(mean).mean()))
    fitted = _fitted(level)
    floor = LEAST_MEAN if logs.scale == "counts" else 0.1 * float(np.median(y))
    straight = np.maximum(fitted, floor)
    of_logs = [_likelihood(outcome, logs, mean ** (power / 2 - 1)) for power in _POWERS]
    of_level = [_likelihood(y / middle, level, straight ** (power / 2)) for power in _POWERS]
    return max(of_logs) - max(of_level)


def _fitted(side: Side) -> Array:
    return np.asarray(side.y - least_squares(side.y, side.x)[2])


def _likelihood(outcome: Array, side: Side, sd: Array) -> float:
    """Return the restricted log likelihood, phi integrated out, errors proportional to `sd`."""
    sd = sd / np.exp(np.log(sd).mean())
    fit = conditional(outcome / sd, side.x / sd[:, None], side.positions)
    return float(logsumexp(fit.log_likelihood[0] + _PRIOR))


def said(difference: float, logs: str) -> str:
    """Say what the comparison found, as the reason of a choice."""
    name = "log link" if logs == "counts" else "log scale"
    if difference == -np.inf:
        return "a stretch of zeros has no logarithm"
    if abs(difference) < UNDECIDED:
        return (
            f"the data cannot tell the {name} from the scale of the data: log likelihoods differ "
            f"by {abs(difference):.1f}, so both answers are given"
        )
    better, worse = (name, "scale of the data") if difference > 0 else ("scale of the data", name)
    return f"the {better} fits better than the {worse}, log likelihood +{abs(difference):.1f}"
