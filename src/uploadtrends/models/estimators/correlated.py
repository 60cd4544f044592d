"""Generalised least squares with ARMA errors, or at irregular times, as R's ``nlme::gls``.

For data that are no regular series, or that need more than the verb: outcome, regressors, times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError, NotEstimableError

ERRORS = ("independent", "arma", "exponential", "exponential+noise")


@dataclass(frozen=True)
class GeneralisedLeastSquares:
    """Coefficients with their covariance, and the errors' parameters."""

    coefficients: Array
    """(k,)"""
    covariance: Array
    """(k, k)"""
    sigma: float
    """Marginal standard deviation of the errors, noise included."""
    parameters: Mapping[str, float]
    """ar1, ma1, ...; or ``range`` (the time over which correlation falls to 1/e), ``phi`` (that at
    distance one) and ``noise_share``."""
    log_likelihood: float

    @property
    def se(self) -> Array:
        """(k,) standard errors."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def gls(
    y: ArrayLike,
    x: ArrayLike,
    at: ArrayLike | None = None,
    *,
    errors: str = "exponential",
    order: tuple[int, int] = (1, 0),
    likelihood: str = "reml",
) -> GeneralisedLeastSquares:
    """Fit a regression whose errors are correlated in time.

    Parameters
    ----------
    y : array (n,)
    x : array (n, k)
        With its intercept.
    at : array (n,), optional
        Times, increasing; whole numbers for ``"arma"`` (gaps are rows that are missing). By
        default 0, 1, 2, ...
    errors : {"independent", "arma", "exponential", "exponential+noise"}
        ``corARMA``; ``corCAR1`` (the same as ``corExp``); ``corExp`` with a nugget, which at equal
        spacing is AR(1) plus white noise.
    order : (int, int)
        p and q of ``"arma"``.
    likelihood : {"reml", "ml"}

    Raises
    ------
    InputError
        If shapes or times do not fit.
    NotEstimableError
        If no start finds a maximum.

    Examples
    --------
    >>> time = [0.0, 1.0, 2.5, 3.0, 4.2, 6.0, 7.1, 8.0]
    >>> fit = gls([1, 2, 2, 3, 3, 4, 4, 5], [[1, t] for t in time], time, errors="independent")
    >>> fit.coefficients.round(2).tolist()
    [1.24, 0.44]
    """
    outcome, design = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    n = outcome.size
    times = np.arange(n, dtype=float) if at is None else np.asarray(at, dtype=float)
    if design.shape[0] != n or times.shape != (n,) or (np.diff(times) <= 0).any():
        raise InputError(
            "outcome, regressors and increasing times do not fit together",
            value={"y": outcome.shape, "x": design.shape, "at": times.shape},
        )
    if errors not in ERRORS or likelihood not in ("reml", "ml"):
        raise InputError(
            "unknown errors or likelihood", value=(errors, likelihood), fix=f"one of {ERRORS}"
        )
    if errors == "arma" and (times != np.round(times)).any():
        raise InputError("ARMA errors need whole times", column="at", fix='errors="exponential"')
    problem = _Problem(outcome, design, times, errors, order, likelihood == "reml")
    return problem.fit()


@dataclass(frozen=True)
class _Problem:
    y: Array
    x: Array
    at: Array
    errors: str
    order: tuple[int, int]
    restricted: bool

    def fit(self) -> GeneralisedLeastSquares:
        """Maximise from several starts."""
        best: Any = None
        for start in self._starts():
            found = scipy.optimize.minimize(self._loss, start, method="Nelder-Mead", options=_FINE)
            found = scipy.optimize.minimize(
                self._loss, found.x, method="BFGS", options={"gtol": 1e-9}
            )
            best = found if best is None or found.fun < best.fun else best
        free = np.zeros(0) if best is None else np.asarray(best.x)
        value, beta, covariance, sigma = self._solved(free)
        if not np.isfinite(value):
            raise NotEstimableError("the likelihood of the errors could not be maximised")
        return GeneralisedLeastSquares(beta, covariance, sigma, self._named(free), value)

    def _starts(self) -> list[Array]:
        if self.errors == "independent":
            return []
        if self.errors == "arma":
            p, q = self.order
            return [
                np.concatenate([[value, *[0.0] * (p + q - 1)]]) for value in (0.0, 0.6, 1.5, -0.6)
            ]
        step = float(np.median(np.diff(self.at)))
        spans = [np.log(step * factor) for factor in (1.0, 5.0, 20.0)]
        noise = [[0.0], [-1.5]] if self.errors == "exponential+noise" else [[]]
        return [np.array([span, *more]) for span in spans for more in noise]

    def _natural(self, free: Array) -> tuple[Array, Array]:
        from statsmodels.tsa.statespace.tools import constrain_stationary_univariate as constrain

        p, q = self.order
        ar = constrain(free[:p]) if p else free[:0]
        return ar, -constrain(free[p:]) if q else free[:0]

    def _correlation(self, free: Array) -> Array:
        distance = np.abs(np.subtract.outer(self.at, self.at))
        if self.errors == "independent":
            return np.eye(self.at.size)
        if self.errors == "arma":
            from statsmodels.tsa.arima_process import arma_acovf

            ar, ma = self._natural(free)
            acovf = arma_acovf(np.r_[1.0, -ar], np.r_[1.0, ma], int(distance.max()) + 1)
            return np.asarray((acovf / acovf[0])[distance.astype(int)])
        matrix = np.exp(-distance / np.exp(free[0]))
        if self.errors == "exponential+noise":
            matrix = matrix * (1 - special.expit(free[1]))
            np.fill_diagonal(matrix, 1.0)
        return np.asarray(matrix)

    def _solved(self, free: Array) -> tuple[float, Array, Array, float]:
        n, k = self.x.shape
        root = np.linalg.cholesky(self._correlation(free))
        white = np.linalg.solve(root, np.column_stack([self.x, self.y]))
        orthonormal, triangle = np.linalg.qr(white[:, :k])
        beta = np.linalg.solve(triangle, orthonormal.T @ white[:, k])
        left = white[:, k] - white[:, :k] @ beta
        rss = float(left @ left)
        log_root = np.log(np.diag(root)).sum()
        log_gram = np.log(np.abs(np.diag(triangle))).sum()
        count = n - k if self.restricted else n
        value = -0.5 * count * (np.log(2 * np.pi * rss / count) + 1) - log_root
        if self.restricted:
            value -= log_gram
        # Both scaled by n - k, as R's vcov.
        inverse = np.linalg.inv(triangle)
        covariance = inverse @ inverse.T * rss / (n - k)
        return float(value), beta, covariance, float(np.sqrt(rss / count))

    def _loss(self, free: Array) -> float:
        try:
            value = self._solved(free)[0]
        except np.linalg.LinAlgError:
            return 1e10
        return -value if np.isfinite(value) else 1e10

    def _named(self, free: Array) -> dict[str, float]:
        if self.errors == "independent":
            return {}
        if self.errors == "arma":
            ar, ma = self._natural(free)
            found = {f"ar{i + 1}": float(value) for i, value in enumerate(ar)}
            return found | {f"ma{i + 1}": float(value) for i, value in enumerate(ma)}
        span = float(np.exp(free[0]))
        found = {"range": span, "phi": float(np.exp(-1 / span))}
        if self.errors == "exponential+noise":
            found["noise_share"] = float(special.expit(free[1]))
        return found


_FINE: Any = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000}
