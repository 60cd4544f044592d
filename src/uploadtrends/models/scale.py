"""Whether a series is modelled on its own scale or on the log scale: what the data say.

Both models have the same terms, so the data can compare them: restricted likelihoods with the
Jacobian of the logarithm (Box & Cox 1964), the autocorrelation integrated out. The outcome is
divided by its geometric mean first, so that the Jacobian is one and the coefficients of both
models have comparable units. The comparison is of the course, not of the noise: on each scale the
variance may be any power of the fitted mean (up to its square), whichever suits it best. Where the
data ask for another power than the scale's own, the errors of the fit have it, too: a decline takes
the noise of counts with it, and a model of one size for all noise would be wrong on both scales.

Nor does the shape of the noise decide: noise that multiplies is lognormal, and every period adds a
little to the likelihood of the logarithm, whatever the course (about .75 sd^2: a unit in 130 months
with noise of 10%). So from `SHAPED` rows on each course, straight or exponential, is held against
the data with both shapes of noise, and has the likelihood of the better one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.latent import LEAST_MEAN, poisson_means
from uploadtrends.models.estimators.linear import least_squares
from uploadtrends.models.estimators.reml import PHI_GRID, conditional

UNDECIDED = 2.0
"""Log likelihoods that differ by less do not tell the scales apart."""
CLEAR = 5.0
"""Log likelihoods that differ by more leave no doubt about the scale, also where courses bend."""
SHAPED = 60
"""Rows from which the shape of the noise must not choose the course; fewer hardly know it."""
LONG = 365
"""Rows from which only a difference of `CLEAR` tells the scales apart, and the shape of the noise
does not even choose between scales that are not told apart."""
_STEPS = 3
_POWERS = (0.0, 1.0, 2.0)
_STEP = 0.25
"""Powers of the mean are told apart to this."""
OWN = {"level": 0.0, "log": 2.0, "counts": 1.0}
"""Power of the mean that the variance has where the model of a scale is right as it stands."""
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


@dataclass(frozen=True)
class Noise:
    """How the noise of a series goes with its mean, on one scale."""

    log_likelihood: float
    power: float
    """The variance, in the unit of the data, is proportional to this power of the mean."""
    gain: float
    """Log likelihood beyond that of the scale's own power."""
    floor: float
    """Means below count as this."""

    @property
    def own(self) -> bool:
        """Whether the scale's own power does."""
        return self.gain < UNDECIDED


def favour(logs: Side, level: Side, *, shaped: int = SHAPED) -> tuple[float, Noise, Noise]:
    """Compare the log scale (or link) with the scale of the data.

    Parameters
    ----------
    logs : Side
        The series on the scale "log" or "counts".
    level : Side
        The same on the scale of the data.
    shaped : int
        Rows from which the shape of the noise must not choose the course.

    Returns
    -------
    difference : float
        By how much the log likelihood of the first exceeds that of the second; minus infinity where
        a stretch of zeros has no logarithm of its mean.
    of_logs, of_level : Noise
        The power of the mean that suits each best.
    """
    y = level.y
    if logs.scale == "log":
        outcome, mean = logs.y, np.exp(_fitted(logs) + logs.offset)
        middle = float(np.exp(np.log(y).mean()))
        settled = True
    else:
        _, means, converged = poisson_means(logs.y[None], logs.x[None], logs.offset)
        settled = bool(converged[0])
        mean = np.maximum(means[0], LEAST_MEAN)
        outcome, middle = (logs.y - means[0]) / mean, float(np.exp(np.log(mean).mean()))
    floor = LEAST_MEAN if logs.scale == "counts" else 0.1 * float(np.median(y))
    straight = _fitted(level)
    of_level = _noise(y / middle, level, straight, floor)
    if not settled:
        return -np.inf, of_level, of_level
    of_logs = _noise(outcome, logs, mean, floor if logs.scale == "counts" else 0.0)
    if logs.scale == "log" and y.size >= shaped:
        of_level = _better(of_level, _multiplied(level, logs.y, straight, middle, floor), y.size)
        of_logs = _better(of_logs, _added(logs, y, mean, middle), y.size)
    return of_logs.log_likelihood - of_level.log_likelihood, of_logs, of_level


