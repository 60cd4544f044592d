"""The shortest interval that holds at every autocorrelation of a stated range, and its bound.

An interval that keeps its coverage at every AR(1) parameter of a range must be longer than that of
one who knows the parameter; how much longer, no method can better. The expected length of an
interval is the integral of the probability that it holds a value (Pratt 1961). The shortest one
therefore inverts the most powerful test of each value: the restricted likelihood with the contrast
integrated out, averaged over the range, against that with the contrast fixed, averaged with the
least favourable weights (Elliott, Mueller & Watson 2015). The exponent of both is n - k + 1: length
is measured in standard deviations of the errors. The weights depend on the design only and are
solved by simulation, once a design.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import logsumexp, ndtri, softmax

from uploadtrends.arrays import Array
from uploadtrends.models.estimators import reml

STEP = 0.1
"""Between the autocorrelations at which coverage is enforced."""
_DRAWS = 3000
_ROUNDS = 400
_CUTS = 241
_REACH = 8.0
_SOLVED = 0.002


@dataclass(frozen=True)
class Shortest:
    """The shortest interval for one design and contrast; see `solve`."""

    phi: Array
    """(g,) autocorrelations of the range."""
    log_weights: Array
    """(g,) of the likelihoods with the contrast fixed."""
    log_aims: Array
    """(g,) of those with the contrast integrated out."""
    coverage: Array
    """(g,) in the simulation that the weights were solved in."""
    ratio: Array
    """(g,) expected length over that of one who knows the autocorrelation."""
    bound: float
    """No interval that holds on the whole range has a smaller largest ratio."""
    design: Array
    positions: Array
    contrast: Array

    def interval(self, y: Array) -> tuple[Array, Array]:
        """Return both ends for series (m, n); the hull where the set of values has a gap."""
        parts = _parts(y, self.design, self.positions, self.contrast, self.phi)
        centre, se = _middle(parts)
        grid = np.linspace(-_REACH, _REACH, _CUTS)
        inside = self._inside(parts, centre[:, None] + grid * se[:, None])
        first, last = inside.argmax(axis=1), _CUTS - 1 - inside[:, ::-1].argmax(axis=1)
        ends = []
        for place, out in ((first, -1), (last, 1)):
            within, beyond = grid[place], grid[np.clip(place + out, 0, _CUTS - 1)]
            for _ in range(25):
                at = (within + beyond) / 2
                held = self._inside(parts, (centre + at * se)[:, None])[:, 0]
                within, beyond = np.where(held, at, within), np.where(held, beyond, at)
            # An empty set is the point that it shrinks to.
            ends.append(np.where(inside.any(axis=1), centre + within * se, centre))
        return ends[0], ends[1]

    def _inside(self, parts: _Parts, values: Array) -> Array:
        """Return whether each of the values (m, c) is held."""
        return parts.fixed(values, self.log_weights) >= parts.integrated(self.log_aims)[:, None]


@dataclass(frozen=True)
class _Parts:
    """The fits of series (m) at every autocorrelation (g)."""

    log_constant: Array
    """(g,) log of (|R| |X'R^-1 X|)^-1/2"""
    rss: Array
    """(m, g)"""
    centre: Array
    """(m, g)"""
    variance: Array
    """(g,) of the contrast, in squared standard deviations of the errors."""
    power: float
    """(n - k + 1) / 2"""

    def fixed(self, values: Array, log_weights: Array) -> Array:
        """Return the log of the averaged likelihood with the contrast fixed at values (m, c)."""
        away = (values[:, :, None] - self.centre[:, None]) ** 2 / self.variance
        logs = self.log_constant - 0.5 * np.log(self.variance) + log_weights
        return np.asarray(logsumexp(logs - self.power * np.log(self.rss[:, None] + away), axis=2))

    def integrated(self, log_aims: Array) -> Array:
        """Return the log of the averaged likelihood with the contrast integrated out (m,)."""
        logs = self.log_constant + log_aims - self.power * np.log(self.rss)
        return np.asarray(logsumexp(logs, axis=1))


def _parts(y: Array, design: Array, positions: Array, contrast: Array, phi: Array) -> _Parts:
    fit = reml.conditional(y, design, positions, phi)
    centres, scales = reml.contrast_components(fit, contrast[None])
    log_constant = fit.log_likelihood[0] + 0.5 * fit.df * (
        np.log(2 * np.pi) + np.log(fit.variance[0]) + 1
    )
    return _Parts(
        log_constant=log_constant,
        rss=fit.variance * fit.df,
        centre=centres[:, 0],
        variance=scales[0, 0] ** 2 / fit.variance[0],
        power=(fit.df + 1) / 2,
    )


def _middle(parts: _Parts) -> tuple[Array, Array]:
    """Return a centre and a scale (m,) around which every interval lies."""
    se = np.sqrt(parts.variance * parts.rss / (2 * parts.power - 1))
    return parts.centre.mean(axis=1), se.max(axis=1)


def solve(
    design: Array,
    positions: Array,
    contrast: Array,
    *,
    up_to: float = 0.8,
    confidence: float = 0.95,
    rounds: int = 1,
) -> Shortest:
    """Return the shortest interval that holds at every autocorrelation from 0 to `up_to`.

    Shortest on average over the range, each length being divided by that of one who knows the
    autocorrelation. Takes a few seconds; the last designs are kept.

    Parameters
    ----------
    design : array (n, k)
    positions : array (n,)
    contrast : array (k,)
    up_to : float
        In (0, 0.95].
    confidence : float
    rounds : int
        1: shortest on average over the range. More: the range is weighed so that the largest ratio
        comes down, and `bound` approaches the least largest ratio that any interval can have.
    """
    arrays = [np.ascontiguousarray(part, dtype=float) for part in (design, positions, contrast)]
    told = tuple(part.tobytes() for part in arrays)
    return _solve(*told, arrays[0].shape, float(up_to), float(confidence), rounds)


@lru_cache(maxsize=32)
def _solve(
    design: bytes,
    places: bytes,
    line: bytes,
    shape: tuple[int, int],
    up_to: float,
    confidence: float,
    rounds: int,
) -> Shortest:
    x, positions = np.frombuffer(design).reshape(shape), np.frombuffer(places)
    contrast = np.frombuffer(line)
    phi = np.linspace(0.0, up_to, max(round(up_to / STEP), 1) + 1)
    rng = np.random.default_rng(20220822)
    noise = rng.standard_normal((_DRAWS, shape[0]))
    gaps = np.abs(np.subtract.outer(positions, positions))
    every = [
        _parts(noise @ np.linalg.cholesky(r**gaps).T, x, positions, contrast, phi) for r in phi
    ]
    oracle = np.sqrt(every[0].variance)
    log_aims = -np.log(oracle * phi.size)
    known = 2 * float(ndtri((1 + confidence) / 2)) * oracle
    answer, least = None, np.inf
    for _ in range(rounds):
        own = np.stack(
            [
                part.log_constant
                - 0.5 * np.log(part.variance)
                - part.power * np.log(part.rss + part.centre**2 / part.variance)
                - part.integrated(log_aims)[:, None]
                for part in every
            ]
        )
        weights, covered = _least_favourable(own, confidence)
        found = Shortest(phi, weights, log_aims, covered, phi, 0.0, x, positions, contrast)
        ratio = np.array([_length(found, part) for part in every]) / known
        share = np.exp(log_aims) * oracle
        found = replace(found, ratio=ratio, bound=float(share @ ratio / share.sum()))
        least = min(least, float(ratio.max()))
        # Where the weights were not solved the average is no bound: coverage beyond what is asked
        # for, at an autocorrelation that weighs, makes an interval longer than it need be.
        slack = float(softmax(weights) @ np.abs(covered - confidence))
        if answer is None or (slack < _SOLVED and found.bound > answer.bound):
            answer = found
        # More weight where the ratio is large: the average bound rises towards the largest ratio.
        log_aims = log_aims + 4 * (np.log(ratio) - np.log(ratio.max()))
        log_aims = log_aims - logsumexp(log_aims + np.log(oracle))
    assert answer is not None  # noqa: S101 - told to the type checker
    # Nor is any bound above the largest ratio of an interval that holds.
    return replace(answer, bound=min(answer.bound, least))


def _least_favourable(own: Array, confidence: float) -> tuple[Array, Array]:
    """Return log weights that make the coverage (g,) at least `confidence`, and that coverage.

    `own` (g, draws, g) holds the log of each likelihood with the contrast at its true value over
    the averaged one with it integrated out.
    """
    weights = np.full(len(own), -float(np.quantile(logsumexp(own[0], axis=1), 1 - confidence)))
    best, kept, reached = np.inf, weights, weights
    for turn in range(_ROUNDS):
        covered = (logsumexp(own + weights, axis=2) >= 0).mean(axis=1)
        short = max(float((confidence - covered).max()), 0.0)
        excess = short + 0.02 * float((covered - confidence).clip(0).mean())
        if excess < best:
            best, kept, reached = excess, weights, covered
        weights = weights + 40.0 / (1 + turn / 40) * (confidence - covered)
    return kept, reached


def _length(answer: Shortest, parts: _Parts) -> float:
    """Return the mean measure of the set of values that are held."""
    some = _Parts(
        parts.log_constant, parts.rss[:600], parts.centre[:600], parts.variance, parts.power
    )
    centre, se = _middle(some)
    grid = np.linspace(-_REACH, _REACH, _CUTS)
    inside = answer._inside(some, centre[:, None] + grid * se[:, None])
    return float((inside.sum(axis=1) * (grid[1] - grid[0]) * se).mean())
