"""A structural time-series alternative: a wandering level, regression, white noise.

For those who come from CausalImpact (Brodersen et al. 2015): local level, seasonal terms and
regression on controls, here with the events as intervention terms of the same model, so that the
answer has the same terms as every other method. The level starts anywhere (diffuse), its start is
the intercept. Everything is generalised least squares: no filter, and so no first period whose
variance has not settled.
"""

from __future__ import annotations

import numpy as np
import scipy
from scipy.linalg import cholesky_banded, solveh_banded

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate, Wander
from uploadtrends.models.settings import Settings

MOST = 3000
"""Longest span in periods whose joint law is formed."""
_RATIOS = np.exp(np.linspace(np.log(1e-7), np.log(1e5), 25))
"""Variances of the level's steps over that of the noise, from which the search starts."""


def fit_structural(y: Array, x: Array, positions: Array, settings: Settings) -> Estimate:
    """Fit local level + regression by restricted likelihood (that of an exact diffuse start).

    The law of the coefficients carries the wandering of the level, and the law of the level that of
    the coefficients; the variances of level and noise are plugged in, which makes the intervals
    somewhat short.

    Raises
    ------
    NotEstimableError
        If the series is too long for its joint law.
    """
    n, k = x.shape
    places = (positions - positions[0]).astype(int)
    if places[-1] >= MOST:
        raise NotEstimableError(
            f"{places[-1] + 1} periods are too many for a structural model, at most {MOST}; "
            'use method="auto" or longer periods'
        )
    unit = float(y.std())
    scale = np.maximum(np.abs(x).max(axis=0), 1e-300)
    problem = _Differenced(y / unit, x / scale, positions)
    ratio = problem.best()
    irregular = problem.variance(ratio) * unit**2
    wander = ratio * irregular

    grid = np.arange(places[-1] + 1.0)
    state = wander * np.minimum.outer(grid, grid)
    seen = state[:, places]
    inverse = np.linalg.inv(seen[places] + irregular * np.eye(n))
    weighted = inverse @ (x / scale)
    bread = np.linalg.inv((x / scale).T @ weighted)
    rows = (bread @ weighted.T) / scale[:, None]
    beta = rows @ y
    covariance = bread / np.outer(scale, scale)
    smoother = seen @ inverse
    level = Wander(
        start=smoother @ y,
        slope=smoother @ x,
        covariance=state - smoother @ seen.T,
        step=wander,
    )
    raw = y - x @ beta - (level.start - level.slope @ beta)[places]
    return Estimate(
        weights=np.ones(1),
        coefficients=beta[None],
        covariance=covariance[None],
        df=np.inf,
        sigma=np.array([np.sqrt(irregular)]),
        residuals=problem.innovations(ratio),
        raw_residuals=raw,
        extra={
            "level_sd": float(np.sqrt(wander)),
            "noise_sd": float(np.sqrt(irregular)),
            "log_likelihood": problem.log_likelihood(ratio) - (n - k) * float(np.log(unit)),
        },
        wander=level,
        rows=rows,
        notes=("variances of level and noise are plugged in: intervals are somewhat short",),
    )


class _Differenced:
    """Restricted likelihood of the ratio of variances, from differences of neighbouring rows.

    Differences know nothing of the start of the level; their covariance has three bands, ratio
    times the gap plus 2 and -1, so that a series of any length costs its length.
    """

    def __init__(self, y: Array, x: Array, positions: Array) -> None:
        # The intercept (the first column) is the start of the level.
        self.columns = np.diff(np.column_stack([x[:, 1:], y]), axis=0)
        self.gaps = np.diff(positions)
        self.n, self.k = x.shape

    def _solved(self, ratio: float) -> tuple[Array, Array, float]:
        """Return coefficients, residual differences and restricted log determinant."""
        # Divided by 1 + ratio: well scaled at both ends.
        bands = np.zeros((2, self.gaps.size))
        bands[0] = (ratio * self.gaps + 2) / (1 + ratio)
        bands[1, :-1] = -1 / (1 + ratio)
        solved = solveh_banded(bands, self.columns, lower=True)
        gram = self.columns.T @ solved
        beta = np.linalg.solve(gram[:-1, :-1], gram[:-1, -1])
        rss = float(gram[-1, -1] - gram[:-1, -1] @ beta)
        log_determinant = 2 * np.log(cholesky_banded(bands, lower=True)[0]).sum()
        log_determinant += np.linalg.slogdet(gram[:-1, :-1])[1]
        return beta, np.array([max(rss, 1e-290)]), float(log_determinant)

    def variance(self, ratio: float) -> float:
        """Return the variance of the noise at its maximum."""
        rss = float(self._solved(ratio)[1][0])
        return float(rss / (self.n - self.k) / (1 + ratio))

    def log_likelihood(self, ratio: float) -> float:
        """Return the restricted log-likelihood, constants included (Harville 1974)."""
        _, rss, log_determinant = self._solved(ratio)
        df = self.n - self.k
        return float(-0.5 * (df * (np.log(2 * np.pi * rss[0] / df) + 1) + log_determinant))

    def best(self) -> float:
        """Return the ratio of the greatest likelihood: every local one is looked at."""
        values = np.array([self.log_likelihood(ratio) for ratio in _RATIOS])
        at = int(np.argmax(values))
        if at == 0:
            return 0.0
        low, high = (np.log(_RATIOS[i]) for i in (at - 1, min(at + 1, _RATIOS.size - 1)))
        found = scipy.optimize.minimize_scalar(
            lambda log: -self.log_likelihood(float(np.exp(log))),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return float(np.exp(float(found.x)))

    def innovations(self, ratio: float) -> Array:
        """Return one-step errors of unit variance; the first row has none and is zero."""
        beta, _, _ = self._solved(ratio)
        left = self.columns[:, -1] - self.columns[:, :-1] @ beta
        errors = np.zeros(self.n)
        spread, before = 1.0, 0.0
        for t in range(self.n - 1):
            carried = -before / spread if t else 0.0
            total = ratio * self.gaps[t] + 2 - (1 / spread if t else 0.0)
            errors[t + 1] = left[t] - carried
            before, spread = errors[t + 1], total
            errors[t + 1] /= np.sqrt(total)
        size = errors[1:].std()
        return np.asarray(errors / (size if size > 0 else 1.0))
