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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.models.estimators.estimate import alike
from uploadtrends.models.estimators.latent import LEAST_MEAN, poisson_means
from uploadtrends.models.estimators.linear import least_squares
from uploadtrends.models.estimators.reml import PHI_GRID
from uploadtrends.models.estimators.whitened import restricted

UNDECIDED = 2.0
"""Log likelihoods that differ by less do not tell the scales apart."""
CLEAR = 5.0
"""Log likelihoods that differ by more leave no doubt about the scale, also where courses bend."""
SHAPED = 60
"""Rows from which the shape of the noise must not choose the course; fewer hardly know it."""
LONG = 365
"""Rows from which only a difference of `CLEAR` tells the scales apart, and the shape of the noise
does not even choose between scales that are not told apart."""
_AT_ONCE = 16
"""Designs looked at together: they stay in the processor's cache."""
_STEPS = 3
_POWERS = (0.0, 1.0, 2.0)
_STEP = 0.25
"""Powers of the mean are told apart to this."""
OWN = {"level": 0.0, "log": 2.0, "counts": 1.0}
"""Power of the mean that the variance has where the model of a scale is right as it stands."""
_PRIOR = -0.5 * np.log1p(-(PHI_GRID**2))


class Side(NamedTuple):
    """A series on one of the scales, or several (m) with rows at the same positions."""

    scale: str
    y: Array
    """(n,) or (m, n)"""
    x: Array
    """(n, k) or (m, n, k)"""
    positions: Array
    """(n,)"""
    offset: Array
    """(n,) or (m, n) known part of the log mean."""

    @classmethod
    def stacked(cls, sides: Sequence[Side]) -> Side:
        """Return several as one."""
        y, x, offset = (
            np.stack([getattr(one, name) for one in sides]) for name in ("y", "x", "offset")
        )
        return sides[0]._replace(y=y, x=x, offset=offset)


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


class _Noises(NamedTuple):
    """The noise of several series, fields as of `Noise`."""

    log_likelihood: Array
    power: Array
    gain: Array
    floor: Array

    def each(self) -> list[Noise]:
        """Return that of each series."""
        return [Noise(*row) for row in np.stack(self, axis=1).tolist()]

    def better(self, other: _Noises, rows: int) -> _Noises:
        """Return the noise of the better shape; few rows know its likelihood and not its power."""
        best = np.fmax(self.log_likelihood, other.log_likelihood)  # one may have diverged
        taken = (other.log_likelihood > self.log_likelihood) & (rows >= LONG)
        pairs = zip(self, other, strict=True)
        kept = _Noises(*(np.where(taken, beside, own) for own, beside in pairs))
        return kept._replace(log_likelihood=best)


def favour(
    pairs: Sequence[tuple[Side, Side]], *, shaped: int = SHAPED
) -> list[tuple[float, Noise, Noise]]:
    """Compare the log scale (or link) with the scale of the data, series by series.

    Parameters
    ----------
    pairs : sequence of (Side, Side)
        Each series on the scale "log" or "counts", and on the scale of the data.
    shaped : int
        Rows from which the shape of the noise must not choose the course.

    Returns
    -------
    list of (difference, of_logs, of_level)
        By how much the log likelihood of the first exceeds that of the second, minus infinity where
        a stretch of zeros has no logarithm of its mean; and the `Noise` that suits each best.
    """
    keys = (
        (i if logs.scale == "counts" else logs.positions.tobytes(), logs.x.shape, level.x.shape)
        for i, (logs, level) in enumerate(pairs)
    )
    found: dict[int, tuple[float, Noise, Noise]] = {}
    for places in alike(keys):
        logs, level = (Side.stacked(side) for side in zip(*(pairs[i] for i in places), strict=True))
        both = [noises.each() for noises in _compared(logs, level, shaped)]
        for i, log, straight in zip(places, *both, strict=True):
            found[i] = log.log_likelihood - straight.log_likelihood, log, straight
    return [found[i] for i in range(len(pairs))]


def _compared(logs: Side, level: Side, shaped: int) -> tuple[_Noises, _Noises]:
    y, n = level.y, level.y.shape[1]
    if logs.scale == "log":
        outcome, mean = logs.y, np.exp(_fitted(logs) + logs.offset)
        middle, floor = _middle(y), 0.1 * np.median(y, axis=1, keepdims=True)
        floor_of_logs, settled = 0 * floor, True
    else:
        _, means, converged = poisson_means(logs.y, logs.x, logs.offset[0])
        mean = np.maximum(means, LEAST_MEAN)
        outcome, middle, settled = (logs.y - means) / mean, _middle(mean), bool(converged.all())
        floor = floor_of_logs = np.full((len(y), 1), LEAST_MEAN)
    straight = _fitted(level)
    of_level = _noise(y / middle, level, straight, floor)
    if not settled:
        return of_level._replace(log_likelihood=np.full(len(y), -np.inf)), of_level
    of_logs = _noise(outcome, logs, mean, floor_of_logs)
    if logs.scale == "log" and n >= shaped:
        of_level = of_level.better(_multiplied(level, logs.y, straight, middle, floor), n)
        of_logs = of_logs.better(_added(logs, y, mean, middle), n)
    return of_logs, of_level