def _multiplied(level: Side, logarithm: Array, mean: Array, middle: float, floor: float) -> Noise:
    """Return the lognormal noise around a course on the scale of the data, near its `mean`."""
    mean = np.maximum(mean, floor)
    for _ in range(_STEPS):  # log(Xb) is linear in b near the fitted b
        left = np.log(mean) - logarithm
        step = left - least_squares(left, level.x / mean[:, None])[2]
        mean = np.maximum(mean * (1 - step), floor)
    near = level._replace(scale="log", x=level.x * (middle / mean)[:, None])
    found = _noise(logarithm - np.log(mean), near, mean, floor)
    return replace(found, gain=np.inf if found.power != OWN["level"] else 0.0)


def _added(logs: Side, y: Array, mean: Array, middle: float) -> Noise:
    """Return the normal noise around a course on the log scale, near its `mean`."""
    for _ in range(_STEPS):
        left = y - mean
        step = left - least_squares(left, logs.x * mean[:, None])[2]
        mean = mean * np.exp(step / mean)
    near = logs._replace(scale="level", x=logs.x * (mean / middle)[:, None])
    found = _noise((y - mean) / middle, near, mean, 0.0)
    return replace(found, gain=np.inf if found.power != OWN["log"] else 0.0)


def _better(own: Noise, other: Noise, rows: int) -> Noise:
    """Return the noise of the better shape; few rows know its likelihood and not its power."""
    if own.log_likelihood >= other.log_likelihood:
        return own
    return other if rows >= LONG else replace(own, log_likelihood=other.log_likelihood)


def relative_spread(
    side: Side, noise: Noise, matrix: Array, offset: Array, used: np.ndarray
) -> Array:
    """Return (N,) the size of the errors in every period, relative to their geometric mean.

    Parameters
    ----------
    side : Side
        On the scale "log" or "level".
    noise : Noise
    matrix : array (N, k)
        Of all periods; those of `used` are the rows of `side`.
    offset : array (N,)
    used : array of bool (N,)
    """
    predicted = matrix @ least_squares(side.y, side.x)[0] + offset
    mean = np.exp(predicted) if side.scale == "log" else predicted
    sd = np.maximum(mean, noise.floor) ** ((noise.power - OWN[side.scale]) / 2)
    return np.asarray(sd / np.exp(np.log(sd[used]).mean()))


def _noise(outcome: Array, side: Side, mean: Array, floor: float) -> Noise:
    """Return the power of the mean that suits a scale best, to a quarter."""
    straight = np.maximum(mean, floor)
    ends = 0.0 if side.scale == "level" else 2.0

    def at(*powers: float) -> dict[float, float]:
        sizes = straight ** ((np.array(powers)[:, None] - ends) / 2)
        return dict(zip(powers, _likelihoods(outcome, side, sizes), strict=True))

    found = at(*_POWERS)
    low, middle, high = found.values()
    bend = low - 2 * middle + high
    if bend < 0:  # the parabola through the three has its top between or beyond them
        top = float(np.clip(1.0 - (high - low) / (2 * bend), 0.0, 2.0))
        power = round(top / _STEP) * _STEP
        if power not in found:
            found |= at(power)
    best = max(found, key=lambda power: found[power])
    gain = found[best] - found[OWN[side.scale]]
    return Noise(found[best], best, gain, floor)


def _fitted(side: Side) -> Array:
    return np.asarray(side.y - least_squares(side.y, side.x)[2])


def _likelihoods(outcome: Array, side: Side, sd: Array) -> list[float]:
    """Return restricted log likelihoods, phi integrated out, errors proportional to `sd` (s, n)."""
    sd = sd / np.exp(np.log(sd).mean(axis=1, keepdims=True))
    fit = conditional(outcome / sd, side.x / sd[:, :, None], side.positions)
    logs = fit.log_likelihood + _PRIOR
    top = logs.max(axis=1)
    found: list[float] = (top + np.log(np.exp(logs - top[:, None]).sum(axis=1))).tolist()
    return found


def told_apart(rows: int) -> float:
    """Return by how much log likelihoods must differ for a series to tell the scales apart."""
    return CLEAR if rows >= LONG else UNDECIDED


def said(difference: float, logs: str, decided: bool) -> str:
    """Say what the comparison found, as the reason of a choice."""
    name = "log link" if logs == "counts" else "log scale"
    if difference == -np.inf:
        return "a stretch of zeros has no logarithm"
    if not decided:
        return (
            f"the data cannot tell the {name} from the scale of the data: log likelihoods differ "
            f"by {abs(difference):.1f}, so both answers are given"
        )
    better, worse = (name, "scale of the data") if difference > 0 else ("scale of the data", name)
    return f"the {better} fits better than the {worse}, log likelihood +{abs(difference):.1f}"