def _multiplied(level: Side, logarithm: Array, mean: Array, middle: Array, floor: Array) -> _Noises:
    """Return the lognormal noise around courses on the scale of the data, near their `mean`."""
    mean = np.maximum(mean, floor)
    for _ in range(_STEPS):  # log(Xb) is linear in b near the fitted b
        step = _projected(np.log(mean) - logarithm, level.x / mean[..., None])
        mean = np.maximum(mean * (1 - step), floor)
    near = level._replace(scale="log", x=level.x * (middle / mean)[..., None])
    found = _noise(logarithm - np.log(mean), near, mean, floor)
    return found._replace(gain=np.where(found.power != OWN["level"], np.inf, 0.0))


def _added(logs: Side, y: Array, mean: Array, middle: Array) -> _Noises:
    """Return the normal noise around courses on the log scale, near their `mean`."""
    # One huge period can drive the steps apart: that likelihood is NaN, and not the better one.
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(_STEPS):
            step = _projected(y - mean, logs.x * mean[..., None])
            mean = mean * np.exp(step / mean)
        near = logs._replace(scale="level", x=logs.x * (mean / middle)[..., None])
        found = _noise((y - mean) / middle, near, mean, 0 * middle)
    return found._replace(gain=np.where(found.power != OWN["log"], np.inf, 0.0))


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


def _noise(outcome: Array, side: Side, mean: Array, floor: Array) -> _Noises:
    """Return the power of the mean that suits a scale best, to a quarter, for each series."""
    straight = np.maximum(mean, floor)
    ends = 0.0 if side.scale == "level" else 2.0
    found = _likelihoods(outcome, side, straight, np.tile(_POWERS, (len(outcome), 1)) - ends)
    low, middle, high = found.T
    bend = low - 2 * middle + high
    # The parabola through the three has its top between or beyond them.
    top = 1.0 - (high - low) / (2 * np.where(bend < 0, bend, -1.0))
    power = np.round(np.clip(top, 0.0, 2.0) / _STEP) * _STEP
    more = np.flatnonzero((bend < 0) & ~np.isin(power, _POWERS))
    found = np.column_stack([found, np.full(len(found), -np.inf)])
    if more.size:
        some = side._replace(x=side.x[more])
        found[more, 3:] = _likelihoods(
            outcome[more], some, straight[more], power[more, None] - ends
        )
    best = found.argmax(axis=1)
    most = found.max(axis=1)
    gain = most - found[:, _POWERS.index(OWN[side.scale])]
    return _Noises(most, np.choose(best, [*_POWERS, power]), gain, floor[:, 0])


def _middle(values: Array) -> Array:
    """Return the geometric mean of each series (m, 1)."""
    return np.asarray(np.exp(np.log(values).mean(axis=1, keepdims=True)))


def _projected(y: Array, x: Array) -> Array:
    """Return the least-squares fit of series (m, n) to designs (m, n, k)."""
    basis = np.linalg.qr(x)[0]
    return np.asarray((basis @ (basis.transpose(0, 2, 1) @ y[..., None]))[..., 0])


def _fitted(side: Side) -> Array:
    return _projected(side.y, side.x)


def _likelihoods(outcome: Array, side: Side, mean: Array, powers: Array) -> Array:
    """Return restricted log likelihoods (m, p), phi integrated out, of series (m, n) whose
    variances go with these powers (m, p) of their means (m, n)."""
    m, p = powers.shape
    sd = mean[:, None] ** (powers[..., None] / 2)
    sd = (sd / np.exp(np.log(sd).mean(axis=2, keepdims=True))).reshape(m * p, -1)
    of = np.arange(m * p) // p
    pieces = [
        restricted(
            outcome[of[rows]] / sd[rows],
            side.x[of[rows]] / sd[rows, :, None],
            side.positions,
            PHI_GRID,
        )
        for rows in (slice(i, i + _AT_ONCE) for i in range(0, m * p, _AT_ONCE))
    ]
    logs = np.concatenate(pieces) + _PRIOR
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(logs - top).sum(axis=1))).reshape(m, p)


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
